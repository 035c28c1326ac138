/** Runs, and the projects that they are in. */

import { fail } from "../../../base/errors.ts";
import { parseDurationMs } from "../../../base/units.ts";
import { findRuns } from "../../../life/find-runs.ts";
import { compareView, runView, runViews } from "../../../life/views.ts";
import { AnyObject, allOf, flag, limit, limitOf, listOf, many, projectIn, type Routes } from "../context.ts";
import { z } from "../openapi.ts";

const project = z.string().optional();

export const runRoutes: Routes = [
  {
    method: "get",
    path: "/runs",
    summary: "Runs, newest first; of one project, or with project=none of those without one",
    tag: "runs",
    cli: ["runs list"],
    query: z.object({ limit, project }),
    answer: listOf("runs"),
    handle: async ({ life }, input) => ({ runs: await runViews(life, { ...limitOf(input), ...projectIn(input) }) }),
  },
  {
    method: "get",
    path: "/runs/search",
    summary: "Runs that meet a filter in MLflow's language",
    tag: "runs",
    cli: ["runs search"],
    query: z.object({
      filter: z.string().default(""),
      experiment: many,
      project,
      order: many,
      deleted: flag,
      limit: limit.default(20),
    }),
    answer: listOf("runs"),
    handle: async ({ life }, input) => {
      const { filter, experiment, order, deleted, limit: most } = input.query;
      const runs = await findRuns(life, {
        filter: String(filter),
        experiments: allOf(experiment),
        order: allOf(order),
        deleted: deleted === "true",
        limit: most as number,
        ...projectIn(input),
      });
      return { runs };
    },
  },
  {
    method: "get",
    path: "/runs/compare",
    summary: "What differs between runs, and the histories of their metrics",
    tag: "runs",
    cli: ["runs compare"],
    query: z.object({
      id: z.union([z.string(), z.array(z.string())]),
      all: flag,
      metric: many,
      points: z.coerce.number().int().min(2).max(100_000).default(200),
    }),
    answer: AnyObject,
    handle: async ({ life }, { query }) =>
      compareView(life, allOf(query.id), {
        all: query.all === "true",
        metrics: allOf(query.metric),
        points: query.points as number,
      }),
  },
  {
    method: "get",
    path: "/runs/purgeable",
    summary: "Deleted runs that a purge would take away for good",
    tag: "runs",
    cli: ["runs purge --dry-run"],
    query: z.object({ older: z.string().default("30d") }),
    answer: listOf("runs"),
    handle: async ({ life }, { query }) => {
      const olderMs = parseDurationMs(String(query.older));
      if (olderMs === undefined)
        throw fail("INVALID", { what: `"${query.older}" is not a duration`, place: "older", mend: "as 12h or 30d" });
      return { runs: await life.tracking.purgeable({ deletedBeforeMs: life.clock.nowMs() - olderMs }) };
    },
  },
  {
    method: "get",
    path: "/runs/{id}",
    summary: "One run with its params, metrics and tags",
    tag: "runs",
    cli: ["runs show"],
    answer: AnyObject,
    handle: ({ life }, input) => runView(life, input.params.id!),
  },
  {
    method: "get",
    path: "/projects",
    summary: "Projects with their experiments and runs",
    tag: "runs",
    cli: ["projects list"],
    answer: listOf("projects"),
    handle: async ({ life }) => ({ projects: await life.tracking.listProjects() }),
  },
];
