/**
 * A source as SQL. Promises that every row and value is read as written or not at all: ragged rows, text that is not UTF-8, files
 * whose columns differ and damaged files are DATA_UNREADABLE with the file (and line), never padded, skipped or rounded.
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { dirname, relative } from "node:path";
import { fail, TrimtabError } from "../base/errors.ts";
import { type CsvHead, readCsvHead } from "./csv.ts";
import { type Duck, type DuckColumn, ident, literal } from "./duckdb.ts";
import { requireWholeGzip } from "./gzip.ts";
import type { SourceFiles } from "./source.ts";

export interface Scan {
  /** A SELECT of all rows. */
  sql: string;
  columns: DuckColumn[];
}

const list = (files: readonly string[]): string => `[${files.map(literal).join(", ")}]`;

/** The SELECT over a source's files. Text is parsed with types that fit every row, not a sample of them; columns of `types` with those. */
function scanSql(source: SourceFiles, types: Readonly<Record<string, string>> = {}): string {
  const files = list(source.files);
  // Types are widened over all files: read by the first file's schema, 1.5 in the second becomes 2 without a word.
  const union = source.files.length > 1 ? ", union_by_name = true" : "";
  const keys = partitionKeys(source);
  const options = `${union}, hive_partitioning = ${keys.length > 0}`;
  const foreign = keys.length > 0 ? keysOf(source.path).filter((key) => !keys.includes(key)) : [];
  const select = `SELECT *${foreign.length > 0 ? ` EXCLUDE (${foreign.map(ident).join(", ")})` : ""} FROM`;
  switch (source.format) {
    case "parquet":
      return `${select} read_parquet(${files}${options})`;
    case "json":
      return `${select} read_json(${files}, sample_size = -1, maximum_sample_files = 2147483647${options})`;
    case "csv":
      return `${select} read_csv(${files}, ${dialect(csvHeads(source)[0]!)}, sample_size = -1${options}${typesSql(types)})`;
  }
}

/**
 * Folders called key=value below the source are columns, as Spark and Hive write them. Those above it, which the engine would
 * take too, are only where the project lies.
 */
const partitionKeys = ({ shape, path, files }: SourceFiles): string[] =>
  shape === "file" ? [] : keysOf(dirname(relative(path, files[0]!)));

const keysOf = (folders: string): string[] =>
  folders.split("/").flatMap((folder) => /^([^=]+)=/.exec(folder)?.[1] ?? []);

function typesSql(types: Readonly<Record<string, string>>): string {
  const entries = Object.entries(types).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
  return entries.length === 0 ? "" : `, types = {${entries.join(", ")}}`;
}

// skip = 0: asked to guess, the engine would rather skip the rows above a ragged one than refuse it.
const dialect = (head: CsvHead): string =>
  `header = true, skip = 0, delim = ${literal(head.delimiter)}, quote = '"', escape = '"', comment = '', strict_mode = true`;

/**
 * Opens a source: finds its columns and refuses what cannot be read. Text formats are loaded into the engine once (it spills to
 * disk when they are large), so that the errors come now and later scans do not parse again; Parquet is read in place.
 */
export async function openScan(duck: Duck, source: SourceFiles): Promise<Scan> {
  await requireWholeGzip(source.files);
  const sql = scanSql(source);
  try {
    if (source.format === "parquet") {
      await requireEqualColumns(duck, source);
      const columns = await duck.columns(sql);
      await requireOwnNames(duck, source, columns);
      return { sql, columns };
    }
    const table = ident(`source ${tableCount++}`);
    await duck.run(`CREATE TABLE ${table} AS ${sql}`);
    const loaded = `SELECT * FROM ${table}`;
    const columns = await duck.columns(loaded);
    if (source.format === "json") {
      requireObjects(source, columns);
      requireClosedLists(source);
      await requireOwnNames(duck, source, columns);
      return { sql: loaded, columns };
    }
    const types = await writtenTypes(duck, source, table, columns);
    if (Object.keys(types).length === 0) return { sql: loaded, columns };
    await duck.run(`CREATE OR REPLACE TABLE ${table} AS ${scanSql(source, types)}`);
    return { sql: loaded, columns: await duck.columns(loaded) };
  } catch (error) {
    if (source.format === "csv") await diagnoseCsv(duck, source);
    throw inSource(error, source);
  }
}

