/**
 * Hashes of files and folders, remembered: a file that has not changed is not read again. Promises never to give a stale
 * hash (see the racy-clock rule in stat-memory.ts); a file that changes while it is read is hashed but not remembered.
 */

import { workOnAll } from "./file-pool.ts";
import type { FileDone } from "./file-work.ts";
import { writeManifest } from "./manifest.ts";
import { openStatMemory, type StatMemory, settledAtMs } from "./stat-memory.ts";
import { type FoundFile, readError, walk } from "./walk.ts";

export interface PathHash {
  /** md5 of a file; of a folder, DVC's: md5 of its manifest and ".dir". */
  digest: string;
  /** Of a folder: the sum of its files. */
  sizeBytes: number;
  /** Folders only: how many files. */
  files?: number;
}

export interface HashedFile extends FoundFile {
  md5: string;
}

export interface StatCache {
  /** FILE_NOT_FOUND or FILE_NOT_READABLE name the path that cannot be hashed. */
  hashPath(path: string): Promise<PathHash>;
  /** The same for files already found, one by one, in their order. */
  hashFiles(files: readonly FoundFile[]): Promise<HashedFile[]>;
  /** The remembered hash, if the file still looks as it did. */
  recall(file: FoundFile): string | undefined;
  /** Remembers what a file was found to hash to by reading that began at `beganMs`. */
  remember(file: FoundFile, done: FileDone, beganMs: number): void;
  flush(): void;
  close(): void;
}

/** Waiting a tick is cheaper than hashing this much again next time. */
const WORTH_WAITING_BYTES = 16 << 20;

/** Opens the memory in the file at `path`; without one, it lasts as long as the process. The caller closes it. */
export function openStatCache(path?: string): StatCache {
  return new OpenStatCache(openStatMemory(path));
}

class OpenStatCache implements StatCache {
  constructor(private readonly memory: StatMemory) {}

  async hashPath(path: string): Promise<PathHash> {
    const { folder, files } = walk(path);
    const hashed = await this.hashFiles(files);
    const sizeBytes = hashed.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (!folder) return { digest: hashed[0]!.md5, sizeBytes };
    return { digest: writeManifest(hashed).digest, sizeBytes, files: hashed.length };
  }

  async hashFiles(files: readonly FoundFile[]): Promise<HashedFile[]> {
    const known = files.map((file) => this.recall(file));
    const unknown = files.filter((_, i) => known[i] === undefined);
    if (unknown.length > 0) await settle(unknown);
    const beganMs = Date.now();
    const done = await workOnAll(unknown.map(({ path, sizeBytes }) => ({ do: "hash", path, sizeBytes })));
    const fresh = new Map<FoundFile, string>();
    for (const [i, file] of unknown.entries()) {
      fresh.set(file, md5Of(done[i]!));
      this.remember(file, done[i]!, beganMs);
    }
    this.flush();
    return files.map((file, i) => ({ ...file, md5: known[i] ?? fresh.get(file)! }));
  }

  recall(file: FoundFile): string | undefined {
    return this.memory.get(file.id, file.stamp);
  }

  remember(file: FoundFile, done: FileDone, beganMs: number): void {
    // What was hashed must be what was found, not a file that took its place in between.
    if (!done.ok || !done.stable || done.id !== file.id || done.stamp !== file.stamp) return;
    if (beganMs >= settledAtMs(file)) this.memory.put(file.id, file.stamp, done.md5);
  }

  flush(): void {
    this.memory.flush();
  }
  close(): void {
    this.memory.close();
  }
}

/** The md5 of a finished job; throws its error as ours. */
export function md5Of(done: FileDone): string {
  if (done.ok) return done.md5;
  throw readError(Object.assign(new Error(done.message), { code: done.code }), done.path);
}

/** Waits until large files that were written just now can be remembered. */
async function settle(files: readonly FoundFile[]): Promise<void> {
  const nowMs = Date.now();
  const waits = files
    .filter((file) => file.sizeBytes >= WORTH_WAITING_BYTES)
    .map((file) => settledAtMs(file) - nowMs)
    .filter((waitMs) => waitMs > 0 && waitMs < 100);
  if (waits.length > 0) await Bun.sleep(Math.max(...waits));
}
