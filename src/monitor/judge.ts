/**
 * Judging windows: drift once, when a window has closed; performance as soon as enough outcomes are known, and again as more
 * come. A first verdict that fires asks for a retraining; a later one that does not changes the record, not what was asked.
 */

import { automationOn } from "../base/automation.ts";
import { isoTime } from "../base/clock.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import {
  saveWindow,
  unjudgedWindows,
  type WindowRow,
  windowBefore,
  windowRow,
  windowsWithNews,
} from "../db/windows.ts";
import { queueAlerts } from "./alerts.ts";
import { latestTruths, OUTCOME_BYTES, outcomesPath, readStart } from "./answers.ts";
import type { CheckContext } from "./context.ts";
import { windowSize } from "./context.ts";
import { judgeDrift } from "./drift/verdict.ts";
import { judgePerformance, measurePerformance } from "./performance.ts";
import { loadAnswers } from "./take-outcomes.ts";
import { askForRetraining, type Fired } from "./triggers.ts";
import { type MonitorWindow, nameOfWindow, rowOfWindow, windowOfRow } from "./window.ts";

/** A slice of time with fewer rows is not judged. */
const ROWS_MIN = 100;
/** Up to this many outcomes a window is judged again at any news; above, when they grew by a tenth or are complete. */
const CHEAP_OUTCOMES = 50_000;

/** Judges every window that closed; resolves to those judged. */
export async function judgeClosed(context: CheckContext): Promise<MonitorWindow[]> {
  const judged: MonitorWindow[] = [];
  for (const row of await unjudgedWindows(context.deps.db, context.pipeline.model)) {
    const window = windowOfRow(row);
    const { drift } = context.pipeline.monitor;
    const facts = await context.facts(window.version);
    const enough = window.rows >= rowsNeeded(context);
    if (drift && facts?.reference && enough) window.drift = judgeDrift(drift, facts.reference, window.counts);
    const fired: Fired[] = window.drift?.fired ? ["drift"] : [];
    const few = { action: "too_few_rows", reason: `${window.rows} rows, fewer than ${rowsNeeded(context)}` } as const;
    if (await settle(context, window, fired, window.drift?.reason ?? "", enough ? undefined : few)) judged.push(window);
  }
  return judged;
}

function rowsNeeded({ pipeline }: CheckContext): number {
  const size = windowSize(pipeline);
  return "rows" in size ? Math.min(size.rows, ROWS_MIN) : ROWS_MIN;
}

/** Judges the performance of every closed window with enough news; resolves to those judged. */
export async function judgeOutcomes(context: CheckContext): Promise<MonitorWindow[]> {
  const judged: MonitorWindow[] = [];
  if (context.pipeline.monitor.performance.length === 0) return judged;
  for (const row of await windowsWithNews(context.deps.db, context.pipeline.model)) {
    const window = windowOfRow(row);
    if (!isWorthJudging(context, window) || !(await measure(context, window))) continue;
    const fired: Fired[] = [];
    if (window.performance?.fired) fired.push("performance");
    if (fired.length > 0 && window.drift?.fired) fired.push("drift");
    if ((await settle(context, window, fired, window.performance?.reason ?? "")) && window.performance)
      judged.push(window);
  }
  return judged;
}

/** Outcomes needed: those of the settings, or all rows of a window of fewer. */
function outcomesNeeded({ pipeline }: CheckContext): number {
  const size = windowSize(pipeline);
  const { minOutcomes } = pipeline.monitor;
  return "rows" in size ? Math.min(size.rows, minOutcomes) : minOutcomes;
}

function isWorthJudging(context: CheckContext, { outcomesBytes, judgedBytes, rows }: MonitorWindow): boolean {
  // At most so many rows have an outcome; some may have been sent twice.
  const known = outcomesBytes / OUTCOME_BYTES;
  if (known < outcomesNeeded(context)) return false;
  return known <= CHEAP_OUTCOMES || outcomesBytes >= judgedBytes * 1.1 || known >= rows;
}

