/**
 * The one door to DuckDB. Everything that scans rows goes through a `Duck`: an in-memory engine over files, thrown away
 * after use, so nothing is locked and nothing is left behind. Times are UTC; nothing is downloaded (extensions that are not
 * in the binary are refused by the engine). Values cross as plain JavaScript: see `rows`, and `batches` for columns.
 */

import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance, DuckDBType } from "@duckdb/node-api";
import type { Batch, ColumnSpec } from "../base/columns.ts";
import { randomId } from "../base/hash.ts";
import { LIMITS } from "../base/limits.ts";
import { BatchReader, batchSelect, type ChunkAppender, writeBatch } from "./duckdb-batches.ts";
import { duckError } from "./duckdb-errors.ts";
import type { DuckColumn } from "./sql.ts";

export { columnTypeOf, type DuckColumn, ident, literal, parquetSql, presentSql } from "./sql.ts";

export type DuckParam = string | number | boolean | bigint | null;

export interface Duck {
  /** All rows of a query. Integers are numbers (digits in a string beyond 2^53), decimals the nearest double, times ms since the epoch. */
  rows<T = Record<string, unknown>>(sql: string, params?: readonly DuckParam[]): Promise<T[]>;
  /** Runs one or more statements for their effect. */
  run(sql: string, params?: readonly DuckParam[]): Promise<void>;
  /** Names and types of a query's columns; reads no rows. */
  columns(sql: string): Promise<DuckColumn[]>;
  /** A query's rows as batches of at most `rowsMax` rows (default 65,536), in constant memory. */
  batches(sql: string, rowsMax?: number): AsyncGenerator<Batch, void>;
  /** A query's rows as one batch. */
  batch(sql: string): Promise<Batch>;
  /** Makes (or replaces) a table that holds a batch. */
  load(table: string, specs: readonly ColumnSpec[], batch: Batch): Promise<void>;
  /** Idempotent. */
  close(): void;
}

export interface DuckOptions {
  /** Cores used; all by default. */
  threads?: number;
  /** What the engine keeps in memory before it spills to `tempDir`; half of the machine by default. */
  memoryBytes?: number;
  tempDir?: string;
  /** Ends what runs when it aborts; the statement rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Opens an engine. It costs about 25 ms (and 170 ms for the first in a process, which loads the library). The caller closes it. */
export async function openDuck(options: DuckOptions = {}): Promise<Duck> {
  // Loaded on first use: a `run` that has nothing to do must not pay for it.
  const { DuckDBInstance: Instance } = await import("@duckdb/node-api");
  const instance = await Instance.create(":memory:", engineSettings(options));
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return new OpenDuck(instance, connection, options.signal);
}

function engineSettings(options: DuckOptions): Record<string, string> {
  const machineBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const memoryBytes = options.memoryBytes ?? Math.max(LIMITS.duckMemoryMinBytes, machineBytes / 2);
  return {
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    memory_limit: `${Math.round(memoryBytes / (1 << 20))}MiB`,
    temp_directory: join(options.tempDir ?? tmpdir(), `duckdb-${randomId().slice(0, 8)}`),
    autoinstall_known_extensions: "false",
  };
}

class OpenDuck implements Duck {
  private closed = false;
  constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async rows<T>(sql: string, params: readonly DuckParam[] = []): Promise<T[]> {
    const reader = await this.call(sql, this.connection, () =>
      this.connection.runAndReadAll(sql, params.length ? [...params] : undefined),
    );
    const names = reader.deduplicatedColumnNames();
    return reader.getRowsJS().map((row) => {
      const object: Record<string, unknown> = {};
      for (const [i, name] of names.entries()) object[name] = plain(row[i]);
      return object as T;
    });
  }

  async run(sql: string, params: readonly DuckParam[] = []): Promise<void> {
    await this.call(sql, this.connection, () => this.connection.run(sql, params.length ? [...params] : undefined));
  }

  async columns(sql: string): Promise<DuckColumn[]> {
    return this.call(sql, this.connection, async () => {
      const prepared = await this.connection.prepare(sql);
      try {
        return Array.from({ length: prepared.columnCount }, (_, i) => ({
          name: prepared.columnName(i),
          type: typeName(prepared.columnType(i)),
        }));
      } finally {
        prepared.destroySync();
      }
    });
  }

  async *batches(sql: string, rowsMax = 65_536): AsyncGenerator<Batch, void> {
    const columns = await this.columns(sql);
    // A stream holds its connection until it ends, so it gets one of its own.
    const connection = await this.instance.connect();
    try {
      const result = await this.call(sql, connection, () => connection.stream(batchSelect(sql, columns)));
      const reader = new BatchReader(columns);
      for (;;) {
        const chunk = await this.call(sql, connection, () => result.fetchChunk());
        if (!chunk || chunk.rowCount === 0) break;
        if (reader.rows + chunk.rowCount > rowsMax && reader.rows > 0) yield reader.take();
        reader.add(chunk);
      }
      if (reader.rows > 0) yield reader.take();
    } finally {
      connection.closeSync();
    }
  }

  async batch(sql: string): Promise<Batch> {
    for await (const batch of this.batches(sql, Number.POSITIVE_INFINITY)) return batch;
    return new BatchReader(await this.columns(sql)).take();
  }

  async load(table: string, specs: readonly ColumnSpec[], batch: Batch): Promise<void> {
    const appendTo = (name: string, kinds: ("number" | "string")[]) => appenderOf(this.connection, name, kinds);
    await this.call(table, this.connection, () =>
      writeBatch({ run: (sql) => this.connection.run(sql), appendTo }, table, specs, batch),
    );
  }

  /** Makes a call that the signal can end; its errors as ours. */
  private async call<T>(sql: string, connection: DuckDBConnection, work: () => Promise<T>): Promise<T> {
    this.signal?.throwIfAborted();
    const interrupt = () => connection.interrupt();
    this.signal?.addEventListener("abort", interrupt);
    try {
      return await work();
    } catch (error) {
      this.signal?.throwIfAborted();
      throw duckError(error, sql);
    } finally {
      this.signal?.removeEventListener("abort", interrupt);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

async function appenderOf(
  connection: DuckDBConnection,
  table: string,
  kinds: readonly ("number" | "string")[],
): Promise<ChunkAppender> {
  const { DOUBLE, VARCHAR, DuckDBDataChunk } = await import("@duckdb/node-api");
  const types = kinds.map((kind) => (kind === "string" ? VARCHAR : DOUBLE));
  const appender = await connection.createAppender(table);
  return {
    append(rows, fill) {
      const chunk = DuckDBDataChunk.create(types, rows);
      fill(chunk);
      appender.appendDataChunk(chunk);
    },
    close: () => appender.closeSync(),
  };
}

const typeName = (type: DuckDBType): string => type.toString();

function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && !(value instanceof Uint8Array))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
}
