/**
 * Appending lines to dated files, for one process: `<folder>/<YYYY-MM-DD>/<prefix><pid>-<n>.jsonl`. Lines gather in
 * memory and are written together, one write at a time, so a line is whole unless the disk fills or the power goes. A new file
 * begins with a new day (UTC), at a size, and after a write that was cut short. What a full disk keeps from being written is
 * dropped and counted: capture never stops predictions.
 */

import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { isoTime } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { writeError } from "../base/files.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";

export interface Appender {
  /** Adds a line (without its newline); it is written within `flushMs`. */
  add(line: string): void;
  /** Resolves when every line that waits is written; rejects when some of them, or added with them, were dropped. */
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
  const drop = reporter(options);
  let lines: string[] = [];
  let waitingBytes = 0;
  let isCut = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  /** The write that is asked for and has not begun: whoever adds a line before it begins shares its fate. */
  let next: Promise<void> | undefined;

  const writeWaiting = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    next = undefined;
    const batch = lines;
    const wasCut = isCut;
    lines = [];
    waitingBytes = 0;
    isCut = false;
    running = batch.length > 0 ? writeOrDrop(files, batch, drop) : Promise.resolve();
    return wasCut ? running.then(refuseCut) : running;
  };

  const flush = (): Promise<void> => {
    next ??= running.catch(() => undefined).then(writeWaiting);
    return next;
  };

  return {
    add(line) {
      if (waitingBytes > waitingBytesMax) {
        isCut = true;
        return options.onDropped?.(1);
      }
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

function refuseCut(): never {
  throw fail("OVERLOADED", { what: "the disk is slow, and as much waits for it as may" });
}

async function writeOrDrop(files: DatedFiles, lines: string[], drop: Drop): Promise<void> {
  try {
    await files.write(`${lines.join("\n")}\n`);
  } catch (error) {
    drop(lines.length, error as Error);
    throw error;
  }
}

type Drop = (lines: number, error: Error) => void;

/** A disk that is full fails ten writes a second: each is counted, and the log gets a line now and then. */
const SAY_DROPPED_MS = 10_000;

function reporter({ clock, onDropped }: AppenderOptions): Drop {
  let unsaid = 0;
  let saidMs = Number.NEGATIVE_INFINITY;
  return (lines, error) => {
    onDropped?.(lines);
    unsaid += lines;
    if (clock.nowMs() - saidMs < SAY_DROPPED_MS) return;
    log.error("captured lines were dropped", { lines: unsaid, error: error.message });
    [unsaid, saidMs] = [0, clock.nowMs()];
  };
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
  let path = "";
  let day = "";
  let sizeBytes = 0;

  const next = async (today: string): Promise<FileHandle> => {
    await handle?.close();
    handle = undefined;
    const dated = join(folder, today);
    path = dated;
    await mkdir(dated, { recursive: true });
    for (let n = 0; ; n++) {
      path = join(dated, `${prefix}${process.pid}-${n}.jsonl`);
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

  /**
   * After a write that was cut short the file ends in half a line: go on in another one. Not after a write that took nothing,
   * or a disk that stays full would fill with empty files.
   */
  const leaveTorn = async () => {
    if (handle === undefined || (await handle.stat()).size === sizeBytes) return;
    await handle.close();
    handle = undefined;
  };

  /** Deleting what was captured is allowed while we run; a file that is deleted would take every line and keep none. */
  const leaveDeleted = async () => {
    if (handle === undefined || (await handle.stat()).nlink > 0) return;
    await handle.close();
    handle = undefined;
  };

  return {
    async write(text) {
      const today = isoTime(clock.nowMs()).slice(0, 10);
      const bytes = Buffer.from(text);
      try {
        await leaveDeleted();
        if (handle === undefined || today !== day || sizeBytes >= fileBytesMax) {
          handle = await next(today);
          [day, sizeBytes] = [today, 0];
        }
        await handle.writeFile(bytes);
        sizeBytes += bytes.length;
      } catch (error) {
        await leaveTorn();
        throw writeError(error, path);
      }
    },
    async close() {
      await handle?.close();
      handle = undefined;
    },
  };
}