/** Sets the window's performance when enough rows have an outcome; false when its answers are gone. */
async function measure(context: CheckContext, window: MonitorWindow): Promise<boolean> {
  const facts = await context.facts(window.version);
  const loaded = await loadAnswers(context, window);
  if (!facts || !loaded) return false;
  const bytes = await readStart(outcomesPath(context.kept, window), window.outcomesBytes);
  const measured = measurePerformance(facts.flavor, loaded.answers, latestTruths(bytes, loaded.answers.count));
  window.judgedBytes = window.outcomesBytes;
  if (measured.outcomes >= outcomesNeeded(context))
    window.performance = judgePerformance(context.pipeline.monitor.performance, window.rows, measured);
  return true;
}

/**
 * Publishes a verdict with all that follows from it: the window's record, the job, events and alerts, in one transaction.
 * False when another process has judged the same meanwhile.
 */
async function settle(
  context: CheckContext,
  window: MonitorWindow,
  fired: readonly Fired[],
  why: string,
  instead?: Pick<MonitorWindow, "action"> & { reason: string },
): Promise<boolean> {
  const { deps, pipeline, versions } = context;
  const nowMs = deps.clock.nowMs();
  return deps.db.write(async (sql) => {
    const now = await windowRow(sql, window.model, window.version, window.seq);
    if (!now || isSettled(now, window)) return false;
    const before = windowOfRow(now);
    const news = fired.filter((rule) => !before[rule]?.fired);
    if (instead) Object.assign(window, { action: instead.action, actionReason: instead.reason });
    else if (news.length === 0 || hasAsked(before)) window.action ??= "none";
    else {
      const serving = versions.get(window.version)?.serving ?? false;
      const automatic = automationOn(deps.env ?? process.env, "retrain");
      const decision = await askForRetraining(sql, { pipeline, window, fired, why, serving, automatic, nowMs });
      Object.assign(window, { action: decision.action, actionReason: decision.reason, jobId: decision.jobId });
    }
    if (news.length > 0) await tell(sql, context, window, news[0]!, why, !hasAsked(before) && hasAsked(window));
    await saveWindow(sql, { ...rowOfWindow(window), outcomes_bytes: Number(now.outcomes_bytes) });
    return true;
  });
}

const hasAsked = ({ action }: MonitorWindow): boolean => action === "queued" || action === "left_to_person";

/** A window has its drift verdict once, and no outcomes are judged twice. */
const isSettled = (now: WindowRow, window: MonitorWindow): boolean =>
  window.action === null ? now.action !== null : Number(now.judged_bytes) >= window.judgedBytes;

/** An event and alerts when a rule begins to fire, and again whenever that leads to a retraining. */
async function tell(
  sql: Sql,
  { pipeline, deps }: CheckContext,
  window: MonitorWindow,
  rule: Fired,
  why: string,
  leads: boolean,
): Promise<void> {
  const before = await windowBefore(sql, rowOfWindow(window));
  if (before && windowOfRow(before)[rule]?.fired && !leads) return;
  const nowMs = deps.clock.nowMs();
  const { model, version, seq, fromMs, toMs, rows, action, actionReason, jobId } = window;
  const facts = { model, version, window: seq, fromMs, toMs, rows, rule, action, job: jobId, [rule]: window[rule] };
  await appendEvent(
    sql,
    { kind: `${rule}.fired`, subject: `model/${model}/${version}`, actor: "monitor", reason: why, data: facts },
    nowMs,
  );
  const next =
    action === "queued"
      ? "retraining is queued"
      : action === "left_to_person"
        ? "retraining is left to a person"
        : actionReason;
  const span = `${isoTime(fromMs).slice(0, 16)} to ${isoTime(toMs).slice(0, 16)}`;
  const text = `${model} version ${version}, window ${seq} (${span}, ${rows} rows): ${why}; ${next}`;
  await queueAlerts(sql, pipeline, { text, occasion: `${rule}:${nameOfWindow(window)}`, trigger: rule, facts }, nowMs);
}
