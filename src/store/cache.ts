/**
 * The content-addressed cache, in DVC 3's layout: `files/md5/ab/cdef…`, objects read-only, folders as `.dir` manifests whose
 * files are objects too. Promises: an object's bytes are what its name says, also after `kill -9` or a full disk; what is
 * given back is checked; nothing here ever changes an object, and one that is found damaged is dropped. Files are copied in and out (cloned where the file system
 * can), never linked: a step may rewrite its outputs in place, and a link would carry that into the cache.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fail, TrimtabError } from "../base/errors.ts";
import { publishMany } from "../base/files.ts";
import { randomId } from "../base/hash.ts";
import { collectGarbage, type Garbage } from "./cache-gc.ts";
import { restoreObject } from "./cache-restore.ts";
import { receiveObjects, type Transfer } from "./cache-transfer.ts";
import { workOnAll } from "./file-pool.ts";
import { objectPath } from "./file-work.ts";
import { type ManifestEntry, readManifest, writeManifest } from "./manifest.ts";
import { type HashedFile, md5Of, openStatCache, type StatCache } from "./stat-cache.ts";
import { type FoundFile, walk } from "./walk.ts";

export type { Transfer } from "./cache-transfer.ts";

export interface Stored {
  /** With ".dir" after it for a folder. */
  md5: string;
  size: number;
  /** Folders only. */
  nfiles?: number;
}

export interface Cache {
  /** Stores a file. FILE_NOT_FOUND, FILE_NOT_READABLE, DISK_FULL; then nothing is stored. */
  addFile(path: string): Promise<Stored>;
  /** Stores a file or a folder with all below it. */
  addTree(path: string): Promise<Stored>;
  /** Puts an object at `path` in one step, in place of what was there. OBJECT_MISSING, OBJECT_CORRUPT; then `path` is as it was. */
  restore(md5: string, path: string): Promise<void>;
  /** Whether the object, and for a folder all of its files, are here. Drops a manifest that is damaged. */
  has(md5: string): boolean;
  /** Brings objects, and the files of folders among them, from another cache's folder. OBJECT_MISSING, OBJECT_CORRUPT. */
  receive(from: string, digests: readonly string[]): Promise<Transfer>;
  /** Deletes every object that is not in `keep` or a file of a folder in it. `dryRun` only counts. */
  gc(keep: ReadonlySet<string>, options?: { dryRun?: boolean }): Promise<Garbage>;
}

/** The cache in the folder `dir`, made on first use. With `stats`, files that have not changed are not read again. */
export function openCache(dir: string, stats: StatCache = openStatCache()): Cache {
  return new FolderCache(resolve(dir), stats);
}

class FolderCache implements Cache {
  private readonly objects: string;
  constructor(
    private readonly dir: string,
    private readonly stats: StatCache,
  ) {
    this.objects = join(dir, "files", "md5");
  }

  async addFile(path: string): Promise<Stored> {
    const { folder, files } = walk(path);
    if (folder) throw fail("FILE_NOT_READABLE", { what: "it is a folder, not a file", place: path });
    const [file] = await this.store(files);
    return { md5: file!.md5, size: file!.sizeBytes };
  }

  async addTree(path: string): Promise<Stored> {
    const { folder, files } = walk(path);
    if (!folder) return this.addFile(path);
    const stored = await this.store(files);
    const manifest = writeManifest(stored);
    // Last: a manifest in the cache says that its files are there.
    if (!existsSync(objectPath(this.objects, manifest.digest)))
      await this.inStaging(async (staging) => {
        const from = join(staging, "manifest");
        await Bun.write(from, manifest.text, { mode: 0o444 });
        await publishMany(staging, [{ from, to: objectPath(this.objects, manifest.digest) }]);
      });
    return { md5: manifest.digest, size: stored.reduce((sum, file) => sum + file.sizeBytes, 0), nfiles: stored.length };
  }

  async restore(md5: string, path: string): Promise<void> {
    const source = { objects: this.objects, stats: this.stats, entries: (dir: string) => this.entries(dir) };
    try {
      await restoreObject(source, md5, path);
    } catch (error) {
      // A damaged object would keep the sound one out for ever.
      if (error instanceof TrimtabError && error.code === "OBJECT_CORRUPT") rmSync(error.place!, { force: true });
      throw error;
    }
  }

  has(md5: string): boolean {
    if (!existsSync(objectPath(this.objects, md5))) return false;
    if (!md5.endsWith(".dir")) return true;
    try {
      return this.entries(md5).every((e) => existsSync(objectPath(this.objects, e.md5)));
    } catch {
      // A damaged manifest says nothing. Without it the folder is stored anew; with it, it never would be.
      rmSync(objectPath(this.objects, md5), { force: true });
      return false;
    }
  }

  receive(from: string, digests: readonly string[]): Promise<Transfer> {
    return this.inStaging((staging) => receiveObjects(resolve(from), this.objects, digests, staging));
  }

  async gc(keep: ReadonlySet<string>, options: { dryRun?: boolean } = {}): Promise<Garbage> {
    const wanted = new Set(keep);
    for (const md5 of keep)
      if (md5.endsWith(".dir") && existsSync(objectPath(this.objects, md5)))
        for (const entry of this.entries(md5)) wanted.add(entry.md5);
    return collectGarbage(this.dir, this.objects, wanted, options.dryRun ?? false);
  }

  private entries(md5: string): ManifestEntry[] {
    const path = objectPath(this.objects, md5);
    return readManifest(readFileSync(path, "utf8"), path);
  }

  /** Stores files that are not here yet; all of them become visible together, or (but for whole objects) none. */
  private async store(files: readonly FoundFile[]): Promise<HashedFile[]> {
    const known = files.map((file) => this.knownObject(file));
    const unknown = files.filter((_, i) => known[i] === undefined);
    if (unknown.length === 0) return files.map((file, i) => ({ ...file, md5: known[i]! }));
    const fresh = await this.inStaging((staging) => this.storeFresh(unknown, staging));
    return files.map((file, i) => ({ ...file, md5: known[i] ?? fresh.get(file)! }));
  }

  private knownObject(file: FoundFile): string | undefined {
    const md5 = this.stats.recall(file);
    return md5 !== undefined && existsSync(objectPath(this.objects, md5)) ? md5 : undefined;
  }

  private async storeFresh(files: readonly FoundFile[], staging: string): Promise<Map<FoundFile, string>> {
    const beganMs = Date.now();
    const stagedAt = (i: number) => join(staging, String(i));
    const done = await workOnAll(
      files.map(({ path, sizeBytes }, i) => ({
        do: "store",
        path,
        sizeBytes,
        staged: stagedAt(i),
        objects: this.objects,
      })),
    );
    const md5s = new Map(files.map((file, i) => [file, md5Of(done[i]!)]));
    // Equal files are staged more than once and moved once.
    const moves = new Map<string, { from: string; to: string }>();
    for (const [i, result] of done.entries())
      if (result.ok && result.staged)
        moves.set(result.md5, { from: stagedAt(i), to: objectPath(this.objects, result.md5) });
    await publishMany(staging, [...moves.values()]);
    for (const [i, file] of files.entries()) this.stats.remember(file, done[i]!, beganMs);
    this.stats.flush();
    return md5s;
  }

  /** Scratch on the cache's own file system, named after this process so that gc can tell when it was left behind. */
  private async inStaging<T>(work: (staging: string) => Promise<T>): Promise<T> {
    const staging = join(this.dir, "tmp", `${process.pid}-${randomId().slice(0, 12)}`);
    await mkdir(staging, { recursive: true });
    try {
      return await work(staging);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }
}
