/** What there is, by name: for listings that show everything. */

import type { Sql } from "./db.ts";

/** Ids of the active experiments, oldest first. */
export async function experimentIds(sql: Sql): Promise<string[]> {
  const rows = await sql.all<{ id: number }>(
    "SELECT experiment_id AS id FROM experiments WHERE lifecycle = 'active' ORDER BY experiment_id",
  );
  return rows.map((row) => String(row.id));
}

/** Names of the registered models, in order. */
export async function modelNames(sql: Sql): Promise<string[]> {
  return (await sql.all<{ name: string }>("SELECT name FROM registered_models ORDER BY name")).map((row) => row.name);
}
