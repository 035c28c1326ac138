/** What would run, what serves now, and what needs attention: the page that a person looks at first. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { diskFreeBytes } from "../base/disk.ts";
import { asTrimtabError, TrimtabError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { showBytes } from "../base/units.ts";
import { listEvents } from "../db/events.ts";
import { listJobs } from "../db/jobs.ts";
import { runPipeline } from "../pipeline/run.ts";
import type { PlannedStep } from "../pipeline/types.ts";
import { currentDeployment, type Deployment } from "../serving/deployment.ts";
import { unavailable } from "../spec/availability.ts";
import type { Pipeline } from "../spec/types.ts";
import { waitingFor } from "./approval.ts";
import type { Life } from "./context.ts";
import { runOptions } from "./cycle.ts";
import { ownVersionViews } from "./views.ts";
import { type WindowView, windowViews } from "./windows.ts";

export interface Attention {
  what: string;
  /** The command that mends it or shows more. */
  mend: string;
}

export interface StatusView {
  model: string;
  plan: PlannedStep[];
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
  const [planned, current, versions, windows, jobs, waiting] = await Promise.all([
    runPipeline(pipeline, { ...(await runOptions(life, pipeline)), dryRun: true }),
    currentDeployment(life.workspace.deploy, model).catch(asTrimtabError),
    ownVersionViews(life, model),
    windowViews(life, model, { limit: 20 }),
    listJobs(life.db, { pipeline: model, limit: 200 }),
    waitingFor(life, model),
  ]);
  const deployment = current instanceof TrimtabError ? undefined : current;
  const serving = new Set(deployment?.models.map((served) => served.version));
  const view = {
    model,
    plan: planned.plan,
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
  const attention = [
    ...attentionTo(current),
    ...unavailable(pipeline, "deploy").map(({ message, mend }) => ({ what: message, mend })),
    ...(await attentionToDisk(life)),
    ...(await attentionOf(life, pipeline, view)),
  ];
  return { ...view, attention };
}

/** What is wrong with what serves now. */
function attentionTo(current: Deployment | TrimtabError | undefined): Attention[] {
  if (current === undefined) return [{ what: "nothing is deployed", mend: "trimtab run" }];
  if (current instanceof TrimtabError) return [{ what: current.message, mend: current.mend }];
  const gone = current.models.filter((served) => !existsSync(join(served.folder, "MLmodel")));
  return gone.map(({ version }) => ({ what: `version ${version} serves and its files are gone`, mend: "trimtab run" }));
}

/** Serving goes on without a disk, but loses what it would capture; a run fails. */
async function attentionToDisk({ workspace }: Life): Promise<Attention[]> {
  const freeBytes = await diskFreeBytes(workspace.root);
  if (freeBytes >= LIMITS.diskLowBytes) return [];
  const what = `the disk is nearly full (${showBytes(freeBytes)} free): predictions may not be captured, and runs may fail`;
  return [{ what, mend: "free some space" }];
}

async function attentionOf(life: Life, pipeline: Pipeline, view: Omit<StatusView, "attention">): Promise<Attention[]> {
  const found: Attention[] = [];
  const stale = view.plan.filter((step) => step.run);
  if (stale.length > 0) found.push({ what: `${stale.length} steps are out of date`, mend: "trimtab run" });
  if (view.waiting !== undefined)
    found.push({
      what: `version ${view.waiting} waits for a person's yes`,
      mend: `trimtab rollout approve ${view.waiting}`,
    });
  const newest = view.versions[0];
  if (newest?.gate === "refused")
    found.push({ what: `the gate refused version ${newest.version}`, mend: `trimtab gate ${newest.version}` });
  if (view.window && !view.window.pass)
    found.push({ what: `the last window fails: ${view.window.reason}`, mend: "trimtab drift" });
  const failures = await listEvents(life.db, { kind: "job.failed", subject: `pipeline/${pipeline.model}`, limit: 1 });
  if (view.jobs.failed > 0 && failures[0])
    found.push({ what: `a job failed: ${failures[0].reason}`, mend: "trimtab run" });
  const left = await listEvents(life.db, { kind: "automation.left_to_person", limit: 1 });
  if (left[0]) found.push({ what: `left to a person: ${left[0].reason}`, mend: "trimtab run" });
  return found;
}
