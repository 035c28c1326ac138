/** `runs …`: what ran, with what, and what came out. */

import type { Command, CommandGroup } from "./command.ts";
import { numberOf, text, texts } from "./command.ts";
import { table } from "./io.ts";
import { runsManagement } from "./runs-manage.ts";

const list: Command = {
  name: "runs list",
  about: "Runs, newest first",
  options: [{ name: "limit", short: "n", value: "n", about: "how many", default: "20" }],
  action: async (io, input) => {
    const { runViews } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const { showDuration } = await import("../base/units.ts");
    const limit = numberOf(text(input.options.limit), "--limit") ?? 20;
    const runs = await withLife({ root: io.cwd, env: io.env }, (life) => runViews(life, { limit }));
    io.data({ runs }, () =>
      table(io, runs, [
        { title: "run", value: (r) => r.id.slice(0, 8) },
        { title: "name", value: (r) => r.name },
        { title: "status", value: (r) => (r.status === "FAILED" ? io.paint.red(r.status) : r.status) },
        { title: "trigger", value: (r) => r.trigger },
        { title: "started", value: (r) => r.started.slice(0, 19).replace("T", " ") },
        { title: "time", value: (r) => (r.durationMs === undefined ? "" : showDuration(r.durationMs)), right: true },
        { title: "metrics", value: (r) => summary(r.metrics) },
      ]),
    );
    return 0;
  },
};

/** The quality metrics that fit in a cell. */
const summary = (metrics: Record<string, number>): string =>
  Object.entries(metrics)
    .filter(([name]) => !/_(rows|bytes|ms_p\d+|passed)$|^rows$/.test(name))
    .slice(0, 3)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(", ");

const show: Command = {
  name: "runs show",
  about: "One run: params, metrics, tags",
  args: [{ name: "run", about: "id, the beginning of it, or name", required: true }],
  action: async (io, input) => {
    const { runView } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const run = await withLife({ root: io.cwd, env: io.env }, (life) => runView(life, text(input.args.run)!));
    io.data(run, () => {
      const part = (title: string, values: Record<string, string | number>) =>
        Object.keys(values).length === 0
          ? []
          : [
              io.paint.bold(title),
              ...Object.entries(values).map(([name, value]) => `  ${name}  ${io.paint.dim(String(value))}`),
            ];
      const head = `${io.paint.bold(run.name)} ${run.id}\n${run.status}, started ${run.started}`;
      return [head, ...part("params", run.params), ...part("metrics", run.metrics), ...part("tags", run.tags)].join(
        "\n",
      );
    });
    return 0;
  },
};

const compare: Command = {
  name: "runs compare",
  about: "What differs between runs in params, data, code, environment and metrics",
  args: [{ name: "run", about: "two runs or more", required: true, many: true }],
  action: async (io, input) => {
    const { compareView } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const compared = await withLife({ root: io.cwd, env: io.env }, (life) => compareView(life, texts(input.args.run)));
    io.data(compared, () =>
      table(
        io,
        compared.differences,
        [
          { title: "what", value: (d) => d.section },
          { title: "name", value: (d) => d.key },
          ...compared.runs.map((run, i) => ({
            title: run.name,
            value: (d: (typeof compared.differences)[number]) => String(d.values[i] ?? "-").slice(0, 40),
            right: true,
          })),
        ],
        "nothing differs",
      ),
    );
    return 0;
  },
};

export const runsGroup: CommandGroup = { title: "Runs", commands: [list, show, compare, ...runsManagement] };
