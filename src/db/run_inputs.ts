/** Queries about what a run read and made: datasets and logged models. */

import type { Sql } from "./db.ts";
import { allIn } from "./lists.ts";

export interface DatasetRow {
  name: string;
  digest: string;
  source_type: string;
  source: string;
  schema_json: string | null;
  profile_json: string | null;
}

export type RunDatasetRow = DatasetRow & { run_seq: number; tags: string };

export interface RunModelRow {
  run_seq: number;
  direction: "input" | "output";
  model_id: string;
  step: number;
}

/** Finds or adds the dataset of that name and digest in the experiment; resolves to its seq. */
export async function ensureDataset(sql: Sql, experimentId: number, dataset: DatasetRow): Promise<number> {
  await sql.run(
    `INSERT INTO run_datasets (experiment_id, name, digest, source_type, source, schema_json, profile_json)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (experiment_id, name, digest) DO NOTHING`,
    [
      experimentId,
      dataset.name,
      dataset.digest,
      dataset.source_type,
      dataset.source,
      dataset.schema_json,
      dataset.profile_json,
    ],
  );
  const row = await sql.get<{ seq: number }>(
    "SELECT seq FROM run_datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
    [experimentId, dataset.name, dataset.digest],
  );
  return Number(row!.seq);
}

/** Whether a run of the experiment has read this content under this name. */
export const hasReadDataset = async (sql: Sql, experimentId: number, name: string, digest: string): Promise<boolean> =>
  (await sql.get("SELECT seq FROM run_datasets WHERE experiment_id = ? AND name = ? AND digest = ?", [
    experimentId,
    name,
    digest,
  ])) !== undefined;

/** Names a dataset as a run's input; a second time changes nothing. */
export const insertRunInput = (
  sql: Sql,
  runSeq: number,
  datasetSeq: number,
  context: string,
  tags: string,
): Promise<number> =>
  sql.run("INSERT INTO run_inputs (run_seq, dataset_seq, context, tags) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", [
    runSeq,
    datasetSeq,
    context,
    tags,
  ]);

export const insertRunModels = (sql: Sql, rows: readonly RunModelRow[]): Promise<void> =>
  sql.runMany(
    "INSERT INTO run_models (run_seq, direction, model_id, step) VALUES (?, ?, ?, ?) ON CONFLICT (run_seq, direction, model_id) DO UPDATE SET step = excluded.step",
    rows.map((row) => [row.run_seq, row.direction, row.model_id, row.step]),
  );

export const datasetsOf = (sql: Sql, runSeqs: readonly number[]): Promise<RunDatasetRow[]> =>
  allIn(
    sql,
    runSeqs,
    (
      list,
    ) => `SELECT run_inputs.run_seq, run_inputs.tags, d.name, d.digest, d.source_type, d.source, d.schema_json, d.profile_json
      FROM run_inputs JOIN run_datasets AS d ON d.seq = run_inputs.dataset_seq
      WHERE run_inputs.run_seq IN ${list} ORDER BY run_inputs.run_seq, d.seq`,
  );

export const modelsOf = (sql: Sql, runSeqs: readonly number[]): Promise<RunModelRow[]> =>
  allIn(
    sql,
    runSeqs,
    (list) =>
      `SELECT run_seq, direction, model_id, step FROM run_models WHERE run_seq IN ${list} ORDER BY run_seq, direction, model_id`,
  );

/** Each dataset of the experiments with each context in which runs read it. */
export const datasetSummaries = (
  sql: Sql,
  experimentIds: readonly number[],
): Promise<{ experiment_id: number; name: string; digest: string; context: string }[]> =>
  allIn(
    sql,
    experimentIds,
    (list) => `SELECT DISTINCT d.experiment_id, d.name, d.digest, i.context
      FROM run_datasets AS d JOIN run_inputs AS i ON i.dataset_seq = d.seq JOIN runs ON runs.seq = i.run_seq
      WHERE runs.lifecycle = 'active' AND d.experiment_id IN ${list} ORDER BY d.experiment_id, d.name, d.digest, i.context`,
  );
