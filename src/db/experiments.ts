/** Queries about experiments and their tags. */

import type { Sql } from "./db.ts";
import { allIn } from "./lists.ts";
import type { SearchedTable } from "./search/table.ts";

export type Lifecycle = "active" | "deleted";

export interface ExperimentRow {
  experiment_id: number;
  name: string;
  artifact_location: string;
  lifecycle: Lifecycle;
  created_ms: number;
  updated_ms: number;
}

const COLUMNS = "experiment_id, name, artifact_location, lifecycle, created_ms, updated_ms";

export const experimentById = (sql: Sql, id: number): Promise<ExperimentRow | undefined> =>
  sql.get(`SELECT ${COLUMNS} FROM experiments WHERE experiment_id = ?`, [id]);

export const experimentByName = (sql: Sql, name: string): Promise<ExperimentRow | undefined> =>
  sql.get(`SELECT ${COLUMNS} FROM experiments WHERE name = ?`, [name]);

/** Active experiments with how many active runs each has, and when the newest began. */
export const experimentUse = (sql: Sql): Promise<{ name: string; runs: number; last_ms: number | null }[]> =>
  sql.all(
    `SELECT experiments.name, count(runs.seq) AS runs, max(runs.start_ms) AS last_ms FROM experiments
     LEFT JOIN runs ON runs.experiment_id = experiments.experiment_id AND runs.lifecycle = 'active'
     WHERE experiments.lifecycle = 'active' GROUP BY experiments.experiment_id, experiments.name`,
  );

/** Only names in that project; "": only those in none. Names are in byte order, and "0" follows "/". */
export const inProjectSql = (project: string): { sql: string; params: string[] } =>
  project === ""
    ? { sql: "(experiments.name NOT LIKE '%/%' OR experiments.name LIKE '/%')", params: [] }
    : { sql: "experiments.name >= ? AND experiments.name < ?", params: [`${project}/`, `${project}0`] };

/** Ids of the experiments of a project, deleted or not. */
export async function experimentsInProject(sql: Sql, project: string): Promise<string[]> {
  const where = inProjectSql(project);
  const rows = await sql.all<{ id: number }>(
    `SELECT experiment_id AS id FROM experiments WHERE ${where.sql} ORDER BY experiment_id`,
    where.params,
  );
  return rows.map((row) => String(row.id));
}

/** The active experiment with that tag, the oldest of several. */
export const experimentTagged = (sql: Sql, key: string, value: string): Promise<ExperimentRow | undefined> =>
  sql.get(
    `SELECT ${COLUMNS} FROM experiments WHERE lifecycle = 'active' AND experiment_id IN (
       SELECT experiment_id FROM experiment_tags WHERE key = ? AND value = ?) ORDER BY experiment_id LIMIT 1`,
    [key, value],
  );

/** Inserts and resolves to the new id; `location` gets the id, because the place is named after it. */
export async function insertExperiment(
  sql: Sql,
  name: string,
  location: (id: number) => string,
  nowMs: number,
): Promise<number> {
  const row = await sql.get<{ experiment_id: number }>(
    "INSERT INTO experiments (name, artifact_location, lifecycle, created_ms, updated_ms) VALUES (?, '', 'active', ?, ?) RETURNING experiment_id",
    [name, nowMs, nowMs],
  );
  const id = Number(row!.experiment_id);
  await sql.run("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", [location(id), id]);
  return id;
}

export const renameExperiment = (sql: Sql, id: number, name: string, nowMs: number): Promise<number> =>
  sql.run("UPDATE experiments SET name = ?, updated_ms = ? WHERE experiment_id = ?", [name, nowMs, id]);

/** Deletes or restores the experiment and, with it, its runs. */
export async function setExperimentLifecycle(sql: Sql, id: number, lifecycle: Lifecycle, nowMs: number): Promise<void> {
  const deletedMs = lifecycle === "deleted" ? nowMs : null;
  await sql.run("UPDATE experiments SET lifecycle = ?, deleted_ms = ?, updated_ms = ? WHERE experiment_id = ?", [
    lifecycle,
    deletedMs,
    nowMs,
    id,
  ]);
  await sql.run("UPDATE runs SET lifecycle = ?, deleted_ms = ? WHERE experiment_id = ? AND lifecycle <> ?", [
    lifecycle,
    deletedMs,
    id,
    lifecycle,
  ]);
}

export const putExperimentTag = (sql: Sql, id: number, key: string, value: string): Promise<number> =>
  sql.run(
    "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?) ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value",
    [id, key, value],
  );

export const deleteExperimentTag = (sql: Sql, id: number, key: string): Promise<number> =>
  sql.run("DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?", [id, key]);

export const experimentTags = (
  sql: Sql,
  ids: readonly number[],
): Promise<{ experiment_id: number; key: string; value: string }[]> =>
  allIn(
    sql,
    ids,
    (list) =>
      `SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN ${list} ORDER BY experiment_id, key`,
  );

/** How experiments are searched; the newest first unless told. */
export const SEARCHED_EXPERIMENTS: SearchedTable = {
  table: "experiments",
  columns: COLUMNS,
  column: {
    name: "experiments.name",
    experiment_id: "experiments.experiment_id",
    creation_time: "experiments.created_ms",
    last_update_time: "experiments.updated_ms",
  },
  compared: { experiment_id: "CAST(experiments.experiment_id AS TEXT)" },
  pairs: { tag: { table: "experiment_tags", join: "t.experiment_id = experiments.experiment_id" } },
  last: [
    { entity: "attribute", key: "creation_time", descending: true },
    { entity: "attribute", key: "experiment_id", descending: false },
  ],
};
