/** Captured predictions of all serving processes in one order: that of arrival. */

import { join } from "node:path";
import type { CaptureFile } from "./capture-files.ts";
import { type PredictionLine, parsePrediction } from "./lines.ts";
import { openTail, type TailReader } from "./tail.ts";

/** Takes a line; a promise only when it must wait, because waiting for every line costs more than the line. */
export type Take = (line: PredictionLine) => Promise<void> | undefined;

/** How far a file was read now. */
export interface Moved {
  path: string;
  fromBytes: number;
  toBytes: number;
}

interface Source {
  path: string;
  fromBytes: number;
  reader: TailReader;
  /** The line that waits, and where it begins. */
  head: PredictionLine | undefined;
  headAt: number;
}

/**
 * Hands over the lines that were not read yet, day by day and within a day by arrival, until about `rowsMax` rows were
 * taken. Resolves to how far each file was read; an empty list means that there was nothing new.
 */
export async function readInOrder(
  folder: string,
  files: readonly CaptureFile[],
  offsets: ReadonlyMap<string, number>,
  rowsMax: number,
  take: Take,
): Promise<Moved[]> {
  const fresh = files.filter(({ path, sizeBytes }) => sizeBytes > (offsets.get(path) ?? 0));
  const days = [...new Set(fresh.map(({ path }) => path.slice(0, 10)))].sort();
  const moved: Moved[] = [];
  let rows = 0;
  for (const day of days) {
    if (rows >= rowsMax) break;
    const sources = fresh
      .filter(({ path }) => path.startsWith(day))
      .map(({ path, sizeBytes }): Source => {
        const fromBytes = offsets.get(path) ?? 0;
        const reader = openTail(join(folder, path), fromBytes, sizeBytes);
        return { path, fromBytes, reader, head: undefined, headAt: fromBytes };
      });
    try {
      rows += await mergeDay(sources, rowsMax - rows, take);
      for (const { path, fromBytes, headAt } of sources)
        if (headAt > fromBytes) moved.push({ path, fromBytes, toBytes: headAt });
    } finally {
      for (const { reader } of sources) await reader.close();
    }
  }
  return moved;
}

async function mergeDay(sources: readonly Source[], rowsMax: number, take: Take): Promise<number> {
  for (const source of sources) await advance(source);
  let waiting = sources.filter(({ head }) => head);
  let rows = 0;
  while (waiting.length > 0 && rows < rowsMax) {
    const first = waiting.reduce((a, b) => (b.head!.t < a.head!.t ? b : a));
    rows += first.head!.n;
    const wait = take(first.head!);
    if (wait) await wait;
    await advance(first);
    if (!first.head) waiting = waiting.filter((source) => source !== first);
  }
  return rows;
}

/** Moves to the next line that is whole; torn and foreign ones are passed over. */
async function advance(source: Source): Promise<void> {
  for (;;) {
    source.headAt = source.reader.offset();
    const text = await source.reader.next();
    source.head = text === undefined ? undefined : parsePrediction(text);
    if (text === undefined || source.head) return;
  }
}
