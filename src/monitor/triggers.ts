/**
 * From a fired rule to one job. Whatever happens, a window asks for at most one retraining ever (the job's key names the
 * window), and between two that were asked for lies at least the cooldown, on the windows' own time.
 */

import { isoTime } from "../base/clock.ts";
import { showDuration } from "../base/units.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { enqueueJob, listJobs } from "../db/jobs.ts";
import { lastAskedMs } from "../db/windows.ts";
import type { Pipeline } from "../spec/types.ts";
import { type Action, type MonitorWindow, nameOfWindow } from "./window.ts";

/** The kind of job that the server's loop runs the pipeline for. */
export const RETRAIN_JOB = "retrain";

export type Fired = "drift" | "performance";

export interface Decision {
  action: Action;
  reason: string;
  jobId: string | null;
}

export interface TriggerFacts {
  pipeline: Pipeline;
  window: MonitorWindow;
  /** The rules that fired, at least one, and what they found. */
  fired: readonly Fired[];
  why: string;
  /** Whether the version takes traffic now. */
  serving: boolean;
  /** TRIMTAB_AUTOMATE_RETRAIN is not switched off. */
  automatic: boolean;
  nowMs: number;
}

/** Decides, and queues the job or records that it is left to a person, in the caller's transaction. */
export async function askForRetraining(sql: Sql, facts: TriggerFacts): Promise<Decision> {
  const { pipeline, window, fired, serving, automatic } = facts;
  const asked = fired.filter((rule) => pipeline.retrain.when[rule]);
  if (asked.length === 0) return held("not_asked", `retrain.when does not name ${fired.join(" or ")}`);
  if (!serving) return held("not_serving", `version ${window.version} takes no traffic now`);
  const last = await lastAskedMs(sql, window.model);
  const { cooldownMs } = pipeline.retrain;
  const endMs = Math.min(window.toMs, window.closedMs ?? window.toMs);
  if (last !== undefined && endMs < last + cooldownMs)
    return held(
      "cooldown",
      `within ${showDuration(cooldownMs)} of the last request for a retraining, ${isoTime(last)}`,
    );
  const [running] = await listJobs(sql, {
    kind: RETRAIN_JOB,
    pipeline: pipeline.model,
    states: ["queued", "running"],
    limit: 1,
  });
  if (running) return held("in_flight", `retraining ${running.id} is ${running.state}`);
  // What the model gets wrong weighs more than what its inputs look like.
  const trigger = asked.includes("performance") ? "performance" : "drift";
  return automatic ? queue(sql, facts, trigger) : leaveToPerson(sql, facts, trigger);
}

const held = (action: Action, reason: string): Decision => ({ action, reason, jobId: null });

const pipelineSubject = (pipeline: Pipeline): string => `pipeline/${pipeline.model}`;

function factsOf({ window, fired }: TriggerFacts, trigger: Fired): Record<string, unknown> {
  const { model, version, seq, fromMs, toMs, rows } = window;
  return { model, version, window: seq, fromMs, toMs, rows, trigger, fired };
}

async function queue(sql: Sql, facts: TriggerFacts, trigger: Fired): Promise<Decision> {
  const { pipeline, window, why, nowMs } = facts;
  const payload = factsOf(facts, trigger);
  const onceKey = `${RETRAIN_JOB}:${nameOfWindow(window)}`;
  const jobId = await enqueueJob(
    sql,
    { kind: RETRAIN_JOB, pipeline: pipeline.model, trigger, reason: why, payload, onceKey },
    nowMs,
  );
  if (jobId === undefined) return held("none", "this window asked for a retraining before");
  await appendEvent(
    sql,
    {
      kind: "retrain.queued",
      subject: pipelineSubject(pipeline),
      actor: "monitor",
      reason: why,
      data: { ...payload, job: jobId },
    },
    nowMs,
  );
  return { action: "queued", reason: why, jobId };
}

async function leaveToPerson(sql: Sql, facts: TriggerFacts, trigger: Fired): Promise<Decision> {
  const { pipeline, why, nowMs } = facts;
  await appendEvent(
    sql,
    {
      kind: "automation.left_to_person",
      subject: pipelineSubject(pipeline),
      actor: "monitor",
      reason: `left to a person, TRIMTAB_AUTOMATE_RETRAIN is off: ${why}`,
      data: factsOf(facts, trigger),
    },
    nowMs,
  );
  return held("left_to_person", `left to a person: ${why}`);
}
