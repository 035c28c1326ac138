/** Queries about model versions, their tags, and the gate's verdicts about them. */

import type { Sql } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Pair } from "./run_values.ts";
import type { SearchedTable } from "./search/table.ts";

export interface VersionRow {
  name: string;
  version: number;
  source: string;
  storage_uri: string;
  folder: string | null;
  run_id: string | null;
  run_link: string | null;
  model_id: string | null;
  description: string | null;
  user_id: string | null;
  status: string;
  status_message: string | null;
  stage: string;
  created_ms: number;
  updated_ms: number;
}

const NAMES = [
  "name",
  "version",
  "source",
  "storage_uri",
  "folder",
  "run_id",
  "run_link",
  "model_id",
  "description",
  "user_id",
  "status",
  "status_message",
  "stage",
  "created_ms",
  "updated_ms",
] as const satisfies readonly (keyof VersionRow)[];
const COLUMNS = NAMES.join(", ");

export const insertVersion = (sql: Sql, row: VersionRow): Promise<number> =>
  sql.run(
    `INSERT INTO model_versions (${COLUMNS}) VALUES (${NAMES.map(() => "?").join(", ")})`,
    NAMES.map((name) => row[name]),
  );

/** A version that is not deleted. */
export const versionRow = (sql: Sql, name: string, version: number): Promise<VersionRow | undefined> =>
  sql.get(`SELECT ${COLUMNS} FROM model_versions WHERE name = ? AND version = ? AND deleted_ms IS NULL`, [
    name,
    version,
  ]);

/** Whether the number was ever given, also to a version that is deleted. */
export const versionExists = async (sql: Sql, name: string, version: number): Promise<boolean> =>
  (await sql.get("SELECT version FROM model_versions WHERE name = ? AND version = ?", [name, version])) !== undefined;

/** Oldest first, without the deleted ones. */
export const versionsOfModels = (sql: Sql, names: readonly string[]): Promise<VersionRow[]> =>
  allIn(
    sql,
    names,
    (list) =>
      `SELECT ${COLUMNS} FROM model_versions WHERE name IN ${list} AND deleted_ms IS NULL ORDER BY name, version`,
  );

/** Folders that any row names, deleted versions included. */
export async function knownFolders(sql: Sql): Promise<Set<string>> {
  const rows = await sql.all<{ folder: string }>("SELECT folder FROM model_versions WHERE folder IS NOT NULL");
  return new Set(rows.map((row) => row.folder));
}

export const describeVersion = (
  sql: Sql,
  name: string,
  version: number,
  description: string | null,
  nowMs: number,
): Promise<number> =>
  sql.run("UPDATE model_versions SET description = ?, updated_ms = ? WHERE name = ? AND version = ?", [
    description,
    nowMs,
    name,
    version,
  ]);

export const setVersionStage = (
  sql: Sql,
  name: string,
  version: number,
  stage: string,
  nowMs: number,
): Promise<number> =>
  sql.run("UPDATE model_versions SET stage = ?, updated_ms = ? WHERE name = ? AND version = ?", [
    stage,
    nowMs,
    name,
    version,
  ]);

/** Gives a version that was registered without one the folder of its files, relative to the folder of models. */
export const setVersionFolder = (sql: Sql, name: string, version: number, folder: string): Promise<number> =>
  sql.run("UPDATE model_versions SET folder = ? WHERE name = ? AND version = ?", [folder, name, version]);

/**
 * Versions that a client registered here (not imported, not published by a run) and nobody judged, oldest first: newer than
 * the last that passed, since an older one would be a step back. Left out are those that `jobKey` and the number name a job for.
 */
export async function unjudgedVersions(sql: Sql, name: string, jobKey: string): Promise<number[]> {
  const rows = await sql.all<{ version: number }>(
    `SELECT v.version FROM model_versions v
     WHERE v.name = ? AND v.deleted_ms IS NULL AND v.folder IS NULL
       AND v.version > coalesce((SELECT max(version) FROM verdicts WHERE name = ? AND pass = 1), 0)
       AND NOT EXISTS (SELECT 1 FROM verdicts WHERE name = v.name AND version = v.version)
       AND NOT EXISTS (SELECT 1 FROM jobs WHERE once_key = CAST(? AS text) || CAST(v.version AS text))
       AND EXISTS (SELECT 1 FROM events WHERE kind = 'version.created' AND subject = CAST(? AS text) || CAST(v.version AS text))
     ORDER BY v.version`,
    [name, name, jobKey, `model/${name}/`],
  );
  return rows.map((row) => Number(row.version));
}

/** Hides the version and forgets where it came from; the row stays, so that its number is known. */
export async function deleteVersionRow(sql: Sql, name: string, version: number, nowMs: number): Promise<void> {
  await sql.run(
    `UPDATE model_versions SET deleted_ms = ?, updated_ms = ?, stage = 'Deleted_Internal', source = 'REDACTED-SOURCE-PATH',
       run_id = 'REDACTED-RUN-ID', run_link = 'REDACTED-RUN-LINK', description = NULL, user_id = NULL
     WHERE name = ? AND version = ?`,
    [nowMs, nowMs, name, version],
  );
  await sql.run("DELETE FROM model_aliases WHERE name = ? AND version = ?", [name, version]);
  await sql.run("DELETE FROM model_version_tags WHERE name = ? AND version = ?", [name, version]);
}

export const putVersionTag = (sql: Sql, name: string, version: number, tag: Pair): Promise<number> =>
  sql.run(
    "INSERT INTO model_version_tags (name, version, key, value) VALUES (?, ?, ?, ?) ON CONFLICT (name, version, key) DO UPDATE SET value = excluded.value",
    [name, version, tag.key, tag.value],
  );

export const deleteVersionTag = (sql: Sql, name: string, version: number, key: string): Promise<number> =>
  sql.run("DELETE FROM model_version_tags WHERE name = ? AND version = ? AND key = ?", [name, version, key]);

export const versionTags = (
  sql: Sql,
  names: readonly string[],
): Promise<(Pair & { name: string; version: number })[]> =>
  allIn(
    sql,
    names,
    (list) =>
      `SELECT name, version, key, value FROM model_version_tags WHERE name IN ${list} ORDER BY name, version, key`,
  );

/** How versions are searched; the last changed first unless told. The search itself must leave out the deleted. */
export const SEARCHED_VERSIONS: SearchedTable = {
  table: "model_versions",
  columns: COLUMNS,
  column: {
    name: "model_versions.name",
    run_id: "model_versions.run_id",
    source_path: "model_versions.source",
    version_number: "model_versions.version",
    creation_timestamp: "model_versions.created_ms",
    last_updated_timestamp: "model_versions.updated_ms",
  },
  pairs: {
    tag: {
      table: "model_version_tags",
      join: "t.name = model_versions.name AND t.version = model_versions.version",
    },
  },
  last: [
    { entity: "attribute", key: "last_updated_timestamp", descending: true },
    { entity: "attribute", key: "name", descending: false },
    { entity: "attribute", key: "version_number", descending: true },
  ],
};
