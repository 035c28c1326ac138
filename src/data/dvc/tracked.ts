/**
 * Data that is kept by content beside Git, with DVC's files: `add` stores a file or folder and writes its pointer, `checkout` brings back
 * what a pointer says, `push` and `pull` exchange objects with another cache's folder, `gc` deletes what no pointer names.
 */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fail, TrimtabError } from "../../base/errors.ts";
import type { Cache, Transfer } from "../../store/cache.ts";
import type { Garbage } from "../../store/cache-gc.ts";
import type { StatCache } from "../../store/stat-cache.ts";
import { walk } from "../../store/walk.ts";
import { ignoreInGit } from "./gitignore.ts";
import { type DvcPointer, readDvcPointer, writeDvcPointer } from "./pointer.ts";

export interface TrackedPorts {
  cache: Cache;
  stats: StatCache;
}

export interface TrackedState {
  /** The .dvc file. */
  pointer: string;
  path: string;
  md5: string;
  /** Of the workspace against the pointer. */
  state: "unchanged" | "modified" | "deleted";
  /** The object, and for a folder all of its files, are in the cache. */
  cached: boolean;
}

const EXECUTABLE = 0o111;

/** Stores `path` (absolute) and writes `<path>.dvc`; resolves to the pointer. Nothing is written when storing fails. */
export async function addTracked(ports: TrackedPorts, path: string): Promise<DvcPointer> {
  requireNoIgnores(path);
  await ignoreInGit(path);
  const stored = await ports.cache.addTree(path);
  const executable = stored.nfiles === undefined && (statSync(path).mode & EXECUTABLE) !== 0;
  const pointer = {
    md5: stored.md5,
    path,
    sizeBytes: stored.size,
    ...(stored.nfiles === undefined ? {} : { files: stored.nfiles }),
    executable,
  };
  await writeDvcPointer(`${path}.dvc`, pointer);
  return { ...pointer, legacy: false };
}

/** Leaving files out by .dvcignore would give a folder another hash than DVC's: said rather than guessed. */
function requireNoIgnores(path: string): void {
  const files = walk(path).files.filter((file) => /(^|\/)\.dvcignore$/.test(file.relpath));
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".dvcignore"))) files.push(walk(join(folder, ".dvcignore")).files[0]!);
    if (folder === dirname(folder)) break;
  }
  for (const file of files)
    if (/^\s*[^#\s]/m.test(readFileSync(file.path, "utf8")))
      throw fail("NOT_AVAILABLE", {
        what: ".dvcignore is not followed yet",
        place: file.path,
        mend: "add the data with dvc add, or remove the patterns",
      });
}

/** How the workspace stands against each pointer. */
export async function trackedStates(ports: TrackedPorts, pointers: readonly string[]): Promise<TrackedState[]> {
  const states: TrackedState[] = [];
  for (const pointer of pointers) {
    const { md5, path } = readDvcPointer(pointer);
    states.push({ pointer, path, md5, state: await stateOf(ports, path, md5), cached: ports.cache.has(md5) });
  }
  return states;
}

async function stateOf(ports: TrackedPorts, path: string, md5: string): Promise<TrackedState["state"]> {
  if (!existsSync(path)) return "deleted";
  return (await ports.stats.hashPath(path)).digest === md5 ? "unchanged" : "modified";
}

/**
 * Brings back what a pointer says; resolves to false when it is there. DATA_DIFFERS when that would lose a change which is not
 * in the cache, unless `force`. OBJECT_MISSING when the object must be pulled first.
 */
export async function checkoutTracked(ports: TrackedPorts, pointer: string, force = false): Promise<boolean> {
  const { md5, path, executable } = readDvcPointer(pointer);
  if (existsSync(path)) {
    const { digest } = await ports.stats.hashPath(path);
    if (digest === md5) return false;
    if (!force && !ports.cache.has(digest))
      throw fail("DATA_DIFFERS", {
        what: "it has changes that are stored nowhere",
        place: path,
        mend: "store them with trimtab data add, or overwrite them with --force",
      });
  }
  await ports.cache.restore(md5, path).catch((error: unknown) => {
    if (error instanceof TrimtabError && error.code === "OBJECT_MISSING")
      throw fail("OBJECT_MISSING", { what: error.message, place: pointer, mend: "pull it first: trimtab data pull" });
    throw error;
  });
  if (executable) await chmod(path, 0o755);
  return true;
}

/** Fetches what the pointers name from another cache's folder (a DVC remote on a disk), then checks it out. */
export async function pullTracked(
  ports: TrackedPorts,
  pointers: readonly string[],
  remote: string,
  force = false,
): Promise<Transfer> {
  const transfer = await ports.cache.receive(
    remote,
    pointers.map((pointer) => readDvcPointer(pointer).md5),
  );
  for (const pointer of pointers) await checkoutTracked(ports, pointer, force);
  return transfer;
}

/** Stores what the pointers name in a remote, which is a cache of its own, from the cache's folder `from`. */
export const pushTracked = (remote: Cache, from: string, pointers: readonly string[]): Promise<Transfer> =>
  remote.receive(
    from,
    pointers.map((pointer) => readDvcPointer(pointer).md5),
  );

/** Deletes every object that no pointer below `root` names; `alsoKeep` are those that others need. The caller keeps writers away. */
export async function collectTracked(
  cache: Cache,
  root: string,
  options: { alsoKeep?: Iterable<string>; dryRun?: boolean } = {},
): Promise<Garbage> {
  const keep = new Set(options.alsoKeep ?? []);
  for (const pointer of findPointers(root)) keep.add(readDvcPointer(pointer).md5);
  return cache.gc(keep, { dryRun: options.dryRun ?? false });
}

const LEFT_OUT = new Set([".git", ".hg", ".dvc", ".trimtab", "node_modules"]);

/** Every .dvc file below a folder, absolute, in code point order of its path from there. */
export function findPointers(root: string): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) visit(path);
      else if (entry.isFile() && entry.name.endsWith(".dvc")) found.push(path);
    }
  };
  visit(root);
  return found.sort((a, b) => (relative(root, a) < relative(root, b) ? -1 : 1));
}
