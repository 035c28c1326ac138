/** Queries about runs themselves; what hangs on a run is in metrics.ts, run_values.ts and run_inputs.ts. */

import type { Sql } from "./db.ts";
import type { Lifecycle } from "./experiments.ts";
import { allIn } from "./lists.ts";

export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export interface RunRow {
  seq: number;
  run_id: string;
  experiment_id: number;
  name: string;
  user_id: string;
  status: RunStatus;
  start_ms: number;
  end_ms: number | null;
  artifact_uri: string;
  lifecycle: Lifecycle;
}

export const RUN_COLUMNS =
  "runs.seq, runs.run_id, runs.experiment_id, runs.name, runs.user_id, runs.status, runs.start_ms, runs.end_ms, runs.artifact_uri, runs.lifecycle";

export const runById = (sql: Sql, runId: string): Promise<RunRow | undefined> =>
  sql.get(`SELECT ${RUN_COLUMNS} FROM runs WHERE run_id = ?`, [runId]);

/** Rows for those ids that exist, in no order. */
export const runsByIds = (sql: Sql, runIds: readonly string[]): Promise<RunRow[]> =>
  allIn(sql, runIds, (list) => `SELECT ${RUN_COLUMNS} FROM runs WHERE run_id IN ${list}`);

/** Resolves to the new run's seq. */
export async function insertRun(sql: Sql, row: Omit<RunRow, "seq">): Promise<number> {
  const made = await sql.get<{ seq: number }>(
    `INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_ms, end_ms, artifact_uri, lifecycle)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
    [
      row.run_id,
      row.experiment_id,
      row.name,
      row.user_id,
      row.status,
      row.start_ms,
      row.end_ms,
      row.artifact_uri,
      row.lifecycle,
    ],
  );
  return Number(made!.seq);
}

export const updateRunRow = (
  sql: Sql,
  seq: number,
  row: { name: string; status: RunStatus; end_ms: number | null },
): Promise<number> =>
  sql.run("UPDATE runs SET name = ?, status = ?, end_ms = ? WHERE seq = ?", [row.name, row.status, row.end_ms, seq]);

/** All that may differ in a second import of a run. */
export const replaceRun = (sql: Sql, seq: number, row: Omit<RunRow, "seq" | "run_id" | "experiment_id">) =>
  sql.run(
    "UPDATE runs SET name = ?, user_id = ?, status = ?, start_ms = ?, end_ms = ?, artifact_uri = ?, lifecycle = ? WHERE seq = ?",
    [row.name, row.user_id, row.status, row.start_ms, row.end_ms, row.artifact_uri, row.lifecycle, seq],
  );

export const setRunLifecycle = (sql: Sql, seq: number, lifecycle: Lifecycle, nowMs: number): Promise<number> =>
  sql.run("UPDATE runs SET lifecycle = ?, deleted_ms = ? WHERE seq = ?", [
    lifecycle,
    lifecycle === "deleted" ? nowMs : null,
    seq,
  ]);
