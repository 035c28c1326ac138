/** Queries about traces: what is known of a request that was traced. Its spans are an artifact, or rows of their own (spans.ts). */

import type { Sql, SqlValue } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Pair } from "./run_values.ts";
import type { SearchedTable } from "./search/table.ts";

export type TraceState = "STATE_UNSPECIFIED" | "OK" | "ERROR" | "IN_PROGRESS";

export interface TraceRow {
  seq: number;
  trace_id: string;
  experiment_id: number;
  request_ms: number;
  duration_ms: number | null;
  state: TraceState;
  client_request_id: string | null;
  request_preview: string | null;
  response_preview: string | null;
}

const NAMES = [
  "trace_id",
  "experiment_id",
  "request_ms",
  "duration_ms",
  "state",
  "client_request_id",
  "request_preview",
  "response_preview",
] as const satisfies readonly (keyof TraceRow)[];
const COLUMNS = ["seq", ...NAMES].map((name) => `traces.${name}`).join(", ");

/** Inserts the trace, or replaces what is known of it; resolves to its seq. */
export async function putTrace(sql: Sql, row: Omit<TraceRow, "seq">): Promise<number> {
  const changed = NAMES.slice(1).map((name) => `${name} = excluded.${name}`);
  const made = await sql.get<{ seq: number }>(
    `INSERT INTO traces (${NAMES.join(", ")}) VALUES (${NAMES.map(() => "?").join(", ")})
     ON CONFLICT (trace_id) DO UPDATE SET ${changed.join(", ")} RETURNING seq`,
    NAMES.map((name) => row[name]),
  );
  return Number(made!.seq);
}

export const traceById = (sql: Sql, traceId: string): Promise<TraceRow | undefined> =>
  sql.get(`SELECT ${COLUMNS} FROM traces WHERE trace_id = ?`, [traceId]);

export const tracesByIds = (sql: Sql, ids: readonly string[]): Promise<TraceRow[]> =>
  allIn(sql, ids, (list) => `SELECT ${COLUMNS} FROM traces WHERE trace_id IN ${list}`);

/** Traces of an experiment that began up to then, oldest first. */
export const tracesUpTo = (sql: Sql, experimentId: number, requestMs: number, limit: number): Promise<TraceRow[]> =>
  sql.all(
    `SELECT ${COLUMNS} FROM traces WHERE experiment_id = ? AND request_ms <= ? ORDER BY request_ms, trace_id LIMIT ?`,
    [experimentId, requestMs, limit],
  );

const PAIRS = { tag: "trace_tags", metadata: "trace_metadata" } as const;
export type TracePairs = keyof typeof PAIRS;

export const putTracePairs = (sql: Sql, of: TracePairs, seq: number, pairs: readonly Pair[]): Promise<void> =>
  sql.runMany(
    `INSERT INTO ${PAIRS[of]} (trace_seq, key, value) VALUES (?, ?, ?) ON CONFLICT (trace_seq, key) DO UPDATE SET value = excluded.value`,
    pairs.map(({ key, value }) => [seq, key, value]),
  );

/** Those whose keys the trace has not. */
export const addTracePairs = (sql: Sql, of: TracePairs, seq: number, pairs: readonly Pair[]): Promise<void> =>
  sql.runMany(
    `INSERT INTO ${PAIRS[of]} (trace_seq, key, value) VALUES (?, ?, ?) ON CONFLICT (trace_seq, key) DO NOTHING`,
    pairs.map(({ key, value }) => [seq, key, value]),
  );

export const deleteTraceTagRow = (sql: Sql, seq: number, key: string): Promise<number> =>
  sql.run("DELETE FROM trace_tags WHERE trace_seq = ? AND key = ?", [seq, key]);

export const tracePairsOf = (
  sql: Sql,
  of: TracePairs,
  seqs: readonly number[],
): Promise<(Pair & { trace_seq: number })[]> =>
  allIn(
    sql,
    seqs,
    (list) => `SELECT trace_seq, key, value FROM ${PAIRS[of]} WHERE trace_seq IN ${list} ORDER BY trace_seq, key`,
  );

export const linkTraceToRun = (sql: Sql, seq: number, runId: string): Promise<number> =>
  sql.run("INSERT INTO trace_runs (trace_seq, run_id) VALUES (?, ?) ON CONFLICT DO NOTHING", [seq, runId]);

/** Removes traces with all that hangs on them. */
export async function deleteTraceRows(sql: Sql, seqs: readonly number[]): Promise<void> {
  for (const table of ["trace_tags", "trace_metadata", "trace_runs", "trace_assessments", "trace_spans"])
    await sql.runMany(
      `DELETE FROM ${table} WHERE trace_seq = ?`,
      seqs.map((seq): SqlValue[] => [seq]),
    );
  await sql.runMany(
    "DELETE FROM traces WHERE seq = ?",
    seqs.map((seq): SqlValue[] => [seq]),
  );
}

const NAME = "(SELECT n.value FROM trace_tags AS n WHERE n.trace_seq = traces.seq AND n.key = 'mlflow.traceName')";

/** How traces are searched; the newest first unless told. */
export const SEARCHED_TRACES: SearchedTable = {
  table: "traces",
  columns: COLUMNS,
  column: {
    request_id: "traces.trace_id",
    experiment_id: "traces.experiment_id",
    status: "traces.state",
    timestamp_ms: "traces.request_ms",
    execution_time_ms: "COALESCE(traces.duration_ms, 0)",
    end_time_ms: "traces.request_ms + COALESCE(traces.duration_ms, 0)",
    client_request_id: "traces.client_request_id",
    name: `COALESCE(${NAME}, '')`,
  },
  compared: {
    execution_time_ms: "traces.duration_ms",
    end_time_ms: "(traces.request_ms + traces.duration_ms)",
    name: NAME,
  },
  among: { run_id: { table: "trace_runs", join: "t.trace_seq = traces.seq", value: "run_id" } },
  pairs: {
    tag: { table: "trace_tags", join: "t.trace_seq = traces.seq" },
    metadata: { table: "trace_metadata", join: "t.trace_seq = traces.seq" },
  },
  last: [
    { entity: "attribute", key: "timestamp_ms", descending: true },
    { entity: "attribute", key: "request_id", descending: false },
  ],
};
