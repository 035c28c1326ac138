/**
 * The only writer of published files. A published file or folder is either whole or absent, also after `kill -9` or a
 * full disk: write beside, sync, rename, sync the folder. `faults` is the seam by which tests make any stage fail.
 */

import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail } from "./errors.ts";
import { randomId } from "./hash.ts";

export type WriteStage = "write" | "sync" | "rename";
export type Faults = (stage: WriteStage, path: string) => void;

let faults: Faults = () => {};

/** Tests install a function that throws at the stage they want to break; returns the way back. */
export function injectFaults(next: Faults): () => void {
  faults = next;
  return () => {
    faults = () => {};
  };
}

/** A system error from writing `path` as ours; any other as it is. */
export function writeError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT")
    return fail("DISK_FULL", { what: "no space left on the disk", place: path });
  if (code === "EFBIG")
    return fail("DISK_FULL", {
      what: "the file is larger than this process may write",
      place: path,
      mend: "raise the limit: ulimit -f",
    });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return fail("FILE_NOT_WRITABLE", { what: `cannot write (${code})`, place: path });
  return error;
}

/** Makes the names inside a folder durable. */
function syncFolder(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Writes a whole file atomically and durably; the folder is made when missing. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomId().slice(0, 8)}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    faults("write", path);
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(data);
      faults("sync", path);
      await handle.sync();
    } finally {
      await handle.close();
    }
    faults("rename", path);
    await rename(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(error, path);
  }
}

/**
 * Moves a finished staging folder (or file) to its published name. Every file below is synced first, so a crash after the
 * rename cannot leave empty files. The destination must not exist.
 */
export async function publish(staging: string, destination: string): Promise<void> {
  try {
    await mkdir(dirname(destination), { recursive: true });
    faults("sync", destination);
    if (!(await hasMany(staging)) || !(await syncFileSystem(staging))) await syncTree(staging);
    faults("rename", destination);
    await rename(staging, destination);
    syncFolder(dirname(destination));
  } catch (error) {
    throw writeError(error, destination);
  }
}

/**
 * Publishes many finished files of one staging folder, each under its own name and in place of what is there. All bytes are
 * durable before the first name is; two syncs of the file system do for thousands of files what took two syncs a file.
 */
export async function publishMany(staging: string, moves: readonly { from: string; to: string }[]): Promise<void> {
  let at = staging;
  try {
    const folders = new Set(moves.map((move) => dirname(move.to)));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    faults("sync", staging);
    if (moves.length <= SYNC_EACH_MAX || !(await syncFileSystem(staging)))
      for (const { from } of moves) await syncTree(from);
    for (const { from, to } of moves) {
      at = to;
      faults("rename", to);
      renameSync(from, to);
    }
    if (moves.length <= SYNC_EACH_MAX || !(await syncFileSystem(staging)))
      for (const folder of new Set([...folders, ...[...folders].map(dirname)])) syncFolder(folder);
  } catch (error) {
    throw writeError(error, at);
  }
}

/** Up to here syncing file by file costs less than a sync of everything that waits to be written. */
const SYNC_EACH_MAX = 64;

async function hasMany(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory() && (await readdir(path, { recursive: true })).length > SYNC_EACH_MAX;
}

/** Makes all of a file system durable, by the system's `sync -f`; false where there is none. */
async function syncFileSystem(path: string): Promise<boolean> {
  try {
    return (await Bun.spawn(["sync", "-f", path], { stdout: "ignore", stderr: "ignore" }).exited) === 0;
  } catch {
    return false;
  }
}

async function syncTree(path: string): Promise<void> {
  const handle = await open(path, "r");
  let isFolder: boolean;
  try {
    isFolder = (await handle.stat()).isDirectory();
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (isFolder) for (const name of await readdir(path)) await syncTree(join(path, name));
}

/** Points `link` at `target` (relative to the link's folder) in one step: a reader sees the old target or the new one. */
export async function swapLink(link: string, target: string): Promise<void> {
  const temporary = `${link}.${randomId().slice(0, 8)}.tmp`;
  try {
    await mkdir(dirname(link), { recursive: true });
    faults("write", link);
    await symlink(target, temporary);
    faults("rename", link);
    await rename(temporary, link);
    syncFolder(dirname(link));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(error, link);
  }
}
