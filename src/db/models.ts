/** Queries about registered models, their tags and aliases. */

import type { Sql } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Pair } from "./run_values.ts";
import type { SearchedTable } from "./search/table.ts";

export interface ModelRow {
  name: string;
  description: string | null;
  created_ms: number;
  updated_ms: number;
}

const COLUMNS = "name, description, created_ms, updated_ms";

export const modelByName = (sql: Sql, name: string): Promise<ModelRow | undefined> =>
  sql.get(`SELECT ${COLUMNS} FROM registered_models WHERE name = ?`, [name]);

/** Resolves to 0 when the name is taken. */
export const insertModel = (sql: Sql, name: string, description: string | null, nowMs: number): Promise<number> =>
  sql.run(
    "INSERT INTO registered_models (name, description, created_ms, updated_ms) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
    [name, description, nowMs, nowMs],
  );

export const describeModel = (sql: Sql, name: string, description: string | null, nowMs: number): Promise<number> =>
  sql.run("UPDATE registered_models SET description = ?, updated_ms = ? WHERE name = ?", [description, nowMs, name]);

export const touchModel = (sql: Sql, name: string, nowMs: number): Promise<number> =>
  sql.run("UPDATE registered_models SET updated_ms = ? WHERE name = ?", [nowMs, name]);

/** Tables that carry a model's name, besides registered_models and the counter of its numbers. */
const NAMED = [
  "registered_model_tags",
  "model_versions",
  "model_version_tags",
  "model_aliases",
  "verdicts",
  "approvals",
];

/** Moves a model with all that hangs on it; the new name's counter never goes back. */
export async function renameModelRow(sql: Sql, name: string, next: string, nowMs: number): Promise<void> {
  await sql.run("UPDATE registered_models SET name = ?, updated_ms = ? WHERE name = ?", [next, nowMs, name]);
  for (const table of NAMED) await sql.run(`UPDATE ${table} SET name = ? WHERE name = ?`, [next, name]);
  await sql.run("UPDATE model_versions SET updated_ms = ? WHERE name = ?", [nowMs, next]);
  await raiseNumber(sql, next, await lastNumber(sql, name));
}

/** Removes a model and all that hangs on it, but not the counter: its numbers are never given again. */
export async function deleteModelRows(sql: Sql, name: string): Promise<void> {
  for (const table of NAMED) await sql.run(`DELETE FROM ${table} WHERE name = ?`, [name]);
  await sql.run("DELETE FROM registered_models WHERE name = ?", [name]);
}

/** The next version number of a name, taken for good in the caller's transaction. */
export async function takeNumber(sql: Sql, name: string): Promise<number> {
  const row = await sql.get<{ last: number }>(
    `INSERT INTO version_numbers (name, last) VALUES (?, 1)
     ON CONFLICT (name) DO UPDATE SET last = version_numbers.last + 1 RETURNING last`,
    [name],
  );
  return Number(row!.last);
}

async function lastNumber(sql: Sql, name: string): Promise<number> {
  const row = await sql.get<{ last: number }>("SELECT last FROM version_numbers WHERE name = ?", [name]);
  return Number(row?.last ?? 0);
}

/** Makes sure that no number up to this one is given again. */
export const raiseNumber = (sql: Sql, name: string, last: number): Promise<number> =>
  sql.run(
    `INSERT INTO version_numbers (name, last) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET last = excluded.last WHERE excluded.last > version_numbers.last`,
    [name, last],
  );

export const putModelTag = (sql: Sql, name: string, tag: Pair): Promise<number> =>
  sql.run(
    "INSERT INTO registered_model_tags (name, key, value) VALUES (?, ?, ?) ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
    [name, tag.key, tag.value],
  );

export const deleteModelTag = (sql: Sql, name: string, key: string): Promise<number> =>
  sql.run("DELETE FROM registered_model_tags WHERE name = ? AND key = ?", [name, key]);

export const modelTags = (sql: Sql, names: readonly string[]): Promise<(Pair & { name: string })[]> =>
  allIn(
    sql,
    names,
    (list) => `SELECT name, key, value FROM registered_model_tags WHERE name IN ${list} ORDER BY name, key`,
  );

export interface AliasRow {
  name: string;
  alias: string;
  version: number;
}

export const putAlias = (sql: Sql, row: AliasRow): Promise<number> =>
  sql.run(
    "INSERT INTO model_aliases (name, alias, version) VALUES (?, ?, ?) ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version",
    [row.name, row.alias, row.version],
  );

export const deleteAlias = (sql: Sql, name: string, alias: string): Promise<number> =>
  sql.run("DELETE FROM model_aliases WHERE name = ? AND alias = ?", [name, alias]);

export const aliasRow = (sql: Sql, name: string, alias: string): Promise<AliasRow | undefined> =>
  sql.get("SELECT name, alias, version FROM model_aliases WHERE name = ? AND alias = ?", [name, alias]);

export const modelAliases = (sql: Sql, names: readonly string[]): Promise<AliasRow[]> =>
  allIn(
    sql,
    names,
    (list) => `SELECT name, alias, version FROM model_aliases WHERE name IN ${list} ORDER BY name, alias`,
  );

/** How models are searched; by name unless told. */
export const SEARCHED_MODELS: SearchedTable = {
  table: "registered_models",
  columns: COLUMNS,
  column: {
    name: "registered_models.name",
    creation_timestamp: "registered_models.created_ms",
    last_updated_timestamp: "registered_models.updated_ms",
  },
  pairs: { tag: { table: "registered_model_tags", join: "t.name = registered_models.name" } },
  last: [{ entity: "attribute", key: "name", descending: false }],
};
