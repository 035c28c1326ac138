/**
 * Everything a command or the control process works with, opened once and closed in reverse. The heavy parts (DuckDB) open
 * on first use, so that a run with nothing to do stays quick.
 */

import { mkdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { type Workspace, workspaceAt } from "../base/workspace.ts";
import type { Duck } from "../data/duckdb.ts";
import { hashSource, resolveSource } from "../data/source.ts";
import type { Db } from "../db/db.ts";
import { appendEvent, type NewEvent } from "../db/events.ts";
import { openDb } from "../db/open.ts";
import { createRegistry, type Registry } from "../registry/registry.ts";
import { loadModel, loadPipeline } from "../spec/load.ts";
import type { Pipeline } from "../spec/types.ts";
import { type ArtifactStore, openArtifactStore } from "../store/artifacts.ts";
import { type Cache, openCache } from "../store/cache.ts";
import { withMounts } from "../store/mounts.ts";
import { openStatCache, type StatCache } from "../store/stat-cache.ts";
import { createTracking, type Tracking } from "../tracking/tracking.ts";

export interface Life {
  workspace: Workspace;
  env: Record<string, string | undefined>;
  clock: Clock;
  /** Who acts: a user's name, "schedule", "monitor", "ci". */
  actor: string;
  db: Db;
  tracking: Tracking;
  registry: Registry;
  /** Artifacts of runs and models, as MLflow's clients see them. */
  artifacts: ArtifactStore;
  cache: Cache;
  stats: StatCache;
  duck(): Promise<Duck>;
  /** Content hash of a data source's files. */
  hashData(uri: string): Promise<string>;
  event(event: Omit<NewEvent, "actor"> & { actor?: string }): Promise<void>;
  close(): Promise<void>;
}

export interface LifeOptions {
  root: string;
  env?: Record<string, string | undefined>;
  actor?: string;
  clock?: Clock;
}

/** Containers run under ids that have no name; under cron and systemd USER may be unset, which Bun reports as "unknown". */
function userName(): string {
  const id = `uid ${process.getuid?.() ?? "unknown"}`;
  try {
    const name = userInfo().username;
    return name && name !== "unknown" ? name : id;
  } catch {
    return id;
  }
}

/** Opens the workspace at `root`, making .trimtab when missing. */
export async function openLife(options: LifeOptions): Promise<Life> {
  const env = options.env ?? process.env;
  const workspace = workspaceAt(options.root, env);
  const clock = options.clock ?? systemClock;
  const actor = options.actor ?? (env.TRIMTAB_ACTOR || (env.CI ? "ci" : userName()));
  await mkdir(workspace.tmp, { recursive: true });
  const db = await openDb(workspace.db);
  const stats = openStatCache(join(workspace.state, "stat-cache.db"));
  // Versions that pipelines publish are downloaded by MLflow's clients from the same tree.
  const artifacts = withMounts(openArtifactStore(env.TRIMTAB_STORE || workspace.artifacts), {
    models: openArtifactStore(workspace.models),
  });
  let duck: Promise<Duck> | undefined;
  return {
    workspace,
    env,
    clock,
    actor,
    db,
    stats,
    tracking: createTracking({ db, clock, artifacts }),
    registry: createRegistry({ db, clock, modelsDir: workspace.models }),
    artifacts,
    cache: openCache(workspace.cache, stats),
    duck() {
      duck ??= import("../data/duckdb.ts").then(({ openDuck }) => openDuck({ tempDir: workspace.tmp }));
      return duck;
    },
    hashData: async (uri) => (await hashSource(await resolveSource(uri, workspace.root), stats)).digest,
    event: ({ actor: by = actor, ...event }) =>
      db.write((sql) => appendEvent(sql, { ...event, actor: by }, clock.nowMs())),
    async close() {
      (await duck)?.close();
      stats.close();
      await db.close();
    },
  };
}

/** The pipeline of a workspace, with the environment's overrides and those of the command line. */
export const readPipeline = (
  root: string,
  options: { file?: string; env?: Record<string, string | undefined>; params?: Record<string, string> } = {},
): Promise<Pipeline> =>
  loadPipeline(resolve(root, options.file ?? "pipeline.yaml"), options.env ?? process.env, {
    params: options.params ?? {},
  });

/** The name of a workspace's model, for what needs nothing else of its pipeline. */
export const readModel = (root: string, options: { file: string; env: Record<string, string | undefined> }) =>
  loadModel(resolve(root, options.file), options.env);

/** The same workspace with another who acts, for the journal. */
export const actingAs = (life: Life, actor: string): Life => ({
  ...life,
  actor,
  event: (event) => life.event({ actor, ...event }),
});

/** Opens, works, closes: also when the work fails. */
export async function withLife<T>(options: LifeOptions, work: (life: Life) => Promise<T>): Promise<T> {
  const life = await openLife(options);
  try {
    return await work(life);
  } finally {
    await life.close();
  }
}
