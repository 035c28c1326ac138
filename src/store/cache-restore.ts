/**
 * Objects back into the workspace: copied beside the destination, checked, then moved over it in one rename. An object is
 * checked against its name unless its stamps say that it has been since it last changed.
 */

import { existsSync, statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fail, TrimtabError } from "../base/errors.ts";
import { publish } from "../base/files.ts";
import { hashFile, randomId } from "../base/hash.ts";
import { workOnAll } from "./file-pool.ts";
import { objectPath } from "./file-work.ts";
import type { ManifestEntry } from "./manifest.ts";
import { md5Of, type StatCache } from "./stat-cache.ts";
import { type FoundFile, walk } from "./walk.ts";

export interface RestoreSource {
  objects: string;
  stats: StatCache;
  /** The files of a folder object. */
  entries(md5: string): ManifestEntry[];
}

export async function restoreObject(source: RestoreSource, md5: string, path: string): Promise<void> {
  const destination = resolve(path);
  if (await holdsAlready(source.stats, md5, destination)) return;
  const beside = (kind: string) =>
    join(dirname(destination), `.${basename(destination)}.${randomId().slice(0, 8)}.${kind}`);
  const staging = beside("tmp");
  try {
    await mkdir(dirname(destination), { recursive: true });
    if (md5.endsWith(".dir")) await copyFolder(source, md5, staging);
    else await copyObjects(source, [{ md5, to: staging }]);
    await replace(staging, destination, beside("old"));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function holdsAlready(stats: StatCache, md5: string, path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    return (await stats.hashPath(path)).digest === md5;
  } catch (error) {
    // What cannot be read is replaced.
    if (error instanceof TrimtabError) return false;
    throw error;
  }
}

async function copyFolder(source: RestoreSource, md5: string, staging: string): Promise<void> {
  const object = presentObject(source, md5);
  if (`${await hashFile("md5", object.path)}.dir` !== md5) throw corrupt(object.path, md5);
  const copies = source.entries(md5).map((entry) => ({ md5: entry.md5, to: join(staging, entry.relpath) }));
  await mkdir(staging);
  for (const folder of new Set(copies.map((copy) => dirname(copy.to)))) await mkdir(folder, { recursive: true });
  await copyObjects(source, copies);
}

async function copyObjects(source: RestoreSource, copies: readonly { md5: string; to: string }[]): Promise<void> {
  const objects = copies.map((copy) => presentObject(source, copy.md5));
  const trusted = objects.map((object, i) => source.stats.recall(object) === copies[i]!.md5);
  const beganMs = Date.now();
  const done = await workOnAll(
    objects.map(({ path, sizeBytes }, i) => ({ do: "copy", path, sizeBytes, to: copies[i]!.to, verify: !trusted[i] })),
  );
  for (const [i, result] of done.entries()) {
    const found = md5Of(result);
    if (trusted[i]) continue;
    if (found !== copies[i]!.md5) throw corrupt(objects[i]!.path, copies[i]!.md5);
    source.stats.remember(objects[i]!, result, beganMs);
  }
  source.stats.flush();
}

function presentObject(source: RestoreSource, md5: string): FoundFile {
  const path = objectPath(source.objects, md5);
  if (!existsSync(path)) throw fail("OBJECT_MISSING", { what: `the object ${md5} is not in the cache`, place: path });
  return walk(path).files[0]!;
}

const corrupt = (path: string, md5: string): TrimtabError =>
  fail("OBJECT_CORRUPT", { what: `the bytes are not those of ${md5}`, place: path });

/** A rename cannot replace a folder that has files, so what is there steps aside first. */
async function replace(staging: string, destination: string, aside: string): Promise<void> {
  const folders = [staging, destination].map((path) => existsSync(path) && statSync(path).isDirectory());
  if (!existsSync(destination) || !folders.includes(true)) return publish(staging, destination);
  await rename(destination, aside);
  try {
    await publish(staging, destination);
  } catch (error) {
    await rename(aside, destination);
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}
