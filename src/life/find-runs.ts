/** Searching runs with MLflow's filters over experiments that are named as people name them. */

import { fail } from "../base/errors.ts";
import type { Run } from "../tracking/types.ts";
import type { Life } from "./context.ts";

/** An experiment's id by its name or id. NOT_FOUND. */
export async function experimentOf(tracking: Life["tracking"], name: string): Promise<string> {
  const found = await tracking.findExperiment(name);
  if (found) return found.experimentId;
  if (/^\d+$/.test(name)) return (await tracking.getExperiment(name)).experimentId;
  throw fail("NOT_FOUND", { what: `there is no experiment ${name}`, place: "experiment" });
}

export interface RunQuery {
  /** MLflow's language; "": all. */
  filter: string;
  /** Names or ids; none: everywhere, also in deleted ones. */
  experiments: readonly string[];
  /** Only in this project's experiments, "" for those in none; says nothing where experiments are named. */
  project?: string;
  /** "metrics.f1 DESC"; none: newest first. */
  order: readonly string[];
  /** The deleted ones instead. */
  deleted: boolean;
  limit: number;
}

/** The runs that meet it. INVALID for a filter or an order that cannot be read. */
export async function findRuns(life: Life, query: RunQuery): Promise<readonly Run[]> {
  const { tracking } = life;
  const experimentIds: string[] = [];
  for (const name of query.experiments) experimentIds.push(await experimentOf(tracking, name));
  if (query.experiments.length === 0) experimentIds.push(...(await allIds(tracking, query.project)));
  const { items } = await tracking.searchRuns({
    experimentIds,
    filter: query.filter,
    orderBy: query.order,
    lifecycle: query.deleted ? "deleted" : "active",
    maxResults: query.limit,
  });
  return items;
}

async function allIds(tracking: Life["tracking"], project: string | undefined): Promise<string[]> {
  const ids: string[] = [];
  for (let pageToken = ""; ; ) {
    const within = project === undefined ? {} : { project };
    const page = await tracking.searchExperiments({ lifecycle: "all", pageToken, ...within });
    ids.push(...page.items.map((one) => one.experimentId));
    if (page.nextPageToken === undefined) return ids;
    pageToken = page.nextPageToken;
  }
}
