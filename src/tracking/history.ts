/** A metric's history: whole, page by page in the order (timestamp, step, value), or thinned out for a chart. */

import { invalid } from "../base/keys.ts";
import {
  historyBounds,
  keysWithHistory,
  metricHistoryPage,
  pointOf,
  pointsOfStep,
  sampleHistory,
} from "../db/metrics.ts";
import { runById, runsByIds } from "../db/runs.ts";
import { decodeToken, encodeToken } from "../db/token.ts";
import type { MetricPoint, Page, TrackingOptions } from "./types.ts";

export interface HistoryQuery {
  /** Points a page; 25,000 unless told. */
  maxResults?: number;
  pageToken?: string;
}

/** A token's content: NaN is null, because JSON has none. */
type After = [timestampMs: number, step: number, value: number | null];

function afterOf(key: string, token: string): MetricPoint {
  const [timestampMs, step, value] = decodeToken(token) as After;
  if (typeof timestampMs !== "number" || typeof step !== "number") throw invalid("Invalid page token");
  return { key, timestampMs, step, value: value ?? Number.NaN };
}

export interface IntervalQuery {
  /** Points kept of each run, at least 1. */
  maxSteps: number;
  /** Only between these steps, inclusive. */
  steps?: readonly [number, number];
}

/** One metric of several runs, each run's points by step. */
export interface MetricHistory {
  key: string;
  runs: { runId: string; points: Omit<MetricPoint, "key">[] }[];
}

export interface HistoriesQuery {
  /** Default: every metric with more than one point in one of the runs. */
  keys?: readonly string[];
  /** Points kept of each run, at least 1. */
  maxPoints: number;
}

export function createHistory({ db }: TrackingOptions) {
  /** Evenly spaced points, with those of the least and the greatest step. */
  async function thinned(runSeq: number, key: string, query: IntervalQuery): Promise<MetricPoint[]> {
    const range = { runSeq, key, steps: query.steps };
    const bounds = await historyBounds(db, range);
    if (!bounds) return [];
    if (query.maxSteps === 1) return (await pointsOfStep(db, runSeq, key, bounds.last)).map(pointOf);
    const rows = await sampleHistory(db, range, bounds.points, query.maxSteps);
    const sampled = rows.map(pointOf);
    for (const step of [bounds.first, bounds.last])
      if (!sampled.some((point) => point.step === step))
        sampled.push(...(await pointsOfStep(db, runSeq, key, step)).map(pointOf));
    return sampled.sort((a, b) => a.step - b.step || a.timestampMs - b.timestampMs);
  }

  return {
    /** An unknown run or key has no points. */
    async metricHistory(runId: string, key: string, query: HistoryQuery = {}): Promise<Page<MetricPoint>> {
      const run = await runById(db, runId);
      if (!run) return { items: [] };
      const limit = query.maxResults ?? 25_000;
      const after = query.pageToken ? afterOf(key, query.pageToken) : undefined;
      const items = (await metricHistoryPage(db, run.seq, key, limit + 1, after)).map(pointOf);
      if (items.length <= limit) return { items };
      const last = items[limit - 1]!;
      const token: After = [last.timestampMs, last.step, Number.isNaN(last.value) ? null : last.value];
      return { items: items.slice(0, limit), nextPageToken: encodeToken(token) };
    },

    /** One metric of several runs, thinned out; unknown runs have no points. */
    async metricInterval(
      runIds: readonly string[],
      key: string,
      query: IntervalQuery,
    ): Promise<(MetricPoint & { runId: string })[]> {
      const seqs = new Map((await runsByIds(db, runIds)).map((row) => [row.run_id, row.seq]));
      const all: (MetricPoint & { runId: string })[] = [];
      for (const runId of new Set(runIds)) {
        const seq = seqs.get(runId);
        if (seq === undefined) continue;
        for (const point of await thinned(seq, key, query)) all.push({ ...point, runId });
      }
      return all;
    },

    /** The metrics that have a history, each for every run in the order asked for, thinned out. */
    async metricHistories(runIds: readonly string[], query: HistoriesQuery): Promise<MetricHistory[]> {
      const seqs = new Map((await runsByIds(db, runIds)).map((row) => [row.run_id, row.seq]));
      const histories: MetricHistory[] = [];
      for (const key of query.keys ?? (await keysWithHistory(db, [...seqs.values()]))) {
        const runs: MetricHistory["runs"] = [];
        for (const runId of runIds) {
          const seq = seqs.get(runId);
          const found = seq === undefined ? [] : await thinned(seq, key, { maxSteps: query.maxPoints });
          runs.push({ runId, points: found.map(({ key: _, ...point }) => point) });
        }
        histories.push({ key, runs });
      }
      return histories;
    },
  };
}
