/** A metric's whole history, page by page in the order (timestamp, step, value). */

import { invalid } from "../base/keys.ts";
import { metricHistoryPage, pointOf } from "../db/metrics.ts";
import { runById } from "../db/runs.ts";
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

export function createHistory({ db }: TrackingOptions) {
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
  };
}
