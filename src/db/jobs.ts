/**
 * Queries about jobs: background work that waits in the database until the server's loop claims it.
 *
 *   queued ──claim──▶ running ──finish──▶ done | failed
 *      ▲                 │
 *      └── retry (later), release (its owner is gone)
 *
 * `once_key` is unique for ever: the same cause queues one job, however often it is reported.
 */

import { hashText } from "../base/hash.ts";
import type { Db, Sql, SqlValue } from "./db.ts";
import { inList } from "./lists.ts";

export type JobState = "queued" | "running" | "done" | "failed";

export interface NewJob {
  /** What the loop dispatches on: "retrain", "alert", … */
  kind: string;
  pipeline: string;
  trigger: string;
  reason: string;
  payload: Record<string, unknown>;
  /** Names the cause: "retrain:drift:flight-delay/3/17". */
  onceKey: string;
  /** Not claimed before; now unless told. */
  runAfterMs?: number;
}

export interface Job extends Omit<NewJob, "runAfterMs"> {
  id: string;
  state: JobState;
  /** How often it was claimed. */
  attempts: number;
  runAfterMs: number;
  createdMs: number;
  startedMs: number | null;
  endedMs: number | null;
  owner: string | null;
  result: Record<string, unknown> | null;
}

interface JobRow {
  id: string;
  kind: string;
  pipeline: string;
  trigger_name: string;
  reason: string;
  payload: string;
  once_key: string;
  state: JobState;
  attempts: number;
  run_after_ms: number;
  created_ms: number;
  started_ms: number | null;
  ended_ms: number | null;
  owner: string | null;
  result: string | null;
}

/** Resolves to the job's id, or undefined when its `onceKey` was queued before. Inside the caller's transaction. */
export async function enqueueJob(sql: Sql, job: NewJob, nowMs: number): Promise<string | undefined> {
  // The id follows from the key, so that a repeat is the same row on every engine.
  const id = hashText("sha256", job.onceKey).slice(0, 32);
  const added = await sql.run(
    `INSERT INTO jobs (id, kind, pipeline, trigger_name, reason, payload, once_key, state, attempts, run_after_ms, created_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?) ON CONFLICT DO NOTHING`,
    [
      id,
      job.kind,
      job.pipeline,
      job.trigger,
      job.reason,
      JSON.stringify(job.payload),
      job.onceKey,
      job.runAfterMs ?? nowMs,
      nowMs,
    ],
  );
  return added > 0 ? id : undefined;
}

/** The oldest queued job that is due, now running and owned; undefined when there is none. Two claimers never get the same. */
export function claimJob(
  db: Db,
  { kinds, pipeline, owner, nowMs }: { kinds: readonly string[]; pipeline?: string; owner: string; nowMs: number },
): Promise<Job | undefined> {
  const list = inList(kinds);
  const ofPipeline = pipeline === undefined ? "" : " AND pipeline = ?";
  return db.write(async (sql) => {
    for (;;) {
      const row = await sql.get<JobRow>(
        `SELECT * FROM jobs WHERE state = 'queued' AND run_after_ms <= ? AND kind IN ${list.sql}${ofPipeline}
         ORDER BY run_after_ms, created_ms, id LIMIT 1`,
        [nowMs, ...list.params, ...(pipeline === undefined ? [] : [pipeline])],
      );
      if (!row) return undefined;
      // Guarded by the state: where transactions run side by side, the second changes no row and looks again.
      const claimed = await sql.run(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_ms = ?, owner = ? WHERE id = ? AND state = 'queued'",
        [nowMs, owner, row.id],
      );
      if (claimed > 0)
        return jobOf({ ...row, state: "running", attempts: Number(row.attempts) + 1, started_ms: nowMs, owner });
    }
  });
}

/** Ends a running job. False when it was not running any more. */
export const finishJob = async (
  sql: Sql,
  id: string,
  state: "done" | "failed",
  result: Record<string, unknown>,
  nowMs: number,
): Promise<boolean> =>
  (await sql.run("UPDATE jobs SET state = ?, ended_ms = ?, result = ? WHERE id = ? AND state = 'running'", [
    state,
    nowMs,
    JSON.stringify(result),
    id,
  ])) > 0;

/** Puts a running job back into the queue, with what went wrong. */
export const retryJob = async (
  sql: Sql,
  id: string,
  runAfterMs: number,
  result: Record<string, unknown>,
): Promise<boolean> =>
  (await sql.run(
    "UPDATE jobs SET state = 'queued', owner = NULL, run_after_ms = ?, result = ? WHERE id = ? AND state = 'running'",
    [runAfterMs, JSON.stringify(result), id],
  )) > 0;

/** Puts back the running jobs of every owner but those named: their processes are gone. Resolves to how many. */
export const releaseJobs = (sql: Sql, aliveOwners: readonly string[]): Promise<number> => {
  const list = inList(aliveOwners.length > 0 ? aliveOwners : [""]);
  return sql.run(
    `UPDATE jobs SET state = 'queued', owner = NULL WHERE state = 'running' AND owner NOT IN ${list.sql}`,
    list.params,
  );
};

export interface JobFilter {
  kind?: string;
  pipeline?: string;
  states?: readonly JobState[];
  /** 100 unless told. */
  limit?: number;
}

/** Newest first. */
export async function listJobs(sql: Sql, filter: JobFilter = {}): Promise<Job[]> {
  const where = ["1 = 1"];
  const params: SqlValue[] = [];
  if (filter.kind !== undefined) {
    where.push("kind = ?");
    params.push(filter.kind);
  }
  if (filter.pipeline !== undefined) {
    where.push("pipeline = ?");
    params.push(filter.pipeline);
  }
  if (filter.states !== undefined) {
    const list = inList(filter.states);
    where.push(`state IN ${list.sql}`);
    params.push(...list.params);
  }
  params.push(filter.limit ?? 100);
  const rows = await sql.all<JobRow>(
    `SELECT * FROM jobs WHERE ${where.join(" AND ")} ORDER BY created_ms DESC, id LIMIT ?`,
    params,
  );
  return rows.map(jobOf);
}

const numberOrNull = (value: number | null): number | null => (value === null ? null : Number(value));

const jobOf = (row: JobRow): Job => ({
  id: row.id,
  kind: row.kind,
  pipeline: row.pipeline,
  trigger: row.trigger_name,
  reason: row.reason,
  payload: JSON.parse(row.payload) as Record<string, unknown>,
  onceKey: row.once_key,
  state: row.state,
  attempts: Number(row.attempts),
  runAfterMs: Number(row.run_after_ms),
  createdMs: Number(row.created_ms),
  startedMs: numberOrNull(row.started_ms),
  endedMs: numberOrNull(row.ended_ms),
  owner: row.owner,
  result: row.result === null ? null : (JSON.parse(row.result) as Record<string, unknown>),
});
