/**
 * Queries about metrics: the history, and for each run and key the latest point. NaN cannot be stored (SQLite makes it
 * NULL), so it is 0 with is_nan = 1.
 */

import type { Sql, SqlValue } from "./db.ts";
import { allIn } from "./lists.ts";

export interface MetricPoint {
  key: string;
  value: number;
  timestampMs: number;
  step: number;
}

export interface MetricRow {
  run_seq: number;
  key: string;
  value: number;
  is_nan: number;
  timestamp_ms: number;
  step: number;
}

export const pointOf = (row: Omit<MetricRow, "run_seq">): MetricPoint => ({
  key: row.key,
  value: row.is_nan ? Number.NaN : row.value,
  timestampMs: Number(row.timestamp_ms),
  step: Number(row.step),
});

const INSERT = `INSERT INTO metrics (run_seq, key, timestamp_ms, step, value, is_nan)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

const UPSERT_LATEST = `INSERT INTO latest_metrics (run_seq, key, experiment_id, value, is_nan, timestamp_ms, step)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (run_seq, key) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan,
    timestamp_ms = excluded.timestamp_ms, step = excluded.step
  WHERE (excluded.step, excluded.timestamp_ms, excluded.value)
      > (latest_metrics.step, latest_metrics.timestamp_ms, latest_metrics.value)`;

/** Adds points of one run; a point that is there already changes nothing. */
export async function insertMetrics(
  sql: Sql,
  run: { seq: number; experiment_id: number },
  points: readonly MetricPoint[],
): Promise<void> {
  const stored = (p: MetricPoint): [number, number] => (Number.isNaN(p.value) ? [0, 1] : [p.value, 0]);
  await sql.runMany(
    INSERT,
    points.map((p) => [run.seq, p.key, p.timestampMs, p.step, ...stored(p)]),
  );
  await sql.runMany(
    UPSERT_LATEST,
    latestOf(points).map((p) => [run.seq, p.key, run.experiment_id, ...stored(p), p.timestampMs, p.step]),
  );
}

/** Of many points the latest a key, so that a batch updates each key's row once. */
function latestOf(points: readonly MetricPoint[]): MetricPoint[] {
  const latest = new Map<string, MetricPoint>();
  for (const point of points) {
    const known = latest.get(point.key);
    if (!known || isLater(point, known)) latest.set(point.key, point);
  }
  return [...latest.values()];
}

/** The order by (step, timestamp, value), NaN counting as 0, as it is stored. */
function isLater(a: MetricPoint, b: MetricPoint): boolean {
  if (a.step !== b.step) return a.step > b.step;
  if (a.timestampMs !== b.timestampMs) return a.timestampMs > b.timestampMs;
  return (Number.isNaN(a.value) ? 0 : a.value) > (Number.isNaN(b.value) ? 0 : b.value);
}

export const latestMetrics = (sql: Sql, runSeqs: readonly number[]): Promise<MetricRow[]> =>
  allIn(
    sql,
    runSeqs,
    (list) =>
      `SELECT run_seq, key, value, is_nan, timestamp_ms, step FROM latest_metrics WHERE run_seq IN ${list} ORDER BY run_seq, key`,
  );

/** A page of one key's history in the order (timestamp, step, value), after the given point. */
export function metricHistoryPage(
  sql: Sql,
  runSeq: number,
  key: string,
  limit: number,
  after?: MetricPoint,
): Promise<MetricRow[]> {
  const rest = after ? "AND (timestamp_ms, step, value, is_nan) > (?, ?, ?, ?)" : "";
  const isNan = after && Number.isNaN(after.value);
  return sql.all<MetricRow>(
    `SELECT run_seq, key, value, is_nan, timestamp_ms, step FROM metrics WHERE run_seq = ? AND key = ? ${rest}
     ORDER BY timestamp_ms, step, value, is_nan LIMIT ?`,
    [runSeq, key, ...(after ? [after.timestampMs, after.step, isNan ? 0 : after.value, isNan ? 1 : 0] : []), limit],
  );
}

export interface HistoryRange {
  runSeq: number;
  key: string;
  /** Inclusive. */
  steps?: readonly [number, number] | undefined;
}

const within = ({ runSeq, key, steps }: HistoryRange): { sql: string; params: SqlValue[] } => ({
  sql: `run_seq = ? AND key = ?${steps ? " AND step BETWEEN ? AND ?" : ""}`,
  params: [runSeq, key, ...(steps ?? [])],
});

/** How many points there are, and their least and greatest step. */
export async function historyBounds(
  sql: Sql,
  range: HistoryRange,
): Promise<{ points: number; first: number; last: number } | undefined> {
  const where = within(range);
  const row = await sql.get<{ n: number; first: number; last: number }>(
    `SELECT count(*) AS n, min(step) AS first, max(step) AS last FROM metrics WHERE ${where.sql}`,
    where.params,
  );
  if (!row || Number(row.n) === 0) return undefined;
  return { points: Number(row.n), first: Number(row.first), last: Number(row.last) };
}

/** `most` (at least 2) of `points` points, the first and the last among them, evenly spaced in the order of logging. */
export function sampleHistory(sql: Sql, range: HistoryRange, points: number, most: number): Promise<MetricRow[]> {
  const where = within(range);
  const all = `SELECT run_seq, key, value, is_nan, timestamp_ms, step,
    row_number() OVER (ORDER BY timestamp_ms, step, value, is_nan) - 1 AS i FROM metrics WHERE ${where.sql}`;
  // Row i begins a new one of (most - 1) equal parts of 0 … points - 1. Both are our own integers, not a client's text.
  const [parts, end] = [Math.trunc(most) - 1, Math.trunc(points) - 1];
  const chosen = points <= most ? "1 = 1" : `i = 0 OR (i * ${parts}) / ${end} <> ((i - 1) * ${parts}) / ${end}`;
  return sql.all<MetricRow>(
    `SELECT * FROM (${all}) AS numbered WHERE ${chosen} ORDER BY step, timestamp_ms, value`,
    where.params,
  );
}

/** Of these runs, the keys that have more than one point in at least one of them, in order. */
export async function keysWithHistory(sql: Sql, runSeqs: readonly number[]): Promise<string[]> {
  const rows = await allIn<{ key: string }>(
    sql,
    runSeqs,
    (list) => `SELECT key FROM metrics WHERE run_seq IN ${list} GROUP BY run_seq, key HAVING count(*) > 1`,
  );
  return [...new Set(rows.map((row) => row.key))].sort();
}

/** The points of one step. */
export const pointsOfStep = (sql: Sql, runSeq: number, key: string, step: number): Promise<MetricRow[]> =>
  sql.all(
    `SELECT run_seq, key, value, is_nan, timestamp_ms, step FROM metrics WHERE run_seq = ? AND key = ? AND step = ?
     ORDER BY timestamp_ms, value LIMIT 1`,
    [runSeq, key, step],
  );
