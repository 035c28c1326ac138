/** What a person should look at, each with the command that mends it or shows more. What was dealt with since is not told again. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { diskFreeBytes } from "../base/disk.ts";
import { TrimtabError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { showBytes } from "../base/units.ts";
import { type Event, listEvents } from "../db/events.ts";
import type { PipelineRun } from "../db/step-runs.ts";
import type { Deployment } from "../serving/deployment.ts";
import { unavailable } from "../spec/availability.ts";
import { flavorOf, readMlmodel } from "../spec/mlmodel.ts";
import { mendName } from "../spec/nearest.ts";
import type { Pipeline } from "../spec/types.ts";
import type { Life } from "./context.ts";
import { evaluateOf } from "./package.ts";
import { wasLive } from "./settle.ts";

export interface Attention {
  what: string;
  /** The command that mends it or shows more. */
  mend: string;
}

/** What of the status it follows from. */
interface Seen {
  view: {
    plan: readonly { run: boolean }[];
    versions: readonly { version: number; gate: string }[];
    window: { pass: boolean; reason: string } | undefined;
    waiting: number | undefined;
  };
  /** What serves, or what is wrong with it. */
  current: Deployment | TrimtabError | undefined;
  /** The newest run of the pipeline. */
  last: PipelineRun | undefined;
  isRunning: boolean;
}

export async function attentionOf(life: Life, pipeline: Pipeline, seen: Seen): Promise<Attention[]> {
  const { view } = seen;
  const found = [
    ...toDeployment(pipeline, seen.current),
    ...unavailable(pipeline, "deploy").map(({ message, mend }) => ({ what: message, mend })),
    ...(await toUnwatched(pipeline, seen.current)),
    ...(await toDisk(life)),
    ...toLastRun(seen),
  ];
  const stale = view.plan.filter((step) => step.run).length;
  if (stale > 0 && !seen.isRunning)
    found.push({ what: stale === 1 ? "1 step is out of date" : `${stale} steps are out of date`, mend: "trimtab run" });
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
  found.push(...(await toFailedJob(life, pipeline, seen)), ...(await toLeft(life, pipeline, seen)));
  return found;
}

/** What is wrong with what serves now. A pipeline that measures no model has nothing to serve. */
function toDeployment(pipeline: Pipeline, current: Seen["current"]): Attention[] {
  if (current === undefined) return evaluateOf(pipeline) ? [{ what: "nothing is deployed", mend: "trimtab run" }] : [];
  if (current instanceof TrimtabError) return [{ what: current.message, mend: current.mend }];
  const gone = current.models.filter((served) => !existsSync(join(served.folder, "MLmodel")));
  return gone.map(({ version }) => ({ what: `version ${version} serves and its files are gone`, mend: "trimtab run" }));
}

/** Columns that monitor.drift names and that what serves does not take: nothing would ever be said of them. */
async function toUnwatched({ monitor }: Pipeline, current: Seen["current"]): Promise<Attention[]> {
  const columns = monitor.drift?.columns ?? [];
  if (columns.length === 0 || current === undefined || current instanceof TrimtabError) return [];
  const found: Attention[] = [];
  for (const { version, folder } of current.models) {
    // Files that are gone or damaged are told elsewhere.
    const flavor = await readMlmodel(folder).then(
      (model) => flavorOf(model, folder),
      () => undefined,
    );
    if (!flavor) continue;
    const inputs = flavor.inputs.map(({ name }) => name);
    for (const name of columns.filter((column) => !inputs.includes(column)))
      found.push({
        what: `monitor.drift.columns names ${name}, which is no input of version ${version}, so it is not watched`,
        mend: mendName(name, inputs, "inputs"),
      });
  }
  return found;
}

/** Serving goes on without a disk, but loses what it would capture; a run fails. */
async function toDisk({ workspace }: Life): Promise<Attention[]> {
  const freeBytes = await diskFreeBytes(workspace.root);
  if (freeBytes >= LIMITS.diskLowBytes) return [];
  const what = `the disk is nearly full (${showBytes(freeBytes)} free): predictions may not be captured, and runs may fail`;
  return [{ what, mend: "free some space" }];
}

function toLastRun({ last, isRunning }: Seen): Attention[] {
  if (last?.state === "interrupted" || (last?.state === "running" && !isRunning))
    return [{ what: `run ${last.id.slice(0, 8)} was interrupted: its process is gone`, mend: "trimtab run" }];
  if (last?.state !== "failed") return [];
  // The error's one line; its mend goes where mends go.
  const [, what, mend] = /^(?:error\[\w+\] ?)?(.*?)(?:\. Mend: (.*)\.)?$/s.exec(last.error ?? "")!;
  return [{ what: `the last run failed: ${what}`, mend: mend ?? "trimtab run" }];
}

const endOf = (run: PipelineRun | undefined): number => run?.endedMs ?? run?.startedMs ?? 0;

/** A job that failed without a run that says it, as when the run could not begin. */
async function toFailedJob({ db }: Life, { model }: Pipeline, { last }: Seen): Promise<Attention[]> {
  if (last?.state === "failed") return [];
  const [failed] = await listEvents(db, { kind: "job.failed", subject: `pipeline/${model}`, limit: 1 });
  if (failed === undefined || failed.timeMs < endOf(last)) return [];
  return [{ what: `a job failed: ${failed.reason}`, mend: "trimtab run" }];
}

/** What automations that are switched off left to a person, as long as nobody did it. */
async function toLeft(life: Life, { model }: Pipeline, { view, last }: Seen): Promise<Attention[]> {
  const newest = async (subject: string) =>
    (await listEvents(life.db, { kind: "automation.left_to_person", subject, limit: 1 }))[0];
  const found: Attention[] = [];
  const run = await newest(`pipeline/${model}`);
  if (run !== undefined && run.timeMs > (last?.startedMs ?? 0)) found.push(left(run, "trimtab run"));
  const version = await newest(`model/${model}`);
  const number = Number(version?.subject.split("/").at(-1));
  const gate = view.versions.find((one) => one.version === number)?.gate;
  if (version && gate === "pending") found.push(left(version, `trimtab gate ${number}`));
  if (version && gate === "passed" && !(await wasLive(life, model, number)))
    found.push(left(version, `trimtab deploy ${number}`));
  return found;
}

const left = ({ reason }: Event, mend: string): Attention => ({
  what: reason.startsWith("left to a person") ? reason : `left to a person: ${reason}`,
  mend,
});
