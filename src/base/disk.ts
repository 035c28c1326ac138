/** How much room a disk has left. */

import { statfs } from "node:fs/promises";

/** Bytes that this user may still write on the file system of `path`. */
export async function diskFreeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
