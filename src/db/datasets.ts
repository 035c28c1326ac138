/** Queries on dataset versions: named input data at one content hash, counted 1, 2, 3 … for each name. */

import type { Db, Sql } from "./db.ts";

export interface DatasetColumn {
  name: string;
  /** In DuckDB's words: "BIGINT", "VARCHAR", … */
  type: string;
}

export interface NewDataset {
  name: string;
  hash: string;
  /** As written in pipeline.yaml. */
  uri: string;
  format: string;
  files: number;
  rows: number;
  sizeBytes: number;
  columns: DatasetColumn[];
}

export interface DatasetVersion extends NewDataset {
  version: number;
  createdMs: number;
}

interface DatasetRow {
  name: string;
  version: number;
  hash: string;
  uri: string;
  format: string;
  files: number;
  row_count: number;
  size_bytes: number;
  columns_json: string;
  created_ms: number;
}

const toVersion = (row: DatasetRow): DatasetVersion => ({
  name: row.name,
  version: Number(row.version),
  hash: row.hash,
  uri: row.uri,
  format: row.format,
  files: Number(row.files),
  rows: Number(row.row_count),
  sizeBytes: Number(row.size_bytes),
  columns: JSON.parse(row.columns_json) as DatasetColumn[],
  createdMs: Number(row.created_ms),
});

/** The version of `name` with this content, if it was seen before. */
export async function findDataset(
  sql: Pick<Sql, "get">,
  name: string,
  hash: string,
): Promise<DatasetVersion | undefined> {
  const row = await sql.get<DatasetRow>("SELECT * FROM datasets WHERE name = ? AND hash = ?", [name, hash]);
  return row && toVersion(row);
}

/** Adds the next version inside the caller's transaction. */
export async function insertDataset(sql: Sql, dataset: NewDataset, createdMs: number): Promise<DatasetVersion> {
  const last = await sql.get<{ version: number | null }>(
    "SELECT max(version) AS version FROM datasets WHERE name = ?",
    [dataset.name],
  );
  const version = Number(last?.version ?? 0) + 1;
  await sql.run(
    `INSERT INTO datasets (name, version, hash, uri, format, files, row_count, size_bytes, columns_json, created_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      dataset.name,
      version,
      dataset.hash,
      dataset.uri,
      dataset.format,
      dataset.files,
      dataset.rows,
      dataset.sizeBytes,
      JSON.stringify(dataset.columns),
      createdMs,
    ],
  );
  return { ...dataset, version, createdMs };
}

/** Versions, newest first: of one name, or of all. */
export async function listDatasets(db: Pick<Db, "all">, name?: string, limit = 100): Promise<DatasetVersion[]> {
  const rows = await db.all<DatasetRow>(
    `SELECT * FROM datasets ${name === undefined ? "" : "WHERE name = ?"} ORDER BY seq DESC LIMIT ?`,
    name === undefined ? [limit] : [name, limit],
  );
  return rows.map(toVersion);
}
