/** Retention of runs: rows and log files that are older than the pipeline's `retention.runs`, or beyond the newest many. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import { workspaceAt } from "../base/workspace.ts";
import type { Db } from "../db/db.ts";
import { deletePipelineRuns, oldPipelineRuns } from "../db/step-runs.ts";
import type { Pipeline } from "../spec/types.ts";

/** Log files of one run; one for each attempt of a step. */
export const logFolder = (root: string, runId: string): string => join(workspaceAt(root, {}).state, "logs", runId);

/** Files go first: a row without its log can be told, a log without its row is never found again. */
export async function pruneRuns(db: Db, clock: Clock, pipeline: Pipeline): Promise<void> {
  const { runsMs } = pipeline.retention;
  const beforeMs = runsMs === undefined ? 0 : clock.nowMs() - runsMs;
  const ids = await oldPipelineRuns(db, pipeline.model, beforeMs, LIMITS.pipelineRuns);
  if (ids.length === 0) return;
  for (const id of ids) await rm(logFolder(pipeline.root, id), { recursive: true, force: true });
  await db.write((sql) => deletePipelineRuns(sql, ids), "logged");
}
