/** What there is, by name: for listings that show everything. */

import type { Sql } from "./db.ts";
import { inProjectSql } from "./experiments.ts";
import { allIn } from "./lists.ts";

/** Ids of the active experiments, of all or of one project ("": of those in none), oldest first. */
export async function experimentIds(sql: Sql, project?: string): Promise<string[]> {
  const where = project === undefined ? { sql: "1 = 1", params: [] } : inProjectSql(project);
  const rows = await sql.all<{ id: number }>(
    `SELECT experiment_id AS id FROM experiments WHERE lifecycle = 'active' AND ${where.sql} ORDER BY experiment_id`,
    where.params,
  );
  return rows.map((row) => String(row.id));
}

/** Name of each of these experiments, by its id. */
export async function experimentNames(sql: Sql, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await allIn<{ id: number; name: string }>(
    sql,
    [...new Set(ids)].map(Number),
    (list) => `SELECT experiment_id AS id, name FROM experiments WHERE experiment_id IN ${list}`,
  );
  return new Map(rows.map((row) => [String(row.id), row.name]));
}

/** Names of the registered models, in order. */
export async function modelNames(sql: Sql): Promise<string[]> {
  return (await sql.all<{ name: string }>("SELECT name FROM registered_models ORDER BY name")).map((row) => row.name);
}