let tableCount = 0;

/** Doubles skip whole numbers from here on. */
const EXACT_END = 2 ** 53;

/**
 * Types for the columns of a CSV file that the engine guessed otherwise than they are written: it takes yes, no, t and f for true
 * and false, and whole numbers beyond 64 bits for doubles, which makes one of two ids that differ in the last digit.
 */
async function writtenTypes(
  duck: Duck,
  source: SourceFiles,
  table: string,
  columns: readonly DuckColumn[],
): Promise<Record<string, string>> {
  const guesses = columns.filter(({ type }) => type === "BOOLEAN" || type === "DOUBLE");
  const risks = guesses.map(({ name, type }, i) =>
    type === "BOOLEAN" ? `TRUE AS g${i}` : `coalesce(bool_or(abs(${ident(name)}) >= ${EXACT_END}), FALSE) AS g${i}`,
  );
  if (risks.length === 0) return {};
  const [risky] = await duck.rows<Record<string, boolean>>(`SELECT ${risks.join(", ")} FROM ${table}`);
  const suspects = guesses.filter((_, i) => risky![`g${i}`]);
  if (suspects.length === 0) return {};
  const asText = Object.fromEntries(suspects.map(({ name }) => [name, "VARCHAR"]));
  const asked = suspects.map(({ name, type }, i) => `${writtenType(ident(name), type)} AS s${i}`);
  const [found] = await duck.rows<Record<string, string | null>>(
    `SELECT ${asked.join(", ")} FROM (${scanSql(source, asText)})`,
  );
  return Object.fromEntries(
    suspects.flatMap(({ name }, i) => (found![`s${i}`] === null ? [] : [[name, found![`s${i}`]!]])),
  );
}

/** SQL over a column's texts: the type that keeps them; null for the one that was guessed. */
function writtenType(column: string, guessed: string): string {
  if (guessed === "BOOLEAN") return `CASE WHEN NOT bool_and(lower(${column}) IN ('true', 'false')) THEN 'VARCHAR' END`;
  const isWhole = `bool_and(regexp_full_match(${column}, '\\s*[+-]?[0-9]+\\s*'))`;
  const fits = `bool_and(TRY_CAST(${column} AS HUGEINT) IS NOT NULL OR ${column} IS NULL)`;
  return `CASE WHEN ${isWhole} THEN CASE WHEN ${fits} THEN 'HUGEINT' ELSE 'VARCHAR' END END`;
}

function csvHeads(source: SourceFiles): CsvHead[] {
  const heads = source.files.map(readCsvHead);
  for (const [i, head] of heads.entries()) {
    requireSame(source, heads[0]!.columns, head.columns, i);
    if (head.delimiter !== heads[0]!.delimiter)
      throw fail("DATA_UNREADABLE", {
        what: `the delimiter is ${JSON.stringify(head.delimiter)}, in ${source.files[0]} ${JSON.stringify(heads[0]!.delimiter)}`,
        place: `${source.files[i]}:1`,
      });
  }
  return heads;
}

async function requireEqualColumns(duck: Duck, source: SourceFiles): Promise<void> {
  if (source.files.length === 1) return;
  const found = await duck.rows<{ file_name: string; names: string[] }>(
    `SELECT file_name, list(name) AS names FROM parquet_schema(${list(source.files)}) GROUP BY file_name`,
  );
  const names = new Map(found.map((row) => [row.file_name, row.names]));
  for (const [i, file] of source.files.entries())
    requireSame(source, names.get(source.files[0]!) ?? [], names.get(file) ?? [], i);
}

