/**
 * Whole lines of growing files, each read once: a reader starts at a byte offset and stops after the last newline, so a line
 * that is being written is left for the next time.
 */

import { type FileHandle, open } from "node:fs/promises";

const NEWLINE = 10;
/** Read at a time; a longer line is read in more. */
const CHUNK_BYTES = 1 << 20;

export interface TailReader {
  /** The next whole line without its newline; undefined at the end. */
  next(): Promise<string | undefined>;
  /** Where the line after the last one returned begins. */
  offset(): number;
  close(): Promise<void>;
}

/** Reads lines from `from` up to `end` bytes; what is appended later is not seen. */
export function openTail(path: string, from: number, end: number): TailReader {
  let handle: FileHandle | undefined;
  let chunk = Buffer.alloc(0);
  /** Position in the file of the chunk's first byte, and how far into the chunk lines were returned. */
  let chunkAt = from;
  let used = 0;

  /** Reads on, keeping what of the chunk is not returned yet; false at the end. */
  async function more(): Promise<boolean> {
    const readAt = chunkAt + chunk.length;
    const want = Math.min(CHUNK_BYTES, end - readAt);
    if (want <= 0) return false;
    handle ??= await open(path, "r");
    const fresh = Buffer.allocUnsafe(want);
    const { bytesRead } = await handle.read(fresh, 0, want, readAt);
    if (bytesRead === 0) return false;
    chunk = Buffer.concat([chunk.subarray(used), fresh.subarray(0, bytesRead)]);
    chunkAt += used;
    used = 0;
    return true;
  }

  return {
    async next() {
      let searched = used;
      for (;;) {
        const at = chunk.indexOf(NEWLINE, searched);
        if (at >= 0) {
          const line = chunk.toString("utf8", used, at);
          used = at + 1;
          return line;
        }
        searched = chunk.length - used;
        if (!(await more())) return undefined;
      }
    },
    offset: () => chunkAt + used,
    async close() {
      await handle?.close();
      handle = undefined;
    },
  };
}
