/** Data sources as DuckDB reads them: what a name or path in a pipeline means. */

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { type Duck, parquetSql } from "../data/duckdb.ts";
import { openScan, type Scan } from "../data/scan.ts";
import { resolveSource } from "../data/source.ts";
import type { Pipeline } from "../spec/types.ts";

/** A subject is a data source's name or a path that a step writes. */
const subjectUri = (pipeline: Pipeline, subject: string): string => pipeline.data[subject]?.uri ?? subject;

/** Opens what a step's subject names. */
export const openSubject = async (duck: Duck, pipeline: Pipeline, subject: string): Promise<Scan> =>
  openScan(duck, await resolveSource(subjectUri(pipeline, subject), pipeline.root));

/** Text that an engine has loaded: a candidate's way to its verdict asks for the same holdout half a dozen times. */
const loaded = new WeakMap<Duck, Map<string, string>>();

/**
 * SQL of all rows at an absolute path that a step wrote. Parquet is known by its first bytes, because a transform writes it
 * whatever the file is called; anything else is what its name says, as data is.
 */
export async function rowsAt(duck: Duck, path: string): Promise<string> {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat?.isFile() && isParquet(path)) return `SELECT * FROM ${parquetSql(path)}`;
  const tables = loaded.get(duck) ?? new Map<string, string>();
  loaded.set(duck, tables);
  const key = JSON.stringify([path, String(stat?.ino), String(stat?.size), String(stat?.mtimeNs)]);
  const known = stat?.isFile() ? tables.get(key) : undefined;
  if (known !== undefined) return known;
  const { sql } = await openScan(duck, await resolveSource(path, "/"));
  tables.set(key, sql);
  return sql;
}

function isParquet(path: string): boolean {
  const handle = openSync(path, "r");
  try {
    const magic = Buffer.alloc(4);
    return readSync(handle, magic, 0, 4, 0) === 4 && magic.toString("latin1") === "PAR1";
  } finally {
    closeSync(handle);
  }
}
