/** Queries about the monitor's windows, and about how far captured files were read. Columns as 0005_monitor.sql says. */

import type { Sql, SqlValue } from "./db.ts";

export interface WindowRow {
  model: string;
  version: number;
  seq: number;
  size: string;
  bucket: number | null;
  state: "open" | "closed";
  from_ms: number;
  to_ms: number;
  id_from_ms: number | null;
  id_to_ms: number | null;
  row_count: number;
  counts: string;
  answers_bytes: number;
  outcomes_bytes: number;
  judged_bytes: number;
  drift: string | null;
  performance: string | null;
  action: string | null;
  action_reason: string | null;
  job_id: string | null;
  closed_ms: number | null;
}

const COLUMNS = [
  "model",
  "version",
  "seq",
  "size",
  "bucket",
  "state",
  "from_ms",
  "to_ms",
  "id_from_ms",
  "id_to_ms",
  "row_count",
  "counts",
  "answers_bytes",
  "outcomes_bytes",
  "judged_bytes",
  "drift",
  "performance",
  "action",
  "action_reason",
  "job_id",
  "closed_ms",
] as const satisfies (keyof WindowRow)[];

/** Inserts a window, or replaces what is known about it. */
export const saveWindow = (sql: Sql, row: WindowRow): Promise<number> =>
  sql.run(
    `INSERT INTO windows (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})
     ON CONFLICT (model, version, seq) DO UPDATE SET ${COLUMNS.slice(3)
       .map((column) => `${column} = excluded.${column}`)
       .join(", ")}`,
    COLUMNS.map((column) => row[column]),
  );

const select = (sql: Sql, tail: string, params: readonly SqlValue[]): Promise<WindowRow[]> =>
  sql.all(`SELECT ${COLUMNS.join(", ")} FROM windows ${tail}`, params);

export const openWindows = (sql: Sql, model: string): Promise<WindowRow[]> =>
  select(sql, "WHERE model = ? AND state = 'open' ORDER BY version, seq", [model]);

/** Closed and not yet judged for drift, oldest first. */
export const unjudgedWindows = (sql: Sql, model: string): Promise<WindowRow[]> =>
  select(sql, "WHERE model = ? AND state = 'closed' AND action IS NULL ORDER BY to_ms, version, seq", [model]);

/** Closed, with outcomes that were not judged, oldest first. */
export const windowsWithNews = (sql: Sql, model: string): Promise<WindowRow[]> =>
  select(
    sql,
    "WHERE model = ? AND state = 'closed' AND action IS NOT NULL AND outcomes_bytes > judged_bytes ORDER BY to_ms, version, seq",
    [model],
  );

export const windowRow = async (
  sql: Sql,
  model: string,
  version: number,
  seq: number,
): Promise<WindowRow | undefined> =>
  (await select(sql, "WHERE model = ? AND version = ? AND seq = ?", [model, version, seq]))[0];

/** The window of the version that ended last before another one. */
export const windowBefore = async (sql: Sql, row: WindowRow): Promise<WindowRow | undefined> =>
  (
    await select(
      sql,
      "WHERE model = ? AND version = ? AND state = 'closed' AND to_ms <= ? AND seq < ? ORDER BY to_ms DESC, seq DESC LIMIT 1",
      [row.model, row.version, row.to_ms, row.seq],
    )
  )[0];

/** More outcomes of a window are on disk; only from where the caller knew. */
export const addOutcomeBytes = (
  sql: Sql,
  model: string,
  version: number,
  seq: number,
  fromBytes: number,
  toBytes: number,
): Promise<number> =>
  sql.run("UPDATE windows SET outcomes_bytes = ? WHERE model = ? AND version = ? AND seq = ? AND outcomes_bytes = ?", [
    toBytes,
    model,
    version,
    seq,
    fromBytes,
  ]);

export interface WindowFilter {
  version?: number;
  /** 100 unless told. */
  limit?: number;
}

