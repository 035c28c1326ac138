/**
 * Cleans up after a run whose process died: ends the children that outlived it, puts former outputs back, marks its open
 * attempts `interrupted`. Called by the run that holds the lock; can itself be killed and repeated.
 */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { workspaceAt } from "../base/workspace.ts";
import type { Db } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { endStepRun, pipelineRunState, type StepRun, unfinishedStepRuns } from "../db/step-runs.ts";
import type { Pipeline } from "../spec/types.ts";
import { OutputSwap } from "./outputs.ts";
import { endStrays } from "./tree.ts";

const scratchFolder = (root: string): string => join(workspaceAt(root, {}).tmp, "runs");

/** Scratch of one run, and in it of one step. */
export const runFolder = (root: string, runId: string): string => join(scratchFolder(root), runId);
export const stepFolder = (root: string, runId: string, step: string): string =>
  join(runFolder(root, runId), encodeURIComponent(step));

/** Resolves to the ids of the runs that were interrupted. */
export async function recoverRuns(db: Db, clock: Clock, pipeline: Pipeline, runId: string): Promise<string[]> {
  const open = await unfinishedStepRuns(db, pipeline.model, runId);
  for (const id of new Set(open.map((attempt) => attempt.runId))) await endStrays(`TRIMTAB_RUN_ID=${id}`);
  for (const attempt of open) {
    await new OutputSwap(pipeline.root, stepFolder(pipeline.root, attempt.runId, attempt.step), attempt.outs).putBack();
    await markInterrupted(db, clock, attempt);
  }
  await sweepScratch(db, pipeline.root);
  return [...new Set(open.map((attempt) => attempt.runId))];
}

function markInterrupted(db: Db, clock: Clock, attempt: StepRun): Promise<void> {
  const nowMs = clock.nowMs();
  const reason = "its process is gone";
  return db.write(async (sql) => {
    const { runId, step } = attempt;
    await endStepRun(sql, {
      runId,
      step,
      attempt: attempt.attempt,
      state: "interrupted",
      endedMs: nowMs,
      error: reason,
    });
    const subject = `pipeline/${attempt.pipeline}/${step}`;
    const data = { runId, attempt: attempt.attempt };
    await appendEvent(sql, { kind: "step.interrupted", subject, actor: "trimtab", reason, data }, nowMs);
  });
}

/** Scratch that a run killed after its last record left behind. */
async function sweepScratch(db: Db, root: string): Promise<void> {
  const folder = scratchFolder(root);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if ((await pipelineRunState(db, name)) === "running") continue;
    if (await hasOpenSteps(db, name)) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function hasOpenSteps(db: Db, runId: string): Promise<boolean> {
  return (await db.get("SELECT 1 FROM step_runs WHERE run_id = ? AND state = 'running'", [runId])) !== undefined;
}
