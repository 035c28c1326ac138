/** Search over runs: newest first, in pages that stay fast however far one has gone. */

import type { SqlValue } from "../db/db.ts";
import { inList } from "../db/lists.ts";
import { type RunRow, selectRuns } from "../db/runs.ts";
import { decodeToken, encodeToken } from "../db/token.ts";
import { readRuns } from "./read.ts";
import type { Lifecycle, Page, Run, TrackingOptions } from "./types.ts";
import { experimentNumber } from "./validate.ts";

export interface RunSearch {
  experimentIds: readonly string[];
  /** Only active runs unless told. */
  lifecycle?: Lifecycle | "all";
  /** 1000 unless told. */
  maxResults?: number;
  pageToken?: string;
}

export function createSearch({ db }: TrackingOptions) {
  return {
    async searchRuns(query: RunSearch): Promise<Page<Run>> {
      if (query.experimentIds.length === 0) return { items: [] };
      const limit = query.maxResults ?? 1000;
      const ids = inList(query.experimentIds.map(experimentNumber));
      const where = [`experiment_id IN ${ids.sql}`];
      const params: SqlValue[] = [...ids.params];
      const lifecycle = query.lifecycle ?? "active";
      if (lifecycle !== "all") {
        where.push("lifecycle = ?");
        params.push(lifecycle);
      }
      if (query.pageToken) {
        const [startMs, runId] = decodeToken<[number, string]>(query.pageToken);
        where.push("start_ms <= ? AND (start_ms < ? OR run_id > ?)");
        params.push(startMs, startMs, runId);
      }
      const tail = `FROM runs WHERE ${where.join(" AND ")} ORDER BY start_ms DESC, run_id LIMIT ?`;
      const rows: RunRow[] = await selectRuns(db, "", tail, [...params, limit + 1]);
      const items = await readRuns(db, rows.slice(0, limit));
      const last = rows[limit - 1];
      if (rows.length <= limit || !last) return { items };
      return { items, nextPageToken: encodeToken([Number(last.start_ms), last.run_id]) };
    },
  };
}
