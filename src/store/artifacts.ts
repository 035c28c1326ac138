/**
 * Artifacts: files by path below one root, streamed in and out. A file is there whole or not at all; what is put takes the place of
 * what was there. Folders are only in the names: they come with their first file and go with their last, as in object stores.
 */

import { lstatSync, realpathSync, type Stats } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fail } from "../base/errors.ts";
import { publish } from "../base/files.ts";
import { checkArtifactPath } from "./artifact-path.ts";
import { compareCodePoints } from "./manifest.ts";
import { stagingName, sweepStaging } from "./staging.ts";
import { readError } from "./walk.ts";

/** All of it, or its pieces as they come; a stream is such a thing. */
export type ArtifactBody = AsyncIterable<Uint8Array> | Uint8Array;

/** Bytes from `startByte` up to and without `endByte` (the end of the file when absent or beyond it). */
export interface ByteRange {
  startByte: number;
  endByte?: number;
}

export interface ArtifactEntry {
  /** From the root. */
  path: string;
  isFolder: boolean;
  /** Files only. */
  sizeBytes?: number;
}

/** Every path is checked: INVALID when it could lead out of the store. */
export interface ArtifactStore {
  /** Stores all of the body, then resolves to its size. A body that fails leaves what was there. ALREADY_EXISTS where a folder is, or below a file. */
  put(path: string, body: ArtifactBody): Promise<number>;
  /** NOT_FOUND when there is no such file; INVALID when the range begins beyond its end. */
  get(path: string, range?: ByteRange): Promise<ReadableStream<Uint8Array>>;
  /** What is directly below a folder ("" is the root), by name; nothing when it is a file or not there. */
  list(folder: string): Promise<ArtifactEntry[]>;
  /** Deletes a file, or a folder with all below it; nothing when it is not there. */
  delete(path: string): Promise<void>;
  /** A file's size; undefined when there is no such file. */
  size(path: string): Promise<number | undefined>;
}

/** Opens the store at a folder, made on first use. NOT_AVAILABLE for object stores. */
export function openArtifactStore(address: string): ArtifactStore {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(address))
    throw fail("NOT_AVAILABLE", {
      what: `${address.split(":")[0]}:// stores are not available yet`,
      place: "TRIMTAB_STORE",
      mend: "unset TRIMTAB_STORE to keep artifacts in .trimtab/artifacts",
    });
  return new FolderStore(resolve(address));
}

/** Below the root, so that a rename publishes; no artifact can have the name. */
const STAGING = ".staging";

class FolderStore implements ArtifactStore {
  private swept: Promise<void> | undefined;

  constructor(private readonly root: string) {}

  async put(path: string, body: ArtifactBody): Promise<number> {
    const target = this.place(path);
    // Once: what a killed server had not finished is of no use to anyone.
    this.swept ??= sweepStaging(join(this.root, STAGING));
    await this.swept;
    const staging = join(this.root, STAGING, stagingName());
    try {
      await mkdir(dirname(staging), { recursive: true });
      const sizeBytes = await writeBody(staging, body);
      if (this.statOf(target)?.isDirectory()) throw taken(path, "there is a folder of that name");
      await this.publishInto(staging, target, path);
      return sizeBytes;
    } finally {
      await rm(staging, { force: true });
    }
  }

