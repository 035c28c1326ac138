/**
 * Alerts to webhooks. An alert is a job, so it survives a crash and is tried again; its payload holds the text and which of
 * the pipeline's alerts it is for, never the address, which is a secret. Slack-compatible: `{"text": …}` (Slack, Mattermost,
 * Discord's /slack, Rocket.Chat); other webhooks get the facts besides.
 */

import { fail } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { Db, Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { claimJob, enqueueJob, finishJob, type Job, retryJob } from "../db/jobs.ts";
import type { AlertSpec, Pipeline } from "../spec/types.ts";

const ALERT_JOB = "alert";
const TIMEOUT_MS = 10_000;
/** Waits before the second, third, … attempt; after the last the alert has failed. */
const RETRY_MS = [5_000, 30_000, 120_000, 600_000];

export interface Alert {
  /** One line for people. */
  text: string;
  /** Names the occasion: the same occasion alerts once. */
  occasion: string;
  trigger: string;
  facts: Record<string, unknown>;
}

/** The part of fetch that is used. */
export type Post = (url: string, init: RequestInit) => Promise<{ ok: boolean; status: number }>;

/** Queues an alert for every webhook of the pipeline, in the caller's transaction. */
export async function queueAlerts(sql: Sql, pipeline: Pipeline, alert: Alert, nowMs: number): Promise<void> {
  for (const index of pipeline.alerts.keys())
    await enqueueJob(
      sql,
      {
        kind: ALERT_JOB,
        pipeline: pipeline.model,
        trigger: alert.trigger,
        reason: alert.text,
        payload: { alert: index, text: alert.text, facts: alert.facts },
        onceKey: `${ALERT_JOB}:${alert.occasion}:${index}`,
      },
      nowMs,
    );
}

/** Posts once. Throws ALERT_FAILED, which names the setting and not the address. */
export async function postAlert(
  spec: AlertSpec,
  message: { text: string; facts: Record<string, unknown> },
  place: string,
  post: Post = fetch,
): Promise<void> {
  const body = spec.kind === "slack" ? { text: escapeSlack(message.text) } : { text: message.text, ...message.facts };
  let answer: { ok: boolean; status: number };
  try {
    answer = await post(spec.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const late = (error as Error).name === "TimeoutError";
    // The system's own message may hold the address.
    throw fail("ALERT_FAILED", {
      what: late ? `no answer in ${TIMEOUT_MS} ms` : "the webhook cannot be reached",
      place,
    });
  }
  if (!answer.ok) throw fail("ALERT_FAILED", { what: `the webhook answered with status ${answer.status}`, place });
}

/** Slack reads &, < and > as markup. */
const escapeSlack = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export interface DeliveryOptions {
  db: Db;
  pipeline: Pipeline;
  owner: string;
  nowMs: () => number;
  post?: Post;
}

/** Delivers the alerts of a pipeline that are due; resolves to how many got through. Failures are tried again later. */
export async function deliverAlerts(options: DeliveryOptions): Promise<number> {
  const { db, pipeline, owner, nowMs } = options;
  let delivered = 0;
  for (;;) {
    const job = await claimJob(db, { kinds: [ALERT_JOB], pipeline: pipeline.model, owner, nowMs: nowMs() });
    if (!job) return delivered;
    if (await deliver(job, options)) delivered++;
  }
}

async function deliver(job: Job, { db, pipeline, nowMs, post }: DeliveryOptions): Promise<boolean> {
  const { alert, text, facts } = job.payload as { alert: number; text: string; facts: Record<string, unknown> };
  const spec = pipeline.alerts[alert];
  const place = `alerts[${alert}]`;
  try {
    if (!spec) throw fail("ALERT_FAILED", { what: "the alert is not in pipeline.yaml any more", place });
    await postAlert(spec, { text, facts }, `${place}.${spec.kind}`, post);
    await db.write((sql) => finishJob(sql, job.id, "done", {}, nowMs()));
    return true;
  } catch (error) {
    await failed(job, spec !== undefined, error as Error, db, nowMs());
    return false;
  }
}

async function failed(job: Job, mayRetry: boolean, error: Error, db: Db, nowMs: number): Promise<void> {
  log.warn("an alert was not delivered", { attempt: job.attempts, error: error.message });
  const result = { error: error.message };
  const waitMs = mayRetry ? RETRY_MS[job.attempts - 1] : undefined;
  await db.write(async (sql) => {
    if (waitMs !== undefined) return retryJob(sql, job.id, nowMs + waitMs, result);
    await appendEvent(
      sql,
      {
        kind: "alert.failed",
        subject: `pipeline/${job.pipeline}`,
        actor: "monitor",
        reason: error.message,
        data: { job: job.id, attempts: job.attempts, text: job.reason },
      },
      nowMs,
    );
    return finishJob(sql, job.id, "failed", result, nowMs);
  });
}
