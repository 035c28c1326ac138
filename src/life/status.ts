/** What would run, what runs and serves now, and what needs attention: the page that a person looks at first. */

import { isoTime } from "../base/clock.ts";
import { asTrimtabError, TrimtabError } from "../base/errors.ts";
import { listJobs } from "../db/jobs.ts";
import { listPipelineRuns, type PipelineRun } from "../db/step-runs.ts";
import { isAlive } from "../pipeline/processes.ts";
import { runPipeline } from "../pipeline/run.ts";
import type { PlannedStep } from "../pipeline/types.ts";
import { currentDeployment, type Deployment } from "../serving/deployment.ts";
import type { Pipeline } from "../spec/types.ts";
import { waitingFor } from "./approval.ts";
import { type Attention, attentionOf } from "./attention.ts";
import type { Life } from "./context.ts";
import { runOptions } from "./cycle.ts";
import { ownVersionViews } from "./views.ts";
import { type WindowView, windowViews } from "./windows.ts";

export interface StatusView {
  model: string;
  plan: PlannedStep[];
  /** The run that is under way. */
  run: { id: string; trigger: string; since: string } | undefined;
  deployment: Deployment | undefined;
  versions: { version: number; gate: "passed" | "refused" | "pending"; serving: boolean; created: string }[];
  /** The newest that was judged. */
  window: WindowView | undefined;
  jobs: { queued: number; running: number; failed: number };
  /** The version that waits for a person's yes. */
  waiting: number | undefined;
  attention: Attention[];
}

/** Gathers the status of one pipeline; plans, but runs nothing. */
export async function statusOf(life: Life, pipeline: Pipeline): Promise<StatusView> {
  const model = pipeline.model;
  const [planned, current, versions, windows, jobs, waiting, [last]] = await Promise.all([
    runPipeline(pipeline, { ...(await runOptions(life, pipeline)), dryRun: true }),
    currentDeployment(life.workspace.deploy, model).catch(asTrimtabError),
    ownVersionViews(life, model),
    windowViews(life, model, { limit: 20 }),
    listJobs(life.db, { pipeline: model, limit: 200 }),
    waitingFor(life, model),
    listPipelineRuns(life.db, model, 1),
  ]);
  const isRunning = last?.state === "running" && isAlive(last, life.clock.nowMs());
  const deployment = current instanceof TrimtabError ? undefined : current;
  const serving = new Set(deployment?.models.map((served) => served.version));
  const view = {
    model,
    plan: planned.plan,
    run: isRunning ? runView(last) : undefined,
    deployment,
    versions: versions
      .slice(0, 5)
      .map(({ version, gate, created }) => ({ version, gate, serving: serving.has(version), created })),
    waiting: waiting?.version,
    window: windows.find((window) => window.action !== null),
    jobs: {
      queued: jobs.filter((job) => job.state === "queued").length,
      running: jobs.filter((job) => job.state === "running").length,
      failed: jobs.filter((job) => job.state === "failed").length,
    },
  };
  return { ...view, attention: await attentionOf(life, pipeline, { view, current, last, isRunning }) };
}

const runView = ({ id, trigger, startedMs }: PipelineRun) => ({ id, trigger, since: isoTime(startedMs) });
