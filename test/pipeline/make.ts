/** Pipelines built by hand, a workspace in a temporary folder, and the doubles that runs are given. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fail } from "../../src/base/errors.ts";
import { hashText } from "../../src/base/hash.ts";
import { workspaceAt } from "../../src/base/workspace.ts";
import type { Db } from "../../src/db/db.ts";
import { openDb } from "../../src/db/open.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import type { HashPath, OutputCache, RunEvent, RunOptions, RunResult } from "../../src/pipeline/types.ts";
import type { CmdStep, Pipeline, Step } from "../../src/spec/types.ts";

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

/** A digest of a file or folder by names and bytes. */
export function digestOf(path: string): string {
  if (!statSync(path).isDirectory()) return hashText("md5", readFileSync(path));
  const names = readdirSync(path).sort();
  return `${hashText("md5", names.map((name) => `${name} ${digestOf(join(path, name))}`).join("\n"))}.dir`;
}

const hashPath: HashPath = async (path) => {
  if (!existsSync(path)) throw fail("FILE_NOT_FOUND", { what: "there is no such file", place: path });
  return { digest: digestOf(path), sizeBytes: statSync(path).size };
};

/** A cache that keeps whole copies. */
export function folderCache(folder: string): OutputCache {
  return {
    async addTree(path) {
      const md5 = digestOf(path);
      const at = join(folder, md5);
      if (!existsSync(at)) {
        const beside = `${at}.${process.pid}.tmp`;
        mkdirSync(folder, { recursive: true });
        cpSync(path, beside, { recursive: true });
        rmSync(at, { recursive: true, force: true });
        cpSync(beside, at, { recursive: true });
        rmSync(beside, { recursive: true, force: true });
      }
      return { md5, size: statSync(path).size };
    },
    async restore(md5, path) {
      if (!existsSync(join(folder, md5))) throw fail("OBJECT_MISSING", { what: md5 });
      rmSync(path, { recursive: true, force: true });
      mkdirSync(dirname(path), { recursive: true });
      cpSync(join(folder, md5), path, { recursive: true });
    },
    has: (md5) => existsSync(join(folder, md5)),
  };
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

/** A fresh workspace with its database open; `close` ends it. */
export async function makeWorld(): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), "trimtab-pipeline-"));
  const workspace = workspaceAt(root, {});
  const db = await openDb(workspace.db);
  const events: RunEvent[] = [];
  const options: RunOptions = {
    db,
    hashPath,
    cache: folderCache(workspace.cache),
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
      await db.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Steps that did something, with what they did. */
export const did = (result: RunResult): Record<string, string> =>
  Object.fromEntries(result.steps.filter((s) => s.state !== "kept").map((s) => [s.step, s.state]));
