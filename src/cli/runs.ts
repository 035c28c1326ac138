/** `runs …`: what ran, with what, and what came out. */

import { LIMITS } from "../base/limits.ts";
import type { Command, CommandGroup } from "./command.ts";
import { numberOf, text, texts } from "./command.ts";
import { table, when } from "./io.ts";
import { projectIn, runsManagement, statusOf } from "./runs-manage.ts";

const list: Command = {
  name: "runs list",
  about: "Runs, newest first",
  options: [
    { name: "project", value: "name", about: "only in this project's experiments; none: in those without one" },
    { name: "limit", short: "n", value: "n", about: "how many", default: "20" },
  ],
  action: async (io, input) => {
    const { runViews } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const { showDuration } = await import("../base/units.ts");
    const limit = numberOf(text(input.options.limit), "--limit", { min: 1, max: LIMITS.searchRuns }) ?? 20;
    const runs = await withLife({ root: io.cwd, env: io.env }, (life) =>
      runViews(life, { limit, ...projectIn(input) }),
    );
    // In most workspaces it says the same in every line.
    const isMixed = new Set(runs.map((run) => run.experiment)).size > 1;
    io.data({ runs }, () =>
      table(io, runs, [
        { title: "run", value: (r) => r.id.slice(0, 8) },
        { title: "name", value: (r) => r.name },
        ...(isMixed ? [{ title: "experiment", value: (r: (typeof runs)[number]) => r.experiment }] : []),
        { title: "status", value: (r) => statusOf(io, r.status) },
        { title: "trigger", value: (r) => r.trigger ?? (r.parentId && `in ${r.parentId.slice(0, 8)}`) },
        { title: "started", value: (r) => when(r.started).slice(0, 16), whole: true },
        { title: "time", value: (r) => (r.durationMs === undefined ? "" : showDuration(r.durationMs)), right: true },
        { title: "metrics", value: (r) => summary(r.metrics) },
      ]),
    );
    return 0;
  },
};

/** Parts of a run in the order in which they are shown. */
const PARTS = ["params", "metrics", "data", "tags"] as const;

/** The quality metrics that fit in a cell. */
const summary = (metrics: Record<string, number>): string =>
  Object.entries(metrics)
    .filter(([name]) => !/_(rows|bytes|ms_p\d+|passed)$|^rows$/.test(name))
    .slice(0, 3)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(", ");

const show: Command = {
  name: "runs show",
  about: "One run: params, metrics, data, tags",
  args: [{ name: "run", about: "id, the beginning of it, or name", required: true }],
  action: async (io, input) => {
    const { runView } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const run = await withLife({ root: io.cwd, env: io.env }, (life) => runView(life, text(input.args.run)!));
    const { showDuration } = await import("../base/units.ts");
    io.data(run, () => {
      const width = Math.max(...PARTS.flatMap((part) => Object.keys(run[part]).map((name) => name.length)), 0);
      const part = (title: (typeof PARTS)[number]) =>
        Object.entries(run[title]).map(
          ([name, value], i) => `${i === 0 ? io.paint.bold(`${title}\n`) : ""}  ${name.padEnd(width)}  ${value}`,
        );
      const time = run.durationMs === undefined ? "" : `, took ${showDuration(run.durationMs)}`;
      return [
        `${io.paint.bold(run.name)} ${io.paint.dim(run.id)}`,
        `${statusOf(io, run.status)} in ${run.experiment}, started ${run.started}${time}`,
        ...(run.parentId ? [`part of run ${run.parentId}`] : []),
        ...PARTS.flatMap(part),
      ].join("\n");
    });
    return 0;
  },
};

const compare: Command = {
  name: "runs compare",
  about: "What differs between runs in params, data, code, environment and metrics, with the curves of their metrics",
  args: [{ name: "run", about: "two runs or more: ids, the beginnings of them, or names", required: true, many: true }],
  options: [
    { name: "all", about: "what is equal too" },
    { name: "metric", value: "name", about: "draw only this metric's history", many: true },
    { name: "points", value: "n", about: "points kept of each history, for the curves and for --json", default: "200" },
  ],
  examples: ["trimtab runs compare bb406d9f afab33ca --metric loss"],
  action: async (io, input) => {
    const { compareView } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const { comparedText } = await import("./compared.ts");
    const query = {
      all: input.options.all === true,
      metrics: texts(input.options.metric),
      points: numberOf(text(input.options.points), "--points", { min: 2, max: 100_000 }) ?? 200,
    };
    const compared = await withLife({ root: io.cwd, env: io.env }, (life) =>
      compareView(life, texts(input.args.run), query),
    );
    io.data(compared, () => comparedText(io, { ...compared, rows: compared.differences }));
    return 0;
  },
};

export const runsGroup: CommandGroup = { title: "Runs", commands: [list, show, compare, ...runsManagement] };
