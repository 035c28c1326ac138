/**
 * Runner of a step with a grid, once its combinations are done: the best by the named metric becomes the step's outputs. A
 * combination that failed, or did not report the metric, is left out; when none is left the step fails.
 */

import { constants, cp, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail } from "../base/errors.ts";
import { canonicalJson } from "../base/hash.ts";
import type { CmdStep, ParamValue } from "../spec/types.ts";
import { paramText } from "./env.ts";
import { combinationsOf, gridFolder } from "./grid.ts";
import type { Parts, StepContext, StepOutcome, StepRunner } from "./types.ts";

export const chooseRunner: StepRunner<CmdStep> = { stages: true, keyParts, run };

/** What a combination came to; kept in the record of the step. */
export interface Combined {
  step: string;
  params: Record<string, ParamValue>;
  /** Its own run, inside the pipeline's. */
  runId?: string;
  metrics: Record<string, number>;
  /** Why it takes no part. */
  leftOut?: string;
}

/** The result of a step with a grid. */
export interface Choice {
  metric: string;
  goal: "max" | "min";
  best: Combined;
  combinations: Combined[];
}

async function keyParts(step: CmdStep): Promise<Parts> {
  const values = Object.entries(step.grid ?? {}).map(([name, of]) => [`grid.${name}`, of.map(paramText).join(", ")]);
  return { ...Object.fromEntries(values), best: canonicalJson(step.best) };
}

async function run(step: CmdStep, ctx: StepContext): Promise<StepOutcome> {
  const { metric, goal } = step.best!;
  const all = combinationsOf(ctx.pipeline, step.name);
  const combined = all.map((one) => combinedOf(one, metric, ctx));
  const inOrder = ranked({ metric, goal, combinations: combined });
  for (const one of inOrder) ctx.log.write(`${one.step}  ${one.leftOut ?? `${metric} ${one.metrics[metric]}`}\n`);
  const best = inOrder[0];
  if (best === undefined || best.leftOut !== undefined) throw noneLeft(step, combined, ctx);
  await takeOver(step, all.find((one) => one.name === best.step)!, ctx);
  await sweep(ctx.pipeline.root, step.name, all);
  const choice: Choice = { metric, goal, best, combinations: combined };
  return { result: { choice, metrics: best.metrics }, metrics: best.metrics };
}

/** The best first, those that are left out last; among equals the order of the grid. */
export function ranked({ metric, goal, combinations }: Omit<Choice, "best">): Combined[] {
  const sign = goal === "max" ? 1 : -1;
  const taken = combinations.filter((one) => one.leftOut === undefined);
  taken.sort((a, b) => sign * (b.metrics[metric]! - a.metrics[metric]!));
  return [...taken, ...combinations.filter((one) => one.leftOut !== undefined)];
}

function combinedOf(step: CmdStep, metric: string, ctx: StepContext): Combined {
  const { params } = step.combination!;
  const record = ctx.settled.get(step.name);
  if (record === undefined) return { step: step.name, params, metrics: {}, leftOut: "it failed" };
  const { metrics = {}, runId } = record.result as { metrics?: Record<string, number>; runId?: string };
  const isRanked = Number.isFinite(metrics[metric]);
  return {
    step: step.name,
    params,
    ...(runId === undefined ? {} : { runId }),
    metrics,
    ...(isRanked ? {} : { leftOut: `it reported no ${metric}` }),
  };
}

function noneLeft(step: CmdStep, combined: readonly Combined[], ctx: StepContext) {
  const { metric } = step.best!;
  const reported = [...new Set(combined.flatMap((one) => Object.keys(one.metrics)))];
  const failed = combined.every((one) => one.leftOut === "it failed");
  return fail("STEP_FAILED", {
    what: failed
      ? `every combination of step ${step.name} failed`
      : `no combination of step ${step.name} reported the metric ${metric}`,
    place: `${ctx.pipeline.file}:${step.line} steps.${step.name}`,
    mend: failed
      ? "see their own errors"
      : `log it to MLflow or into a file under metrics:, or name another under best:${reported.length > 0 ? `; reported were ${reported.join(", ")}` : ""}`,
    details: { step: step.name },
  });
}

/** Copies the outputs of the best to where the step's own are staged; without copying bytes where the disk can do so. */
async function takeOver(step: CmdStep, best: CmdStep, ctx: StepContext): Promise<void> {
  for (const [i, out] of step.outs.entries()) {
    await mkdir(dirname(ctx.out(out)), { recursive: true });
    await cp(ctx.path(best.outs[i]!), ctx.out(out), { recursive: true, mode: constants.COPYFILE_FICLONE });
  }
}

/** Takes away the trees of combinations that the grid no longer has. */
async function sweep(root: string, grid: string, all: readonly CmdStep[]): Promise<void> {
  const folder = gridFolder(root, grid);
  const kept = new Set(all.map((one) => join(root, one.combination!.tree)));
  for (const name of await readdir(folder).catch(() => []))
    if (!kept.has(join(folder, name))) await rm(join(folder, name), { recursive: true, force: true });
}
