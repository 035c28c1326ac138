/** Queries about MLflow 3's logged models: a model that a run made, with params, tags and metrics of its own. */

import type { Sql } from "./db.ts";
import type { Lifecycle } from "./experiments.ts";
import { allIn } from "./lists.ts";
import type { MetricPoint } from "./metrics.ts";
import type { Pair } from "./run_values.ts";

export type LoggedModelStatus = "LOGGED_MODEL_PENDING" | "LOGGED_MODEL_READY" | "LOGGED_MODEL_UPLOAD_FAILED";

export interface LoggedModelRow {
  seq: number;
  model_id: string;
  experiment_id: number;
  name: string;
  artifact_uri: string;
  status: LoggedModelStatus;
  model_type: string;
  source_run_id: string;
  lifecycle: Lifecycle;
  created_ms: number;
  updated_ms: number;
}

export interface ModelMetricRow {
  model_seq: number;
  key: string;
  timestamp_ms: number;
  step: number;
  run_id: string;
  value: number;
  is_nan: number;
  dataset_name: string;
  dataset_digest: string;
}

/** A point as it is stored: NaN as 0 with is_nan. */
export function modelMetricRow(
  modelSeq: number,
  runId: string,
  metric: MetricPoint & { datasetName?: string; datasetDigest?: string },
): ModelMetricRow {
  const isNan = Number.isNaN(metric.value);
  return {
    model_seq: modelSeq,
    key: metric.key,
    timestamp_ms: metric.timestampMs,
    step: metric.step,
    run_id: runId,
    value: isNan ? 0 : metric.value,
    is_nan: isNan ? 1 : 0,
    dataset_name: metric.datasetName ?? "",
    dataset_digest: metric.datasetDigest ?? "",
  };
}

const NAMES = [
  "model_id",
  "experiment_id",
  "name",
  "artifact_uri",
  "status",
  "model_type",
  "source_run_id",
  "lifecycle",
  "created_ms",
  "updated_ms",
] as const satisfies readonly (keyof LoggedModelRow)[];

export const LOGGED_MODEL_COLUMNS = ["seq", ...NAMES].map((name) => `logged_models.${name}`).join(", ");

/** Resolves to the new model's seq. */
export async function insertLoggedModel(sql: Sql, row: Omit<LoggedModelRow, "seq">): Promise<number> {
  const made = await sql.get<{ seq: number }>(
    `INSERT INTO logged_models (${NAMES.join(", ")}) VALUES (${NAMES.map(() => "?").join(", ")}) RETURNING seq`,
    NAMES.map((name) => row[name]),
  );
  return Number(made!.seq);
}

export const loggedModelById = (sql: Sql, modelId: string): Promise<LoggedModelRow | undefined> =>
  sql.get(`SELECT ${LOGGED_MODEL_COLUMNS} FROM logged_models WHERE model_id = ?`, [modelId]);

export const setLoggedModelStatus = (sql: Sql, seq: number, status: LoggedModelStatus, nowMs: number) =>
  sql.run("UPDATE logged_models SET status = ?, updated_ms = ? WHERE seq = ?", [status, nowMs, seq]);

export const deleteLoggedModelRow = (sql: Sql, seq: number, nowMs: number) =>
  sql.run("UPDATE logged_models SET lifecycle = 'deleted', deleted_ms = ?, updated_ms = ? WHERE seq = ?", [
    nowMs,
    nowMs,
    seq,
  ]);

export const putLoggedModelTags = (sql: Sql, seq: number, tags: readonly Pair[]): Promise<void> =>
  sql.runMany(
    "INSERT INTO logged_model_tags (model_seq, key, value) VALUES (?, ?, ?) ON CONFLICT (model_seq, key) DO UPDATE SET value = excluded.value",
    tags.map((tag) => [seq, tag.key, tag.value]),
  );

export const deleteLoggedModelTag = (sql: Sql, seq: number, key: string): Promise<number> =>
  sql.run("DELETE FROM logged_model_tags WHERE model_seq = ? AND key = ?", [seq, key]);

export async function loggedModelTag(sql: Sql, seq: number, key: string): Promise<string | undefined> {
  const row = await sql.get<Pair>("SELECT key, value FROM logged_model_tags WHERE model_seq = ? AND key = ?", [
    seq,
    key,
  ]);
  return row?.value;
}

export const putLoggedModelParams = (sql: Sql, seq: number, params: readonly Pair[]): Promise<void> =>
  sql.runMany(
    "INSERT INTO logged_model_params (model_seq, key, value) VALUES (?, ?, ?) ON CONFLICT (model_seq, key) DO UPDATE SET value = excluded.value",
    params.map((param) => [seq, param.key, param.value]),
  );

export const putModelMetrics = (sql: Sql, rows: readonly ModelMetricRow[]): Promise<void> =>
  sql.runMany(
    `INSERT INTO logged_model_metrics (model_seq, key, timestamp_ms, step, run_id, value, is_nan, dataset_name, dataset_digest)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT
     (model_seq, key, timestamp_ms, step, run_id, dataset_name, dataset_digest) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan`,
    rows.map((row) => [
      row.model_seq,
      row.key,
      row.timestamp_ms,
      row.step,
      row.run_id,
      row.value,
      row.is_nan,
      row.dataset_name,
      row.dataset_digest,
    ]),
  );

type OfModel = { model_seq: number };

export const loggedModelTagsOf = (sql: Sql, seqs: readonly number[]): Promise<(Pair & OfModel)[]> =>
  allIn(
    sql,
    seqs,
    (list) => `SELECT model_seq, key, value FROM logged_model_tags WHERE model_seq IN ${list} ORDER BY model_seq, key`,
  );

export const loggedModelParamsOf = (sql: Sql, seqs: readonly number[]): Promise<(Pair & OfModel)[]> =>
  allIn(
    sql,
    seqs,
    (list) =>
      `SELECT model_seq, key, value FROM logged_model_params WHERE model_seq IN ${list} ORDER BY model_seq, key`,
  );

export const loggedModelMetricsOf = (sql: Sql, seqs: readonly number[]): Promise<ModelMetricRow[]> =>
  allIn(
    sql,
    seqs,
    (list) => `SELECT model_seq, key, timestamp_ms, step, run_id, value, is_nan, dataset_name, dataset_digest
      FROM logged_model_metrics WHERE model_seq IN ${list} 
      ORDER BY model_seq, key, timestamp_ms, step, run_id, dataset_name, dataset_digest`,
  );
