/** Pipelines built by hand, and a workspace in a temporary folder with its database, cache and stat cache. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { workspaceAt } from "../../src/base/workspace.ts";
import type { Db } from "../../src/db/db.ts";
import { openDb } from "../../src/db/open.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import type { RunEvent, RunOptions, RunResult } from "../../src/pipeline/types.ts";
import type { CmdStep, Pipeline, Step } from "../../src/spec/types.ts";
import { openCache } from "../../src/store/cache.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";

export type StepGiven = Partial<Omit<CmdStep, "cmd" | "kind">> & { cmd: string | string[] };

export function cmdStep(name: string, given: StepGiven, line = 1): CmdStep {
  return {
    kind: "cmd",
    name,
    line,
    deps: [],
    outs: [],
    params: {},
    retry: { attempts: 1, delayMs: 10, backoff: 2 },
    resources: {},
    env: [],
    cache: true,
    runner: "local",
    metricFiles: [],
    ...given,
    cmd: [given.cmd].flat(),
  };
}

/** A pipeline of `cmd` steps, or of finished steps, with everything else at rest. */
export function pipelineOf(
  root: string,
  steps: Record<string, StepGiven | Step>,
  data: Record<string, string> = {},
): Pipeline {
  const whole = Object.entries(steps).map(([name, step], i): [string, Step] => [
    name,
    "kind" in step && step.kind !== undefined ? (step as Step) : cmdStep(name, step as StepGiven, i + 2),
  ]);
  return {
    model: "demo",
    file: "pipeline.yaml",
    root,
    data: Object.fromEntries(Object.entries(data).map(([name, uri]) => [name, { name, uri, line: 1 }])),
    steps: Object.fromEntries(whole),
    gate: [],
    deploy: { strategy: "direct", weights: [100], intervalMs: 0, approve: false, line: 0 },
    monitor: { performance: [], minOutcomes: 0 },
    retrain: {
      when: { drift: false, performance: false, newData: false, webhook: false, schedules: [] },
      cooldownMs: 0,
      line: 0,
    },
    alerts: [],
    retention: {},
  } as Pipeline;
}

export interface World {
  root: string;
  db: Db;
  events: RunEvent[];
  options: RunOptions;
  write(path: string, text: string): void;
  read(path: string): string;
  has(path: string): boolean;
  run(steps: Record<string, StepGiven | Step> | Pipeline, more?: Partial<RunOptions>): Promise<RunResult>;
  close(): Promise<void>;
}

export const isPipeline = (value: object): value is Pipeline => "model" in value && typeof value.model === "string";

/** A fresh workspace with its database open, its own SQLite or the one that is given; `close` ends it. */
export async function makeWorld(given?: Db): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), "trimtab-pipeline-"));
  const workspace = workspaceAt(root, {});
  const db = given ?? (await openDb(workspace.db));
  const stats = openStatCache(join(workspace.state, "stat-cache.db"));
  const events: RunEvent[] = [];
  const options: RunOptions = {
    db,
    hashPath: (path) => stats.hashPath(path),
    cache: openCache(workspace.cache, stats),
    jobs: 2,
    graceMs: 300,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    onEvent: (event) => events.push(event),
  };
  return {
    root,
    db,
    events,
    options,
    write(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    read: (path) => readFileSync(join(root, path), "utf8"),
    has: (path) => existsSync(join(root, path)),
    run: (steps, more = {}) =>
      runPipeline(isPipeline(steps) ? steps : pipelineOf(root, steps), { ...options, ...more }),
    async close() {
      stats.close();
      await db.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Steps that did something, with what they did. */
export const did = (result: RunResult): Record<string, string> =>
  Object.fromEntries(result.steps.filter((s) => s.state !== "kept").map((s) => [s.step, s.state]));
