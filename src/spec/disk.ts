/** The little that reading a pipeline needs of the disk, so that parsing stays pure without it. Paths are relative to the root. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { readGiven } from "../base/given.ts";

export interface Disk {
  exists(path: string): boolean;
  /** The whole file, or undefined when it cannot be read. */
  read(path: string): Uint8Array | undefined;
}

export const diskAt = (root: string): Disk => ({
  exists: (path) => existsSync(resolve(root, path)),
  read: (path) => {
    try {
      return readGiven(resolve(root, path));
    } catch {
      return undefined;
    }
  },
});
