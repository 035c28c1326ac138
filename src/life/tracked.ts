/**
 * Data kept by content beside Git, for the commands `data …`. In a project that has `.dvc`, DVC's own cache and remotes are used, so
 * both programs work on the same files; else the workspace's cache.
 */

import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fail } from "../base/errors.ts";
import { dvcCacheFolder, dvcRemoteFolder } from "../data/dvc/config.ts";
import {
  addTracked,
  checkoutTracked,
  collectTracked,
  findPointers,
  pullTracked,
  pushTracked,
  type TrackedPorts,
  type TrackedState,
  trackedStates,
} from "../data/dvc/tracked.ts";
import { runningPipelineRuns } from "../db/step-runs.ts";
import { recordedDigests } from "../db/steps.ts";
import { isAlive } from "../pipeline/processes.ts";
import { overlaps } from "../spec/files.ts";
import { openCache, type Transfer } from "../store/cache.ts";
import type { Garbage } from "../store/cache-gc.ts";
import type { Life } from "./context.ts";

const cacheFolder = (life: Life): string => dvcCacheFolder(life.workspace.root) ?? life.workspace.cache;

const portsOf = (life: Life): TrackedPorts => ({ stats: life.stats, cache: openCache(cacheFolder(life), life.stats) });

/** The pointers that were named (a .dvc file, or the data beside it), or all below the root. */
function pointersNamed(life: Life, names: readonly string[]): string[] {
  if (names.length === 0) return findPointers(life.workspace.root);
  return names.map((name) => {
    const path = resolve(life.workspace.root, name.endsWith(".dvc") ? name : `${name}.dvc`);
    if (existsSync(path)) return path;
    throw fail("FILE_NOT_FOUND", { what: `${name} is not tracked`, place: path, mend: `run trimtab data add ${name}` });
  });
}

export interface Added {
  path: string;
  md5: string;
  sizeBytes: number;
  files?: number;
}

/** Stores files or folders, relative to the root, and writes their pointers; one after the other. INVALID for one that lies outside, or holds our state. */
export async function addData(life: Life, paths: readonly string[]): Promise<Added[]> {
  const added: Added[] = [];
  for (const path of paths) requireData(life, path);
  for (const path of paths) {
    const pointer = await addTracked(portsOf(life), resolve(life.workspace.root, path));
    const { md5, sizeBytes = 0, files } = pointer;
    added.push({ path, md5, sizeBytes, ...(files === undefined ? {} : { files }) });
  }
  return added;
}

/**
 * The state, kept inside itself, would be put back by a checkout while it is in use; a pointer outside the project is one that
 * the collection of garbage does not see, and DVC refuses it too.
 */
function requireData({ workspace: { root, state } }: Life, path: string): void {
  const refuse = (what: string) =>
    fail("INVALID", { what, place: path, mend: "name a file or folder of the project, such as data" });
  if (overlaps(resolve(root, path), state)) throw refuse(`${state} is Trimtab's own and no data`);
  if (/^\.\.(\/|$)/.test(relative(root, resolve(root, path)))) throw refuse(`it is not in ${root}`);
}

/** How the workspace stands against each pointer that is named, or all; paths relative to the root. */
export async function dataStates(life: Life, names: readonly string[] = []): Promise<TrackedState[]> {
  const states = await trackedStates(portsOf(life), pointersNamed(life, names));
  const below = (path: string) => relative(life.workspace.root, path);
  return states.map((state) => ({ ...state, pointer: below(state.pointer), path: below(state.path) }));
}

/** Resolves to the pointers whose data was put back. */
export async function checkoutData(life: Life, names: readonly string[], force: boolean): Promise<string[]> {
  const changed: string[] = [];
  for (const pointer of pointersNamed(life, names))
    if (await checkoutTracked(portsOf(life), pointer, force)) changed.push(pointer);
  return changed;
}

/** Fetches and puts back. `remote`: a folder, or the name of one of DVC's remotes; the default remote when absent. */
export function pullData(
  life: Life,
  names: readonly string[],
  options: { remote?: string; force: boolean },
): Promise<Transfer> {
  return pullTracked(portsOf(life), pointersNamed(life, names), remoteFolder(life, options.remote), options.force);
}

/** Stores what the pointers name in a remote, named as for `pullData`. */
export function pushData(life: Life, names: readonly string[], options: { remote?: string }): Promise<Transfer> {
  const remote = openCache(remoteFolder(life, options.remote), life.stats);
  return pushTracked(remote, cacheFolder(life), pointersNamed(life, names));
}

function remoteFolder(life: Life, remote: string | undefined): string {
  if (remote !== undefined && /[/\\.]/.test(remote)) return resolve(life.workspace.root, remote);
  return dvcRemoteFolder(life.workspace.root, remote);
}

/**
 * Deletes objects of the workspace's cache that neither a pointer nor a step's record names. DVC's own cache is left alone: it
 * also holds what dvc.lock and other branches name. RUN_BUSY while a run adds some.
 */
export async function collectData(life: Life, dryRun: boolean): Promise<Garbage> {
  const running = (await runningPipelineRuns(life.db)).find((run) => isAlive(run, life.clock.nowMs()));
  if (running && !dryRun)
    throw fail("RUN_BUSY", { what: "a run adds to the cache", place: `pipeline ${running.pipeline}` });
  const alsoKeep = await recordedDigests(life.db);
  return collectTracked(life.cache, life.workspace.root, { alsoKeep, dryRun });
}
