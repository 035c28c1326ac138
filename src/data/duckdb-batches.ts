/**
 * Columns in and out of DuckDB. Numbers, booleans and times are cast to DOUBLE by the engine with NaN for null, so a chunk is
 * one copy of memory rather than a value at a time; strings come one by one.
 */

import type { Batch, Column, ColumnSpec, ColumnType } from "../base/columns.ts";
import { columnTypeOf, type DuckColumn, epochMsSql, ident } from "./sql.ts";

/**
 * The query with every column cast to what a batch holds. Columns are named by their place meanwhile: DuckDB's names know no
 * case, and of two that differ only so it would give one twice.
 */
export function batchSelect(sql: string, columns: readonly DuckColumn[]): string {
  const places = columns.map((_, i) => `c${i}`);
  const list = columns.map(({ type }, i) => `${CAST[columnTypeOf(type)](places[i]!)} AS ${places[i]}`);
  return `SELECT ${list.join(", ")} FROM (${sql}) AS rows(${places.join(", ")})`;
}

const asDouble = (expression: string): string => `coalesce(${expression}::DOUBLE, 'NaN'::DOUBLE)`;
const CAST: Record<ColumnType, (column: string) => string> = {
  number: asDouble,
  boolean: asDouble,
  timestamp: (column) => asDouble(epochMsSql(column)),
  string: (column) => `${column}::VARCHAR`,
};

/** The slices of the library that we use. `items` of a vector of doubles is private there, but its getter costs a call a value. */
export interface Chunk {
  rowCount: number;
  getColumnVector(index: number): { toArray(): readonly unknown[] };
}
export interface WritableChunk {
  setColumnValues(index: number, values: readonly (number | string | null)[]): void;
}
/** What `writeBatch` needs: statements, and chunks of DOUBLE ("number") or VARCHAR columns appended to a table. */
export interface Writer {
  run(sql: string): Promise<unknown>;
  appendTo(table: string, kinds: ("number" | "string")[]): Promise<ChunkAppender>;
}
export interface ChunkAppender {
  append(rows: number, fill: (chunk: WritableChunk) => void): void;
  close(): void;
}

type Part = Float64Array | (string | null)[];

/** Collects chunks of a `batchSelect` and gives them out as one batch. */
export class BatchReader {
  rows = 0;
  private parts: Part[][];
  constructor(private readonly columns: readonly DuckColumn[]) {
    this.parts = columns.map(() => []);
  }

  add(chunk: Chunk): void {
    for (const [i, { type }] of this.columns.entries()) {
      const vector = chunk.getColumnVector(i);
      // The chunk's memory is the engine's: copied now.
      if (columnTypeOf(type) === "string") this.parts[i]!.push(vector.toArray() as (string | null)[]);
      else this.parts[i]!.push((vector as unknown as { items: Float64Array }).items.slice());
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
  writer: Writer,
  table: string,
  specs: readonly ColumnSpec[],
  batch: Batch,
): Promise<void> {
  const staging = `${table} staging`;
  const raw = specs.map((s) => `${ident(s.name)} ${s.type === "string" ? "VARCHAR" : "DOUBLE"}`);
  await writer.run(`CREATE OR REPLACE TABLE ${ident(staging)} (${raw.join(", ")})`);
  const appender = await writer.appendTo(
    staging,
    specs.map((s) => (s.type === "string" ? "string" : "number")),
  );
  for (let at = 0; at < batch.rows; at += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, batch.rows - at);
    appender.append(rows, (chunk) => {
      for (const [i, spec] of specs.entries()) chunk.setColumnValues(i, slice(batch.columns[spec.name]!, at, rows));
    });
  }
  appender.close();
  const list = specs.map((s) => `${fromRaw(s)} AS ${ident(s.name)}`);
  await writer.run(`CREATE OR REPLACE TABLE ${ident(table)} AS SELECT ${list.join(", ")} FROM ${ident(staging)}`);
  await writer.run(`DROP TABLE ${ident(staging)}`);
}

function fromRaw(spec: ColumnSpec): string {
  if (spec.type === "timestamp") return `make_timestamp((${ident(spec.name)} * 1000)::BIGINT)`;
  return `${ident(spec.name)}::${SQL_TYPE[spec.type]}`;
}

function slice(column: Column, at: number, rows: number): (number | string | null)[] {
  if (!(column instanceof Float64Array)) return column.slice(at, at + rows);
  return Array.from(column.subarray(at, at + rows), (value) => (Number.isNaN(value) ? null : value));
}