/** Names are the same in any case of letters for the engine, which would call the second of two x_1 and say nothing. */
async function requireOwnNames(duck: Duck, source: SourceFiles, columns: readonly DuckColumn[]): Promise<void> {
  const suspects = source.format === "parquet" ? columns : columns.filter((column) => isSuspect(column, columns));
  if (suspects.length === 0) return;
  const from = source.format === "parquet" ? parquetNames(source) : jsonNames(source);
  const names = new Set([
    ...(await duck.rows<{ name: string }>(from)).map((row) => row.name),
    ...partitionKeys(source),
  ]);
  const renamed = suspects.find((column) => !names.has(column.name));
  if (renamed === undefined) return;
  throw fail("DATA_UNREADABLE", {
    what: `two columns share a name or differ only in the case of letters: the second would be read as ${renamed.name}`,
    place: source.files[0]!,
    mend: "rename one",
  });
}

/** x_1 beside x may have been another x; reading all keys of JSON to know it costs another pass. */
function isSuspect({ name }: DuckColumn, columns: readonly DuckColumn[]): boolean {
  const base = /^(.+)_\d+$/.exec(name)?.[1]?.toLowerCase();
  return columns.some((column) => column.name.toLowerCase() === base);
}

const parquetNames = ({ files }: SourceFiles): string => `SELECT name FROM parquet_schema(${literal(files[0]!)})`;
const jsonNames = ({ files }: SourceFiles): string =>
  `SELECT DISTINCT unnest(json_keys(json)) AS name FROM read_json_objects(${list(files)})`;

function requireSame(source: SourceFiles, expected: readonly string[], found: readonly string[], index: number): void {
  const missing = expected.find((name) => !found.includes(name));
  const added = found.find((name) => !expected.includes(name));
  if (missing === undefined && added === undefined) return;
  throw fail("DATA_UNREADABLE", {
    what: missing === undefined ? `column ${added} is new here` : `column ${missing} is not here`,
    place: source.files[index]!,
    mend: `give it the columns of ${source.files[0]}`,
  });
}

/** DuckDB takes a list that was cut after a comma for a whole one. */
function requireClosedLists(source: SourceFiles): void {
  for (const file of source.files) {
    if (source.format !== "json" || file.endsWith(".gz")) continue;
    const { first, last } = endsOf(file);
    if (first === "[" && last !== "]")
      throw fail("DATA_UNREADABLE", { what: "the list of JSON objects has no end: the file was cut", place: file });
  }
}

const EDGE_BYTES = 4096;

/** The first and last character that is no space, as far as they stand near the edges; empty when they do not. */
function endsOf(file: string): { first: string; last: string } {
  const handle = openSync(file, "r");
  try {
    const { size } = fstatSync(handle);
    const read = (at: number) => {
      const bytes = Buffer.alloc(Math.min(EDGE_BYTES, size));
      return bytes
        .toString("latin1", 0, readSync(handle, bytes, 0, bytes.length, at))
        .replace(/^\xef\xbb\xbf/, "")
        .trim();
    };
    return { first: read(0).at(0) ?? "", last: read(Math.max(0, size - EDGE_BYTES)).at(-1) ?? "" };
  } finally {
    closeSync(handle);
  }
}

function requireObjects(source: SourceFiles, columns: readonly DuckColumn[]): void {
  if (columns.length === 1 && columns[0]!.name === "json")
    throw fail("DATA_UNREADABLE", {
      what: "the JSON is not a list of objects, nor one object a line",
      place: source.files[0]!,
    });
}

/** The sniffer says that a file is bad, not where. Read as plain text with the header's columns, the bad row shows itself. */
async function diagnoseCsv(duck: Duck, source: SourceFiles): Promise<void> {
  for (const [i, head] of csvHeads(source).entries()) {
    const file = source.files[i]!;
    const columns = head.columns.map((name) => `${literal(name)}: 'VARCHAR'`).join(", ");
    await duck
      .rows(
        `SELECT count(COLUMNS(*)) FROM read_csv(${literal(file)}, ${dialect(head)}, auto_detect = false, columns = {${columns}})`,
      )
      .catch((error) => Promise.reject(inSource(error, { ...source, files: [file] })));
  }
}

/** Errors that do not know their file get the source's. */
function inSource(error: unknown, source: SourceFiles): unknown {
  if (!(error instanceof TrimtabError) || error.place !== undefined || error.code === "DISK_FULL") return error;
  const code = error.code === "INTERNAL" ? "DATA_UNREADABLE" : error.code;
  return fail(code, { what: error.message, place: source.files[0]!, cause: error });
}
