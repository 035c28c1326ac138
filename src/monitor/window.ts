/** A window in memory, and as a row of the database. */

import type { WindowRow } from "../db/windows.ts";
import type { WindowCounts } from "./counts.ts";
import type { DriftVerdict } from "./drift/verdict.ts";
import type { PerformanceVerdict } from "./performance.ts";

/**
 * What the monitor did about a judged window:
 * none: nothing fired · queued: a retraining was queued · cooldown: too soon after the last · in_flight: one is under way ·
 * left_to_person: retraining is switched off · not_asked: retrain.when does not name what fired · not_serving: the version
 * takes no traffic now · too_few_rows: not judged · settings_changed: not judged, the window's size was changed
 */
export type Action =
  | "none"
  | "queued"
  | "cooldown"
  | "in_flight"
  | "left_to_person"
  | "not_asked"
  | "not_serving"
  | "too_few_rows"
  | "settings_changed";

export interface MonitorWindow {
  model: string;
  version: number;
  /** Counts up for each version. */
  seq: number;
  /** "rows:5000" or "ms:604800000". */
  size: string;
  /** Windows of time: from / size. */
  bucket: number | null;
  state: "open" | "closed";
  /** Windows of time: the slice's bounds, end excluded. Windows of rows: the first and last time seen. */
  fromMs: number;
  toMs: number;
  rows: number;
  /** Range of the times in the ids of its requests; null when no id had one. */
  idFromMs: number | null;
  idToMs: number | null;
  counts: WindowCounts;
  answersBytes: number;
  outcomesBytes: number;
  judgedBytes: number;
  drift: DriftVerdict | null;
  performance: PerformanceVerdict | null;
  /** Null until it is judged. */
  action: Action | null;
  actionReason: string | null;
  jobId: string | null;
  closedMs: number | null;
}

export const rowOfWindow = (window: MonitorWindow): WindowRow => ({
  model: window.model,
  version: window.version,
  seq: window.seq,
  size: window.size,
  bucket: window.bucket,
  state: window.state,
  from_ms: Math.round(window.fromMs),
  to_ms: Math.round(window.toMs),
  id_from_ms: window.idFromMs,
  id_to_ms: window.idToMs,
  row_count: window.rows,
  counts: JSON.stringify(window.counts),
  answers_bytes: window.answersBytes,
  outcomes_bytes: window.outcomesBytes,
  judged_bytes: window.judgedBytes,
  drift: window.drift && JSON.stringify(window.drift),
  performance: window.performance && JSON.stringify(window.performance),
  action: window.action,
  action_reason: window.actionReason,
  job_id: window.jobId,
  closed_ms: window.closedMs,
});

const numberOrNull = (value: number | null): number | null => (value === null ? null : Number(value));
const parsedOrNull = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));

export const windowOfRow = (row: WindowRow): MonitorWindow => ({
  model: row.model,
  version: Number(row.version),
  seq: Number(row.seq),
  size: row.size,
  bucket: numberOrNull(row.bucket),
  state: row.state,
  fromMs: Number(row.from_ms),
  toMs: Number(row.to_ms),
  rows: Number(row.row_count),
  idFromMs: numberOrNull(row.id_from_ms),
  idToMs: numberOrNull(row.id_to_ms),
  counts: JSON.parse(row.counts) as WindowCounts,
  answersBytes: Number(row.answers_bytes),
  outcomesBytes: Number(row.outcomes_bytes),
  judgedBytes: Number(row.judged_bytes),
  drift: parsedOrNull<DriftVerdict>(row.drift),
  performance: parsedOrNull<PerformanceVerdict>(row.performance),
  action: row.action as Action | null,
  actionReason: row.action_reason,
  jobId: row.job_id,
  closedMs: numberOrNull(row.closed_ms),
});

export type WindowKey = Pick<MonitorWindow, "model" | "version" | "seq">;

/** "flight-delay/3/17": names a window in keys, events and alerts. */
export const nameOfWindow = ({ model, version, seq }: WindowKey): string => `${model}/${version}/${seq}`;
