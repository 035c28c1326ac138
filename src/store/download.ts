/** Everything below a path of an artifact store as a folder on disk, streamed, so that a file of any size takes little memory. */

import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ArtifactStore } from "./artifacts.ts";

/** Resolves to how many files there were. The folder is made; what is in it already is written over. */
export async function downloadFolder(store: ArtifactStore, path: string, folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  let files = 0;
  for (const entry of await store.list(path)) {
    const target = join(folder, basename(entry.path));
    if (entry.isFolder) {
      files += await downloadFolder(store, entry.path, target);
      continue;
    }
    await pipeline(await store.get(entry.path), createWriteStream(target));
    files++;
  }
  return files;
}