  async get(path: string, range: ByteRange = { startByte: 0 }): Promise<ReadableStream<Uint8Array>> {
    const target = this.place(path);
    if (!this.statOf(target)?.isFile()) throw fail("NOT_FOUND", { what: `there is no artifact ${path}` });
    // Opened now: a put that takes its place meanwhile does not mix with it.
    const handle = await open(target, "r").catch((error) => Promise.reject(readError(error, target)));
    try {
      const { size: sizeBytes } = await handle.stat();
      const { startByte, endByte = sizeBytes } = range;
      if (!(startByte >= 0) || (startByte > 0 && startByte >= sizeBytes) || endByte < startByte)
        throw fail("INVALID", { what: `${path} has ${sizeBytes} bytes, none from ${startByte} to ${endByte}` });
      return streamOf(handle, startByte, Math.min(endByte, sizeBytes));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async list(folder: string): Promise<ArtifactEntry[]> {
    const path = checkArtifactPath(folder, { root: true });
    const target = path === "" ? this.root : this.place(path);
    if (!this.statOf(target)?.isDirectory()) return [];
    const entries: ArtifactEntry[] = [];
    for (const name of await readdir(target)) {
      if (path === "" && name === STAGING) continue;
      const found = this.statOf(join(target, name));
      const entry = { path: path === "" ? name : `${path}/${name}`, isFolder: found?.isDirectory() ?? false };
      if (found?.isFile()) entries.push({ ...entry, sizeBytes: found.size });
      else if (found?.isDirectory()) entries.push(entry);
    }
    return entries.sort((a, b) => compareCodePoints(a.path, b.path));
  }

  async delete(path: string): Promise<void> {
    const target = this.place(path);
    if (!this.statOf(target)) return;
    await rm(target, { recursive: true, force: true });
    // A folder goes with its last file.
    for (
      let folder = dirname(target);
      folder !== this.root && folder.startsWith(this.root + sep);
      folder = dirname(folder)
    )
      if (
        !(await rmdir(folder).then(
          () => true,
          () => false,
        ))
      )
        return;
  }

  async size(path: string): Promise<number | undefined> {
    const found = this.statOf(this.place(path));
    return found?.isFile() ? found.size : undefined;
  }

  /** Where a checked path is on disk. A link that someone put into the store must not lead out of it either. */
  private place(path: string): string {
    const checked = checkArtifactPath(path);
    if (checked.split("/")[0] === STAGING) throw fail("INVALID", { what: `Invalid path ${path}: the name is taken` });
    const target = join(this.root, checked);
    for (let at = target; at !== this.root; at = dirname(at))
      if (this.statOf(at)?.isSymbolicLink() && !this.isInside(at))
        throw fail("INVALID", { what: `Invalid path ${path}: a link leads out of the store` });
    return target;
  }

  private isInside(link: string): boolean {
    try {
      const inside = relative(realpathSync(this.root), realpathSync(link));
      return inside !== "" && !inside.startsWith("..") && !inside.startsWith(sep);
    } catch {
      return false;
    }
  }

  private statOf(path: string): Stats | undefined {
    try {
      return lstatSync(path, { throwIfNoEntry: false });
    } catch (error) {
      // Below a file there is nothing.
      if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
      throw readError(error, path);
    }
  }

  private async publishInto(staging: string, target: string, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await publish(staging, target);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "ENOTDIR" || code === "EEXIST") throw taken(path, "a name above it is a file");
        if (code === "EISDIR" || code === "ENOTEMPTY") throw taken(path, "there is a folder of that name");
        // A delete of its last neighbour may have taken the folder between its making and the rename.
        if (code !== "ENOENT" || attempt === 5 || !(await exists(staging))) throw error;
      }
    }
  }
}

const taken = (path: string, why: string) =>
  fail("ALREADY_EXISTS", { what: `cannot put the artifact ${path}: ${why}` });

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** With a quarter of it, and nothing read ahead, a download had two thirds of the speed of a bare server's. */
const CHUNK_BYTES = 1 << 20;
const AHEAD_CHUNKS = 2;

/** Bytes of an open file as a stream, which closes it at its end or when its reader leaves. */
function streamOf(handle: FileHandle, startByte: number, endByte: number): ReadableStream<Uint8Array> {
  let at = startByte;
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, endByte - at));
      const { bytesRead } = chunk.length === 0 ? { bytesRead: 0 } : await handle.read(chunk, 0, chunk.length, at);
      if (bytesRead > 0) {
        at += bytesRead;
        controller.enqueue(chunk.subarray(0, bytesRead));
        return;
      }
      await handle.close();
      controller.close();
    },
    cancel: () => handle.close(),
  };
  return new ReadableStream(source, { highWaterMark: AHEAD_CHUNKS });
}

async function writeBody(path: string, body: ArtifactBody): Promise<number> {
  const handle = await open(path, "wx");
  let sizeBytes = 0;
  try {
    const chunks = body instanceof Uint8Array ? [body] : body;
    for await (const chunk of chunks) {
      await writeAll(handle, chunk);
      sizeBytes += chunk.length;
    }
    return sizeBytes;
  } catch (error) {
    throw readError(error, path);
  } finally {
    await handle.close();
  }
}

/** `writeFile` on a handle does the same and takes twice the processor time. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}
