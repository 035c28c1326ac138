/**
 * Queries about metrics: the history, and for each run and key the latest point. NaN cannot be stored (SQLite makes it
 * NULL), so it is 0 with is_nan = 1.
 */

import type { Sql } from "./db.ts";
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
