/** Why a step would run, or not: the first part of its cache key that differs from the last time, old and new value. */

import { isoTime } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { loadRecords } from "../db/steps.ts";
import type { Pipeline } from "../spec/types.ts";
import type { Choice } from "./choose.ts";
import { type Difference, differences, showDifference } from "./difference.ts";
import { planPipeline } from "./run.ts";
import type { Parts, PlannedStep, RunOptions, StepAction, StepRecord } from "./types.ts";

export interface Why {
  step: string;
  action: StepAction;
  reason: string;
  /** Against the step's newest record, the most telling first; empty when nothing differs or there is no record. */
  differences: Difference[];
  /** Every part of the key as it is now; absent while an upstream step has to run first. */
  parts?: Parts;
  key?: string;
  /** What the step stands on, or was compared to. */
  record?: { key: string; runId: string; ended: string };
  /** All of this for a person. */
  text: string;
}

/** Explains one step. Throws NOT_FOUND for an unknown step. Writes nothing. */
export async function whyStep(pipeline: Pipeline, step: string, options: RunOptions): Promise<Why> {
  const plan = await planPipeline(pipeline, { ...options, only: [step], force: false });
  const planned = plan.find((each) => each.step === step);
  if (planned === undefined) {
    const made = plan.map((each) => each.step).filter((name) => name.startsWith(`${step}@`));
    throw fail("NOT_FOUND", { what: `${step} stands for several steps`, mend: `name one of: ${made.join(", ")}` });
  }
  const record = planned.record ?? (await loadRecords(options.db, pipeline.model)).newest(step);
  const found = record && planned.parts ? differences(record.parts, planned.parts) : [];
  const { action, reason, parts, key } = planned;
  return {
    step,
    action,
    reason,
    differences: found,
    ...(parts && key ? { parts, key } : {}),
    ...(record ? { record: { key: record.key, runId: record.runId, ended: isoTime(record.endedMs) } } : {}),
    text: textOf(planned, found, record, plan),
  };
}

const VERDICT: Record<StepAction, string> = {
  keep: "is up to date",
  restore: "is restored from the cache, without running",
  run: "must run",
  wait: "must run, if what it reads changes",
};

function textOf(
  planned: PlannedStep,
  found: readonly Difference[],
  record: StepRecord | undefined,
  plan: readonly PlannedStep[],
): string {
  const lines = [`${planned.step} ${VERDICT[planned.action]}: ${planned.reason}`];
  for (const difference of found.slice(1)) lines.push(`  also ${showDifference(difference)}`);
  if (planned.action === "wait")
    for (const before of plan)
      if (before.run && before.step !== planned.step) lines.push(`  ${before.step} must run first: ${before.reason}`);
  const { choice } = (record?.result ?? {}) as { choice?: Choice };
  if (choice) {
    const { metric, best, combinations } = choice;
    lines.push(`  of ${combinations.length} combinations ${best.step} was the best: ${metric} ${best.metrics[metric]}`);
  }
  if (record) lines.push(`  compared to run ${record.runId.slice(0, 8)}, which ended ${isoTime(record.endedMs)}`);
  return lines.join("\n");
}
