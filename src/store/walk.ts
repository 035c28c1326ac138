/**
 * The files below a path, with what identifies each one's content to the stat cache. Links are followed, as DVC does; version
 * control's and our own state folders are left out. What cannot be stored (sockets, broken links, loops) is refused by name.
 */

import { type BigIntStats, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../base/errors.ts";

export interface FoundFile {
  path: string;
  /** Below the walked folder, "/" between; "" when the walked path is itself a file. */
  relpath: string;
  sizeBytes: number;
  /** Which file it is: device and inode. */
  id: string;
  /** Changes whenever the content may have: size, mtime_ns, ctime_ns. */
  stamp: string;
  /** The newer of mtime and ctime, rounded up. */
  changedMs: number;
  /** The file system keeps whole seconds. */
  coarse: boolean;
}

/** DVC's default ignores, and our own state. */
const LEFT_OUT = new Set([".git", ".hg", ".dvc", ".trimtab"]);

export const fileId = (stat: BigIntStats): string => `${stat.dev}:${stat.ino}`;
export const fileStamp = (stat: BigIntStats): string => `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;

/** Every regular file at or below `path`; `folder` tells which of the two it was. */
export function walk(path: string): { folder: boolean; files: FoundFile[] } {
  const stat = statOf(path);
  if (!stat.isDirectory()) return { folder: false, files: [found(path, "", stat)] };
  const files: FoundFile[] = [];
  walkFolder(path, "", stat, [], files);
  return { folder: true, files };
}

function walkFolder(path: string, relpath: string, stat: BigIntStats, above: string[], files: FoundFile[]): void {
  const id = fileId(stat);
  if (above.includes(id))
    throw fail("FILE_NOT_READABLE", { what: "a link leads back into its own folder", place: path });
  for (const name of namesIn(path)) {
    if (LEFT_OUT.has(name)) continue;
    const inner = join(path, name);
    const innerRelpath = relpath === "" ? name : `${relpath}/${name}`;
    const innerStat = statOf(inner);
    if (innerStat.isDirectory()) walkFolder(inner, innerRelpath, innerStat, [...above, id], files);
    else files.push(found(inner, innerRelpath, innerStat));
  }
}

function found(path: string, relpath: string, stat: BigIntStats): FoundFile {
  if (!stat.isFile())
    throw fail("FILE_NOT_READABLE", { what: "it is neither a file nor a folder", place: path, mend: "remove it" });
  return {
    path,
    relpath,
    sizeBytes: Number(stat.size),
    id: fileId(stat),
    stamp: fileStamp(stat),
    changedMs: Math.ceil(Math.max(Number(stat.mtimeNs), Number(stat.ctimeNs)) / 1e6),
    coarse: stat.ctimeNs % 1_000_000_000n === 0n,
  };
}

function statOf(path: string): BigIntStats {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    throw readError(error, path);
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw readError(error, path);
  }
}

/** A system error from reading `path` as ours. */
export function readError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR")
    return path.includes("\ufffd")
      ? fail("FILE_NOT_READABLE", { what: "the name is not UTF-8", place: path, mend: "rename it", cause: error })
      : fail("FILE_NOT_FOUND", { what: "no such file or folder", place: path, cause: error });
  if (code === "EACCES" || code === "EPERM" || code === "ELOOP" || code === "EISDIR" || code === "EIO")
    return fail("FILE_NOT_READABLE", { what: `cannot read (${code})`, place: path, cause: error });
  if (code === "ENOSPC" || code === "EDQUOT")
    return fail("DISK_FULL", { what: "no space left on the disk", place: path, cause: error });
  return error;
}
