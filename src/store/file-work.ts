/**
 * The work on one file that may run in any thread, synchronous because that is a third of the cost of promises on small files:
 * hash it; hash it while a copy is put aside; copy it and verify the copy.
 */

import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { fileId, fileStamp } from "./walk.ts";

export type FileJob =
  | { do: "hash"; path: string; sizeBytes: number }
  /** The same, and a read-only copy at `staged`, unless an object of that name is in `objects` already. */
  | { do: "store"; path: string; sizeBytes: number; staged: string; objects: string }
  /** A writable copy at `to`; hashed when `verify`, else the result's md5 is "". */
  | { do: "copy"; path: string; sizeBytes: number; to: string; verify: boolean };

export type FileDone =
  | {
      ok: true;
      md5: string;
      /** The file as it was when reading began; `stable` when it was the same at the end. */
      id: string;
      stamp: string;
      stable: boolean;
      /** The copy was made. */
      staged: boolean;
    }
  | { ok: false; path: string; code: string; message: string };

/** Beyond this a file is copied by the kernel (a clone where the file system can) and then hashed, else read once and written. */
const KERNEL_COPY_BYTES = 1 << 20;

/** Size of the scratch that `workOn` is given; a file up to KERNEL_COPY_BYTES must fit it whole. */
export const WORK_BUFFER_BYTES = KERNEL_COPY_BYTES;

/** Where an object lives below a cache's `files/md5`: DVC's layout. */
export const objectPath = (objects: string, digest: string): string =>
  `${objects}/${digest.slice(0, 2)}/${digest.slice(2)}`;

/** Does one job; an error is a value, since it may have to cross threads. `buffer` is scratch, reused between calls. */
export function workOn(job: FileJob, buffer: Uint8Array): FileDone {
  try {
    if (job.do === "copy") return copy(job, buffer);
    if (job.do === "store" && job.sizeBytes > KERNEL_COPY_BYTES) return storeLarge(job, buffer);
    return readThrough(job, buffer);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ok: false, path: job.path, code: code ?? "", message };
  }
}

/** Hashes a file; when all of it fits the buffer and it is to be stored, writes it from there. */
function readThrough(job: FileJob & { do: "hash" | "store" }, buffer: Uint8Array): FileDone {
  const handle = openSync(job.path, "r");
  try {
    const before = fstatSync(handle, { bigint: true });
    const { md5, lastBytes, totalBytes } = hashHandle(handle, buffer);
    const after = fstatSync(handle, { bigint: true });
    const stable = fileStamp(before) === fileStamp(after) && Number(after.size) === totalBytes;
    let staged = false;
    if (job.do === "store" && !existsSync(objectPath(job.objects, md5))) {
      // It grew past the buffer while it was read: the bytes in hand are not all of it.
      if (lastBytes !== totalBytes) return storeLarge(job, buffer);
      writeReadOnly(job.staged, buffer.subarray(0, lastBytes));
      staged = true;
    }
    return { ok: true, md5, id: fileId(before), stamp: fileStamp(before), stable, staged };
  } finally {
    closeSync(handle);
  }
}

/** The copy is hashed, not the source: what is stored is what its name says, whatever happens to the source meanwhile. */
function storeLarge(job: FileJob & { do: "store" }, buffer: Uint8Array): FileDone {
  const handle = openSync(job.path, "r");
  try {
    const before = fstatSync(handle, { bigint: true });
    copyFileSync(job.path, job.staged, constants.COPYFILE_FICLONE);
    chmodSync(job.staged, 0o444);
    const md5 = hashPathNow(job.staged, buffer);
    const stable = fileStamp(before) === fileStamp(fstatSync(handle, { bigint: true }));
    const known = existsSync(objectPath(job.objects, md5));
    if (known) rmSync(job.staged, { force: true });
    return { ok: true, md5, id: fileId(before), stamp: fileStamp(before), stable, staged: !known };
  } finally {
    closeSync(handle);
  }
}

function copy(job: FileJob & { do: "copy" }, buffer: Uint8Array): FileDone {
  const before = statSync(job.path, { bigint: true });
  copyFileSync(job.path, job.to, constants.COPYFILE_FICLONE);
  chmodSync(job.to, 0o644);
  const md5 = job.verify ? hashPathNow(job.to, buffer) : "";
  const stable = fileStamp(before) === fileStamp(statSync(job.path, { bigint: true }));
  return { ok: true, md5, id: fileId(before), stamp: fileStamp(before), stable, staged: true };
}

function writeReadOnly(path: string, bytes: Uint8Array): void {
  const handle = openSync(path, "wx", 0o444);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
  } finally {
    closeSync(handle);
  }
}

function hashPathNow(path: string, buffer: Uint8Array): string {
  const handle = openSync(path, "r");
  try {
    return hashHandle(handle, buffer).md5;
  } finally {
    closeSync(handle);
  }
}

function hashHandle(handle: number, buffer: Uint8Array): { md5: string; lastBytes: number; totalBytes: number } {
  const hasher = new Bun.CryptoHasher("md5");
  let totalBytes = 0;
  let lastBytes = 0;
  for (;;) {
    const bytes = fill(handle, buffer);
    if (bytes > 0) {
      hasher.update(bytes === buffer.length ? buffer : buffer.subarray(0, bytes));
      lastBytes = bytes;
    }
    totalBytes += bytes;
    if (bytes < buffer.length) return { md5: hasher.digest("hex"), lastBytes, totalBytes };
  }
}

/** Reads until the buffer is full or the file ends. */
function fill(handle: number, buffer: Uint8Array): number {
  let at = 0;
  while (at < buffer.length) {
    const bytes = readSync(handle, buffer, at, buffer.length - at, null);
    if (bytes === 0) break;
    at += bytes;
  }
  return at;
}