/** A window's end: no later than when it was closed, since one row that says it is of 2099 would else be ahead of all until then. */
const END_MS = "CASE WHEN closed_ms < to_ms THEN closed_ms ELSE to_ms END";

/** Newest first, open ones included. */
export function listWindows(sql: Sql, model: string, filter: WindowFilter = {}): Promise<WindowRow[]> {
  const version = filter.version === undefined ? "" : " AND version = ?";
  const params = filter.version === undefined ? [model] : [model, filter.version];
  return select(sql, `WHERE model = ?${version} ORDER BY ${END_MS} DESC, version DESC, seq DESC LIMIT ?`, [
    ...params,
    filter.limit ?? 100,
  ]);
}

export interface WindowHead {
  version: number;
  last_seq: number;
  /** Highest bucket that has closed; null when none has, or for windows of rows. */
  closed_through: number | null;
}

/** How far each version's windows have come; buckets of windows of another size do not count. */
export const windowHeads = (sql: Sql, model: string, size: string): Promise<WindowHead[]> =>
  sql.all(
    `SELECT version, max(seq) AS last_seq, max(CASE WHEN state = 'closed' AND size = ? THEN bucket END) AS closed_through
     FROM windows WHERE model = ? GROUP BY version`,
    [size, model],
  );

export interface AnswerRange {
  version: number;
  seq: number;
  id_from_ms: number;
  id_to_ms: number;
}

/** Windows that kept their answers, with the times of the request ids in them, by the first of these times. */
export const answerRanges = (sql: Sql, model: string): Promise<AnswerRange[]> =>
  sql.all(
    `SELECT version, seq, id_from_ms, id_to_ms FROM windows
     WHERE model = ? AND answers_bytes > 0 AND id_from_ms IS NOT NULL ORDER BY id_from_ms`,
    [model],
  );

/** Windows whose kept answers are older than a time. */
export const windowsToForget = (sql: Sql, model: string, closedBeforeMs: number): Promise<WindowRow[]> =>
  select(sql, "WHERE model = ? AND state = 'closed' AND answers_bytes > 0 AND closed_ms < ?", [model, closedBeforeMs]);

/** End of the last window, on the windows' own time, whose verdict asked for a retraining. */
export async function lastAskedMs(sql: Sql, model: string): Promise<number | undefined> {
  const row = await sql.get<{ last: number | null }>(
    `SELECT max(${END_MS}) AS last FROM windows WHERE model = ? AND action IN ('queued', 'left_to_person')`,
    [model],
  );
  return row?.last == null ? undefined : Number(row.last);
}

export async function captureOffsets(sql: Sql, model: string): Promise<Map<string, number>> {
  const rows = await sql.all<{ path: string; offset_bytes: number }>(
    "SELECT path, offset_bytes FROM capture_offsets WHERE model = ?",
    [model],
  );
  return new Map(rows.map((row) => [row.path, Number(row.offset_bytes)]));
}

/** Moves a file's offset on from where the caller read it; false when another process moved it meanwhile. */
export async function advanceOffset(
  sql: Sql,
  model: string,
  path: string,
  fromBytes: number,
  toBytes: number,
): Promise<boolean> {
  const changed =
    fromBytes === 0
      ? await sql.run(
          "INSERT INTO capture_offsets (model, path, offset_bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          [model, path, toBytes],
        )
      : await sql.run("UPDATE capture_offsets SET offset_bytes = ? WHERE model = ? AND path = ? AND offset_bytes = ?", [
          toBytes,
          model,
          path,
          fromBytes,
        ]);
  return changed > 0;
}

export const forgetOffsets = (sql: Sql, model: string, paths: readonly string[]): Promise<void> =>
  sql.runMany(
    "DELETE FROM capture_offsets WHERE model = ? AND path = ?",
    paths.map((path) => [model, path]),
  );
