/**
 * Collects what a plan looks at: each step's own key parts, the hashes of outputs in place, and the records. A part that
 * cannot be computed is an error (its own when a person gave a bad file, else KEY_INCOMPLETE); it never drops out of the key.
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { asTrimtabError, fail, TrimtabError } from "../base/errors.ts";
import { canonicalJson, hashText } from "../base/hash.ts";
import { maskCredentials } from "../base/log.ts";
import { lastStepState } from "../db/step-runs.ts";
import { loadRecords } from "../db/steps.ts";
import type { DataSource, Pipeline, Step } from "../spec/types.ts";
import { type Graph, type StepNode, withUpstream } from "./graph.ts";
import { combinationsOf } from "./grid.ts";
import { type PlanFacts, planRun } from "./plan.ts";
import { runnerOf } from "./runners.ts";
import type { HashData, HashPath, KeyContext, OutputCache, Parts, PlannedStep, StepRunners } from "./types.ts";

/** Changes when the meaning of a key or a record changes: every step then runs once more. */
const KEY_FORMAT = "1";

export interface FactsContext extends KeyContext {
  graph: Graph;
  hashData: HashData;
  kinds: StepRunners;
  only?: readonly string[] | undefined;
  force: boolean;
}

/** Looks at everything once. The sets and maps are the run's own: it adds to them as steps end. */
export async function gatherFacts(ctx: FactsContext): Promise<RunFacts> {
  const names = ctx.only === undefined ? new Set(ctx.graph.keys()) : withUpstream(ctx.graph, ctx.only);
  const nodes = [...names].map((name) => ctx.graph.get(name)!);
  const records = await loadRecords(ctx.db, ctx.pipeline.model);
  const facts: RunFacts = {
    parts: new Map(),
    records,
    current: new Map(),
    lost: new Set(),
    settled: new Map(),
    failed: new Set(),
    forced: ctx.force ? forcedOf(ctx, names) : new Set(),
    lastState: new Map(),
    ...(ctx.only === undefined ? {} : { only: ctx.only }),
  };
  await Promise.all(
    nodes.map(async (node) => {
      const name = node.step.name;
      facts.parts.set(name, await ownParts(node, ctx));
      for (const out of node.step.outs) await lookAtOutput(ctx, out, facts.current);
      if (records.newest(name)) return;
      const state = await lastStepState(ctx.db, ctx.pipeline.model, name);
      if (state) facts.lastState.set(name, state);
    }),
  );
  return facts;
}

/** The steps that were named, grids with their combinations; all when none was. */
function forcedOf({ only, pipeline }: FactsContext, names: Iterable<string>): Set<string> {
  return new Set(only?.flatMap((name) => [name, ...combinationsOf(pipeline, name).map((one) => one.name)]) ?? names);
}

export interface RunFacts extends PlanFacts {
  parts: Map<string, Parts>;
  current: Map<string, string>;
  lost: Set<string>;
  settled: Map<string, NonNullable<ReturnType<PlanFacts["records"]["newest"]>>>;
  failed: Set<string>;
  forced: Set<string>;
  lastState: Map<string, string>;
}

async function lookAtOutput(ctx: FactsContext, out: string, current: Map<string, string>): Promise<void> {
  const path = resolve(ctx.pipeline.root, out);
  if (existsSync(path)) current.set(out, (await ctx.hashPath(path)).digest);
}

/** Plans, and plans again while a step counts on outputs that the cache does not hold. */
export async function planWithCache(
  pipeline: Pipeline,
  graph: Graph,
  facts: RunFacts,
  cache: OutputCache,
): Promise<PlannedStep[]> {
  for (;;) {
    const plan = planRun(pipeline, facts, graph);
    let isSound = true;
    for (const { action, record } of plan) {
      if (action !== "restore" || record === undefined || facts.lost.has(record.key)) continue;
      const missing = Object.entries(record.outputs).filter(([out, { digest }]) => facts.current.get(out) !== digest);
      const held = await Promise.all(missing.map(([, { digest }]) => cache.has(digest)));
      if (held.every(Boolean)) continue;
      facts.lost.add(record.key);
      isSound = false;
    }
    if (isSound) return plan;
  }
}

/** The parts of a step's key that do not come from upstream steps. */
export async function ownParts(node: StepNode, ctx: FactsContext): Promise<Parts> {
  const { step } = node;
  const place = `${ctx.pipeline.file}:${step.line}`;
  const parts: Parts = {
    format: KEY_FORMAT,
    kind: step.kind,
    outs: step.outs.join("\n"),
    platform: `${process.platform}-${process.arch}`,
    // Local steps run in no image.
    image: "none",
  };
  const add = async (name: string, compute: () => string | Promise<string>) => {
    try {
      parts[name] = await compute();
    } catch (error) {
      throw incomplete(step, name, error, place);
    }
  };
  // Credentials are no part of a key: they would be kept with it, and a new password makes no other output.
  for (const [name, value] of Object.entries(step.params))
    await add(`param.${name}`, () => maskCredentials(canonicalJson(value)));
  for (const name of step.env) parts[`env.${name}`] = envPart(ctx.env[name]);
  for (const path of [...node.files, ...node.folders])
    await add(`file.${path}`, async () => (await ctx.hashPath(resolve(ctx.pipeline.root, path))).digest);
  for (const name of node.data) await add(`data.${name}`, () => ctx.hashData(ctx.pipeline.data[name]!, ctx.pipeline));
  try {
    return { ...(await runnerOf(step, ctx.kinds).keyParts(step, ctx)), ...parts };
  } catch (error) {
    if (error instanceof TrimtabError) throw error;
    throw incomplete(step, "its kind's parts", error, place);
  }
}

function incomplete(step: Step, part: string, error: unknown, place: string): TrimtabError {
  const known = asTrimtabError(error);
  const where = known.place === undefined ? "" : ` (${known.place})`;
  // What a person gave and can mend keeps its own name; the key is our affair.
  if (known.exit === 2)
    return fail(known.code, {
      what: `${known.message}${where}`,
      place: `${place} steps.${step.name} ${part}`,
      mend: known.mend,
      cause: error,
    });
  return fail("KEY_INCOMPLETE", {
    what: `the key of step ${step.name} lacks ${part}: ${known.message}${where}`,
    place,
    ...(error instanceof TrimtabError ? { mend: error.mend } : {}),
    cause: error,
  });
}

/** A value may be a secret, so only its hash is kept: enough to see that it changed. */
const envPart = (value: string | undefined): string =>
  value === undefined ? "(not set)" : `sha256:${hashText("sha256", value).slice(0, 16)}`;

/** Files, folders and globs below the root. */
export const hashLocalData =
  (hashPath: HashPath): HashData =>
  async (source: DataSource, pipeline: Pipeline) => {
    if (/^\w+:\/\//.test(source.uri))
      throw fail("NOT_AVAILABLE", { what: `${source.uri} is not a local path`, place: `data.${source.name}` });
    if (!/[*?[{]/.test(source.uri)) return (await hashPath(resolve(pipeline.root, source.uri))).digest;
    const files = [...new Bun.Glob(source.uri).scanSync({ cwd: pipeline.root })].sort();
    if (files.length === 0)
      throw fail("FILE_NOT_FOUND", { what: `no file matches ${source.uri}`, place: `data.${source.name}` });
    const digests = await Promise.all(files.map((file) => hashPath(resolve(pipeline.root, file))));
    return hashText("md5", files.map((file, i) => `${file} ${digests[i]!.digest}`).join("\n"));
  };
