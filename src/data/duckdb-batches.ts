/**
 * Columns in and out of DuckDB. Numbers, booleans and times are cast to DOUBLE by the engine with NaN for null, so a chunk is
 * one copy of memory rather than a value at a time; strings come one by one.
 */

import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import type { Batch, Column, ColumnSpec, ColumnType } from "../base/columns.ts";
import { columnTypeOf, type DuckColumn, ident } from "./sql.ts";

/** The query with every column cast to what a batch holds. */
export function batchSelect(sql: string, columns: readonly DuckColumn[]): string {
  const list = columns.map(({ name, type }) => `${CAST[columnTypeOf(type)](ident(name))} AS ${ident(name)}`);
  return `SELECT ${list.join(", ")} FROM (${sql})`;
}

const asDouble = (expression: string): string => `coalesce(${expression}::DOUBLE, 'NaN'::DOUBLE)`;
const CAST: Record<ColumnType, (column: string) => string> = {
  number: asDouble,
  boolean: asDouble,
  timestamp: (column) => asDouble(`epoch_ms(${column})`),
  string: (column) => `${column}::VARCHAR`,
};

/** The part of a vector of doubles that we read; the library keeps it private, and its getters cost a call a value. */
interface DoubleItems {
  items: Float64Array;
}

type Part = Float64Array | (string | null)[];

/** Collects chunks of a `batchSelect` and gives them out as one batch. */
export class BatchReader {
  rows = 0;
  private parts: Part[][];
  constructor(private readonly columns: readonly DuckColumn[]) {
    this.parts = columns.map(() => []);
  }

  add(chunk: DuckDBDataChunk): void {
    for (const [i, { type }] of this.columns.entries()) {
      const vector = chunk.getColumnVector(i);
      // The chunk's memory is the engine's: copied now.
      if (columnTypeOf(type) === "string") this.parts[i]!.push(vector.toArray() as (string | null)[]);
      else this.parts[i]!.push((vector as unknown as DoubleItems).items.slice());
    }
    this.rows += chunk.rowCount;
  }

  /** The batch so far; starts the next one. */
  take(): Batch {
    const batch: Batch = { rows: this.rows, columns: {} };
    for (const [i, { name, type }] of this.columns.entries())
      batch.columns[name] =
        columnTypeOf(type) === "string"
          ? (this.parts[i] as (string | null)[][]).flat()
          : joined(this.parts[i] as Float64Array[], this.rows);
    this.rows = 0;
    this.parts = this.columns.map(() => []);
    return batch;
  }
}

function joined(parts: readonly Float64Array[], rows: number): Float64Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Float64Array(rows);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const CHUNK_ROWS = 2048;
const SQL_TYPE = { number: "DOUBLE", boolean: "BOOLEAN", timestamp: "TIMESTAMP", string: "VARCHAR" } as const;

/** Makes a table from a batch; a missing number is NULL. */
export async function writeBatch(
  connection: DuckDBConnection,
  table: string,
  specs: readonly ColumnSpec[],
  batch: Batch,
): Promise<void> {
  const { DOUBLE, VARCHAR, DuckDBDataChunk: Chunk } = await import("@duckdb/node-api");
  const staging = `${table} staging`;
  const raw = specs.map((s) => `${ident(s.name)} ${s.type === "string" ? "VARCHAR" : "DOUBLE"}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${ident(staging)} (${raw.join(", ")})`);
  const appender = await connection.createAppender(staging);
  const types = specs.map((s) => (s.type === "string" ? VARCHAR : DOUBLE));
  for (let at = 0; at < batch.rows; at += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, batch.rows - at);
    const chunk = Chunk.create(types, rows);
    for (const [i, spec] of specs.entries()) chunk.setColumnValues(i, slice(batch.columns[spec.name]!, at, rows));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  const list = specs.map((s) => `${fromRaw(s)} AS ${ident(s.name)}`);
  await connection.run(`CREATE OR REPLACE TABLE ${ident(table)} AS SELECT ${list.join(", ")} FROM ${ident(staging)}`);
  await connection.run(`DROP TABLE ${ident(staging)}`);
}

function fromRaw(spec: ColumnSpec): string {
  if (spec.type === "timestamp") return `make_timestamp((${ident(spec.name)} * 1000)::BIGINT)`;
  return `${ident(spec.name)}::${SQL_TYPE[spec.type]}`;
}

function slice(column: Column, at: number, rows: number): (number | string | null)[] {
  if (!(column instanceof Float64Array)) return column.slice(at, at + rows);
  return Array.from(column.subarray(at, at + rows), (value) => (Number.isNaN(value) ? null : value));
}
