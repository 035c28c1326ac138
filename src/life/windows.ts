/** Live windows as the CLI, the API and the page show them: scores and verdicts without the counts behind them. */

import { listWindows } from "../db/windows.ts";
import { type Action, type MonitorWindow, windowOfRow } from "../monitor/window.ts";
import type { Life } from "./context.ts";

export interface WindowView {
  version: number;
  seq: number;
  state: "open" | "closed";
  fromMs: number;
  toMs: number;
  rows: number;
  /** By column. `unseen`: share of values that training never saw. */
  drift: Record<string, { score: number; drifted: boolean; unseen: number }>;
  /** By metric; empty until enough outcomes have come. */
  performance: Record<string, number>;
  /** False when a rule fired. */
  pass: boolean;
  /** What fired, or why it was not judged. */
  reason: string;
  action: Action | null;
}

/** A model's windows, newest first. */
export async function windowViews(life: Life, model: string, options: { limit?: number } = {}): Promise<WindowView[]> {
  return (await listWindows(life.db, model, options)).map((row) => viewOf(windowOfRow(row)));
}

function viewOf(window: MonitorWindow): WindowView {
  const { version, seq, state, fromMs, toMs, rows, drift, performance, action, actionReason } = window;
  const fired = [drift, performance].filter((verdict) => verdict?.fired).map((verdict) => verdict!.reason);
  return {
    version,
    seq,
    state,
    fromMs,
    toMs,
    rows,
    drift: Object.fromEntries(
      (drift?.columns ?? []).map(({ column, score, drifted, unseen }) => [column, { score, drifted, unseen }]),
    ),
    performance: Object.fromEntries(
      Object.entries(performance?.metrics ?? {}).filter((entry): entry is [string, number] => entry[1] !== null),
    ),
    pass: fired.length === 0,
    reason: fired.join("; ") || (actionReason ?? ""),
    action,
  };
}
