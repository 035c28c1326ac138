/** Objects from one cache's folder into another, each checked against its name on the way; folders' manifests after their files. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../base/errors.ts";
import { publishMany } from "../base/files.ts";
import { workOnAll } from "./file-pool.ts";
import { objectPath } from "./file-work.ts";
import { readManifest } from "./manifest.ts";
import { md5Of } from "./stat-cache.ts";
import { walk } from "./walk.ts";

export interface Transfer {
  /** Objects that were not there before, and their bytes. */
  objects: number;
  sizeBytes: number;
}

/**
 * Copies what is missing of `digests`, and of the files of the folders among them. `staging` is empty scratch on the file system of
 * `objects`. OBJECT_MISSING and OBJECT_CORRUPT name what `from` lacks; then no manifest has come without its files.
 */
export async function receiveObjects(
  from: string,
  objects: string,
  digests: readonly string[],
  staging: string,
): Promise<Transfer> {
  const folders = [...new Set(digests.filter((digest) => digest.endsWith(".dir")))];
  const files = new Set(digests.filter((digest) => !digest.endsWith(".dir")));
  for (const folder of folders) {
    const path = present(from, folder);
    for (const entry of readManifest(readFileSync(path, "utf8"), path)) files.add(entry.md5);
  }
  const first = await copyMissing(from, objects, [...files], join(staging, "f"));
  const last = await copyMissing(from, objects, folders, join(staging, "d"));
  return { objects: first.objects + last.objects, sizeBytes: first.sizeBytes + last.sizeBytes };
}

function present(from: string, digest: string): string {
  const path = objectPath(join(from, "files", "md5"), digest);
  if (existsSync(path)) return path;
  throw fail("OBJECT_MISSING", {
    what: `the object ${digest} is not in ${from} either`,
    place: path,
    mend: "push it from where the data was added",
  });
}

async function copyMissing(
  from: string,
  objects: string,
  digests: readonly string[],
  prefix: string,
): Promise<Transfer> {
  const missing = digests.filter((digest) => !existsSync(objectPath(objects, digest)));
  if (missing.length === 0) return { objects: 0, sizeBytes: 0 };
  const sources = missing.map((digest) => walk(present(from, digest)).files[0]!);
  const staged = (i: number) => `${prefix}${i}`;
  const done = await workOnAll(
    // Staged whatever is there already: a manifest's md5 may also be the name of a plain file's object.
    sources.map(({ path, sizeBytes }, i) => ({ do: "store", path, sizeBytes, staged: staged(i), objects: staged(i) })),
  );
  const moves = missing.map((digest, i) => {
    if (md5Of(done[i]!) !== digest.replace(/\.dir$/, ""))
      throw fail("OBJECT_CORRUPT", { what: `the bytes are not those of ${digest}`, place: sources[i]!.path });
    return { from: staged(i), to: objectPath(objects, digest) };
  });
  await publishMany(dirname(prefix), moves);
  return { objects: moves.length, sizeBytes: sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
