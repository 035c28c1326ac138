/** Queries that take runs, logged models and experiments away for good. */

import type { Sql, SqlValue } from "./db.ts";
import { allIn, inList } from "./lists.ts";
import { RUN_COLUMNS, type RunRow } from "./runs.ts";

export interface PurgeRule {
  /** Deleted runs that were deleted before this. */
  deletedBeforeMs?: number;
  /** Runs that ended before this, deleted or not. */
  endedBeforeMs?: number;
  /** Only runs of this experiment. */
  experimentId?: number;
}

/** Versions that still live are what keeps a run: their lineage and often their files are its. */
const UNUSED = "NOT EXISTS (SELECT 1 FROM model_versions AS v WHERE v.run_id = runs.run_id AND v.deleted_ms IS NULL)";

/** Runs that a rule lets go, oldest first. */
export async function runsToPurge(sql: Sql, rule: PurgeRule, limit: number): Promise<RunRow[]> {
  const tests: string[] = [];
  const params: SqlValue[] = [];
  if (rule.deletedBeforeMs !== undefined) {
    tests.push("(runs.lifecycle = 'deleted' AND runs.deleted_ms < ?)");
    params.push(rule.deletedBeforeMs);
  }
  if (rule.endedBeforeMs !== undefined) {
    tests.push("runs.end_ms < ?");
    params.push(rule.endedBeforeMs);
  }
  if (tests.length === 0) return [];
  const within = rule.experimentId === undefined ? "" : " AND runs.experiment_id = ?";
  return sql.all(
    `SELECT ${RUN_COLUMNS} FROM runs WHERE (${tests.join(" OR ")})${within} AND ${UNUSED} ORDER BY runs.start_ms LIMIT ?`,
    [...params, ...(rule.experimentId === undefined ? [] : [rule.experimentId]), limit],
  );
}

const OF_RUN = ["metrics", "latest_metrics", "params", "run_tags", "run_inputs", "run_models"];

export async function deleteRunRows(sql: Sql, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  const list = inList(seqs);
  for (const table of OF_RUN) await sql.run(`DELETE FROM ${table} WHERE run_seq IN ${list.sql}`, list.params);
  await sql.run(`DELETE FROM runs WHERE seq IN ${list.sql}`, list.params);
}

export interface PurgedModel {
  seq: number;
  model_id: string;
  artifact_uri: string;
}

/** Logged models of those runs that no living version was made of. */
export const modelsToPurge = (sql: Sql, runIds: readonly string[]): Promise<PurgedModel[]> =>
  allIn(
    sql,
    runIds,
    (list) => `SELECT m.seq, m.model_id, m.artifact_uri FROM logged_models AS m WHERE m.source_run_id IN ${list}
      AND NOT EXISTS (SELECT 1 FROM model_versions AS v WHERE v.model_id = m.model_id AND v.deleted_ms IS NULL)`,
  );

/** Logged models deleted before then, by themselves or with their experiment, of which no living version was made. */
export const deletedModels = (sql: Sql, beforeMs: number, limit: number): Promise<PurgedModel[]> =>
  sql.all(
    `SELECT m.seq, m.model_id, m.artifact_uri FROM logged_models AS m JOIN experiments AS e ON e.experiment_id = m.experiment_id
     WHERE ((m.lifecycle = 'deleted' AND m.deleted_ms < ?) OR (e.lifecycle = 'deleted' AND e.deleted_ms < ?))
       AND NOT EXISTS (SELECT 1 FROM model_versions AS v WHERE v.model_id = m.model_id AND v.deleted_ms IS NULL)
     ORDER BY m.seq LIMIT ?`,
    [beforeMs, beforeMs, limit],
  );

/** Traces of experiments that were deleted before then, with where the experiment's files are. */
export const tracesOfDeleted = (
  sql: Sql,
  beforeMs: number,
  limit: number,
): Promise<{ seq: number; trace_id: string; artifact_location: string }[]> =>
  sql.all(
    `SELECT t.seq, t.trace_id, e.artifact_location FROM traces AS t JOIN experiments AS e ON e.experiment_id = t.experiment_id
     WHERE e.lifecycle = 'deleted' AND e.deleted_ms < ? ORDER BY t.seq LIMIT ?`,
    [beforeMs, limit],
  );

export async function deleteLoggedModelRows(sql: Sql, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  const list = inList(seqs);
  for (const table of ["logged_model_params", "logged_model_tags", "logged_model_metrics"])
    await sql.run(`DELETE FROM ${table} WHERE model_seq IN ${list.sql}`, list.params);
  await sql.run(`DELETE FROM logged_models WHERE seq IN ${list.sql}`, list.params);
}

/** Experiments that were deleted before then and have nothing left; resolves to their names. */
export async function deleteEmptyExperiments(sql: Sql, deletedBeforeMs: number): Promise<string[]> {
  const empty = await sql.all<{ experiment_id: number; name: string }>(
    `SELECT e.experiment_id, e.name FROM experiments AS e WHERE e.lifecycle = 'deleted' AND e.deleted_ms < ? AND e.experiment_id <> 0
       AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.experiment_id = e.experiment_id)
       AND NOT EXISTS (SELECT 1 FROM logged_models AS m WHERE m.experiment_id = e.experiment_id)
       AND NOT EXISTS (SELECT 1 FROM traces AS t WHERE t.experiment_id = e.experiment_id)`,
    [deletedBeforeMs],
  );
  for (const { experiment_id } of empty)
    for (const table of ["experiment_tags", "run_datasets", "experiments"])
      await sql.run(`DELETE FROM ${table} WHERE experiment_id = ?`, [experiment_id]);
  return empty.map((row) => row.name);
}

/** Datasets belong to experiments: a run that moves names them anew. */
export async function forgetInputs(sql: Sql, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  const list = inList(seqs);
  await sql.run(`DELETE FROM run_inputs WHERE run_seq IN ${list.sql}`, list.params);
}

const WITH_EXPERIMENT = ["latest_metrics", "params", "run_tags"];

/** Puts runs into another experiment; where their artifacts are does not change. */
export async function moveRunRows(sql: Sql, seqs: readonly number[], experimentId: number): Promise<void> {
  if (seqs.length === 0) return;
  const list = inList(seqs);
  await sql.run(`UPDATE runs SET experiment_id = ? WHERE seq IN ${list.sql}`, [experimentId, ...list.params]);
  for (const table of WITH_EXPERIMENT)
    await sql.run(`UPDATE ${table} SET experiment_id = ? WHERE run_seq IN ${list.sql}`, [experimentId, ...list.params]);
}
