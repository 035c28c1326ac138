/**
 * Takes outcomes to the windows that hold their predictions. The time inside a request's id tells which windows can: only
 * their answers are read, and the last few stay in memory, because outcomes come in about the order of their predictions.
 */

import { join } from "node:path";
import type { AnswerRange } from "../db/windows.ts";
import { type Answers, idWords, type Outcome } from "./answers.ts";
import type { CaptureFile } from "./capture-files.ts";
import { idTimeMs, type OutcomeLine, parseOutcome } from "./lines.ts";
import type { Moved } from "./merge.ts";
import { openTail } from "./tail.ts";

/**
 * Lines up to a time, about `rowsMax` rows of them, from where each file was read last. An outcome may be written before its prediction, which waits up to
 * 100 ms: younger lines are left for the next time.
 */
export async function readOutcomes(
  folder: string,
  files: readonly CaptureFile[],
  offsets: ReadonlyMap<string, number>,
  { untilMs, rowsMax }: { untilMs: number; rowsMax: number },
  take: (line: OutcomeLine) => Promise<void>,
): Promise<Moved[]> {
  const moved: Moved[] = [];
  let rows = 0;
  const wanted = (line: OutcomeLine): boolean => {
    if (line.t > untilMs || rows >= rowsMax) return false;
    rows += line.y.length;
    return true;
  };
  for (const { path, sizeBytes } of files) {
    const fromBytes = offsets.get(path) ?? 0;
    if (sizeBytes <= fromBytes) continue;
    const toBytes = await readWhile(wanted, join(folder, path), fromBytes, sizeBytes, take);
    if (toBytes > fromBytes) moved.push({ path, fromBytes, toBytes });
  }
  return moved;
}

async function readWhile(
  wanted: (line: OutcomeLine) => boolean,
  path: string,
  fromBytes: number,
  sizeBytes: number,
  take: (line: OutcomeLine) => Promise<void>,
): Promise<number> {
  const reader = openTail(path, fromBytes, sizeBytes);
  try {
    for (;;) {
      const at = reader.offset();
      const text = await reader.next();
      if (text === undefined) return at;
      const line = parseOutcome(text);
      if (line && !wanted(line)) return at;
      if (line) await take(line);
    }
  } finally {
    await reader.close();
  }
}

/** Finds the windows whose request ids span a time. */
export class RangeIndex<R extends Pick<AnswerRange, "id_from_ms" | "id_to_ms">> {
  /** Latest end of the ranges up to each. */
  private readonly reach: number[] = [];
  /** Ranges by their start. */
  constructor(private readonly ranges: readonly R[]) {
    for (const { id_to_ms } of ranges) this.reach.push(Math.max(Number(id_to_ms), this.reach.at(-1) ?? 0));
  }
  at(timeMs: number): R[] {
    const found: R[] = [];
    for (let i = this.lastFrom(timeMs); i >= 0 && this.reach[i]! >= timeMs; i--)
      if (Number(this.ranges[i]!.id_to_ms) >= timeMs) found.push(this.ranges[i]!);
    return found;
  }
  /** The last range that starts at or before a time; −1 when none does. */
  private lastFrom(timeMs: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Number(this.ranges[middle]!.id_from_ms) <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

export interface OutcomeSources {
  ranges: readonly AnswerRange[];
  /** A window's answers; undefined when they are gone. */
  load(range: AnswerRange): Promise<{ answers: Answers; readTruth: (value: unknown) => number } | undefined>;
}

const FIRST: readonly number[] = [0];

/** Matches outcome lines with windows; `found` are the matches so far, `lost` the rows that no window holds. */
export function createMatcher({ ranges, load }: OutcomeSources): {
  take(line: OutcomeLine): Promise<void>;
  found: Map<AnswerRange, Outcome[]>;
  lost(): number;
} {
  const index = new RangeIndex(ranges);
  const found = new Map<AnswerRange, Outcome[]>();
  let lost = 0;

  /** Rows of the line that are in one window; the others stay in `rest`. */
  async function match(range: AnswerRange, line: OutcomeLine, rest: readonly number[]): Promise<readonly number[]> {
    const window = await load(range);
    if (!window) return rest;
    const id = idWords(line.id);
    const list = found.get(range) ?? [];
    let place = -2;
    const missed = rest.filter((i) => {
      // Rows of one request stand one after the other.
      place = window.answers.find(id, line.rows?.[i] ?? i, place + 1);
      const truth = window.readTruth(line.y[i]);
      if (place >= 0 && !Number.isNaN(truth)) list.push({ place, timeMs: line.t, truth });
      return place < 0;
    });
    if (list.length > 0) found.set(range, list);
    return missed;
  }

  return {
    async take(line) {
      const madeMs = idTimeMs(line.id);
      let rest: readonly number[] = line.y.length === 1 ? FIRST : line.y.map((_, i) => i);
      for (const range of madeMs === undefined ? [] : index.at(madeMs)) {
        if (rest.length === 0) break;
        rest = await match(range, line, rest);
      }
      lost += rest.length;
    },
    found,
    lost: () => lost,
  };
}
