/**
 * Appending lines to dated files, for one process: `<folder>/<YYYY-MM-DD>/<prefix><pid>-<n>.jsonl`. Lines gather in
 * memory and are written together, one write at a time, so a line is whole unless the disk fills or the power goes. A new file
 * begins with a new day (UTC) and at a size. What a full disk keeps from being written is dropped and counted: capture never
 * stops predictions.
 */

import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { isoTime } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";

export interface Appender {
  /** Adds a line (without its newline); it is written within `flushMs`. */
  add(line: string): void;
  /** Resolves when every line added so far is written; rejects when some were dropped. */
  written(): Promise<void>;
  close(): Promise<void>;
}

export interface AppenderOptions {
  folder: string;
  prefix?: string;
  clock: Clock;
  flushMs?: number;
  fileBytesMax?: number;
  waitingBytesMax?: number;
  onDropped?: (lines: number) => void;
}

export function createAppender(options: AppenderOptions): Appender {
  const { flushMs = LIMITS.captureFlushMs, waitingBytesMax = LIMITS.captureBytes } = options;
  const files = createDatedFiles(options);
  let lines: string[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  /** The write that is asked for and has not begun: whoever adds a line before it begins shares its fate. */
  let next: Promise<void> | undefined;

  const writeWaiting = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    next = undefined;
    const batch = lines;
    lines = [];
    waitingBytes = 0;
    running = batch.length > 0 ? writeOrDrop(files, batch, options.onDropped) : Promise.resolve();
    return running;
  };

  const flush = (): Promise<void> => {
    next ??= running.catch(() => undefined).then(writeWaiting);
    return next;
  };

  return {
    add(line) {
      if (waitingBytes > waitingBytesMax) return options.onDropped?.(1);
      lines.push(line);
      waitingBytes += line.length + 1;
      timer ??= setTimeout(() => flush().catch(() => undefined), flushMs);
    },
    written: () => flush(),
    async close() {
      await flush().catch(() => undefined);
      await files.close();
    },
  };
}

async function writeOrDrop(files: DatedFiles, lines: string[], onDropped?: (lines: number) => void): Promise<void> {
  try {
    await files.write(`${lines.join("\n")}\n`);
  } catch (error) {
    onDropped?.(lines.length);
    log.error("captured lines were dropped", { lines: lines.length, error: (error as Error).message });
    throw error;
  }
}

interface DatedFiles {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

/** The file that is written now, changed by day and size. */
function createDatedFiles({
  folder,
  prefix = "",
  clock,
  fileBytesMax = LIMITS.captureFileBytes,
}: AppenderOptions): DatedFiles {
  let handle: FileHandle | undefined;
  let day = "";
  let sizeBytes = 0;

  const next = async (today: string): Promise<FileHandle> => {
    await handle?.close();
    handle = undefined;
    const dated = join(folder, today);
    await mkdir(dated, { recursive: true });
    for (let n = 0; ; n++) {
      const path = join(dated, `${prefix}${process.pid}-${n}.jsonl`);
      // Exclusive: a former process may have had the same pid.
      const opened = await open(
        path,
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND,
      ).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
      if (opened) return opened;
    }
  };

  return {
    async write(text) {
      const today = isoTime(clock.nowMs()).slice(0, 10);
      if (handle === undefined || today !== day || sizeBytes >= fileBytesMax) {
        handle = await next(today);
        [day, sizeBytes] = [today, 0];
      }
      const bytes = Buffer.from(text);
      try {
        await handle.writeFile(bytes);
        sizeBytes += bytes.length;
      } catch (error) {
        // The file may end in half a line now: go on in another one.
        await handle.close();
        handle = undefined;
        throw error;
      }
    },
    async close() {
      await handle?.close();
      handle = undefined;
    },
  };
}
