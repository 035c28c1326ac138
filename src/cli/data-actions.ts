/** The work behind `validate`, `profile`, `features` and `drift`. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ColumnProfile, Profile } from "../base/profile.ts";
import { toGreatExpectations } from "../data/checks/great-expectations.ts";
import { readPipeline, withLife } from "../life/context.ts";
import { checkData, featuresOf, profileData } from "../life/inspect.ts";
import { openMonitor } from "../life/watch.ts";
import { windowViews } from "../life/windows.ts";
import { reportText } from "./check-report.ts";
import { figure, type Io, table } from "./io.ts";

export async function validateCommand(io: Io, file: string, asGreatExpectations: boolean): Promise<number> {
  const pipeline = await readPipeline(io.cwd, { file, env: io.env });
  io.say(`${io.paint.green("✓")} ${file}: ${Object.keys(pipeline.steps).length} steps`);
  const reports = await withLife({ root: pipeline.root, env: io.env }, (life) =>
    checkData(life, pipeline, (step) => io.progress(`${step}…`)),
  );
  io.progressDone();
  if (asGreatExpectations) {
    const results = reports.map(({ step, report }) =>
      toGreatExpectations(report, { suiteName: `${pipeline.model}.${step}` }),
    );
    io.data(results, () => JSON.stringify(results, null, 2));
  } else
    io.data({ pipeline: pipeline.model, reports }, () =>
      reports.map(({ step, report }) => reportText(io, step, report)).join("\n\n"),
    );
  return reports.every(({ report }) => report.success) ? 0 : 1;
}

export async function profileCommand(io: Io, data: string, file: string): Promise<number> {
  const pipeline = existsSync(join(io.cwd, file)) ? await readPipeline(io.cwd, { file, env: io.env }) : undefined;
  io.progress(`profiling ${data}…`);
  const source = pipeline?.data[data];
  const root = source && pipeline ? pipeline.root : io.cwd;
  const profile = await withLife({ root, env: io.env }, (life) => profileData(life, source?.uri ?? data));
  io.progressDone();
  io.data(profile, () => profileText(io, profile));
  return 0;
}

const profileText = (io: Io, profile: Profile): string =>
  [
    `${profile.rows.toLocaleString("en")} rows`,
    table(io, Object.entries(profile.columns), [
      { title: "column", value: ([name]) => name },
      { title: "kind", value: ([, c]) => c.kind },
      { title: "nulls", value: ([, c]) => c.nulls, right: true },
      { title: "min", value: ([, c]) => numeric(c, "min"), right: true },
      { title: "mean", value: ([, c]) => numeric(c, "mean"), right: true },
      { title: "max", value: ([, c]) => numeric(c, "max"), right: true },
      { title: "most common", value: ([, c]) => (c.kind === "categorical" ? c.categories.slice(0, 5).join(", ") : "") },
    ]),
  ].join("\n");

function numeric(column: ColumnProfile, key: "min" | "mean" | "max"): string {
  const value = column.kind === "numeric" ? column[key] : null;
  if (value === null || column.kind !== "numeric") return "";
  return column.type === "timestamp" ? new Date(value).toISOString().slice(0, 16).replace("T", " ") : figure(value);
}

export async function featuresCommand(io: Io, version: number | undefined, file: string): Promise<number> {
  const pipeline = await readPipeline(io.cwd, { file, env: io.env });
  const fitted = await withLife({ root: pipeline.root, env: io.env }, (life) =>
    featuresOf(life, pipeline.model, version),
  );
  io.data(fitted, () =>
    [
      `from ${fitted.inputs.map((input) => `${input.name} ${io.paint.dim(input.type)}`).join(", ")}`,
      ...fitted.outputs.map((name) => `  ${name}`),
    ].join("\n"),
  );
  return 0;
}

const NO_WINDOWS = "no window yet: the first closes when enough predictions were served (monitor.drift.window)";

export async function driftCommand(io: Io, file: string, limit: number): Promise<number> {
  const pipeline = await readPipeline(io.cwd, { file, env: io.env });
  const windows = await withLife({ root: pipeline.root, env: io.env }, async (life) => {
    io.progress("judging new windows…");
    await openMonitor(life).check(pipeline);
    return windowViews(life, pipeline.model, { limit });
  });
  io.progressDone();
  const columns = [...new Set(windows.flatMap((window) => Object.keys(window.drift)))];
  const metrics = [...new Set(windows.flatMap((window) => Object.keys(window.performance)))];
  io.data({ windows }, () =>
    table(
      io,
      windows,
      [
        { title: "window", value: (w) => new Date(w.fromMs).toISOString().slice(0, 16).replace("T", " ") },
        { title: "version", value: (w) => w.version, right: true },
        { title: "rows", value: (w) => w.rows, right: true },
        ...columns.map((name) => ({
          title: name,
          value: (w: (typeof windows)[number]) => w.drift[name]?.score.toFixed(3),
          right: true,
        })),
        ...metrics.map((name) => ({
          title: name,
          value: (w: (typeof windows)[number]) => w.performance[name]?.toFixed(4),
          right: true,
        })),
        { title: "", value: (w) => (w.pass ? io.paint.green("ok") : io.paint.red(w.reason)) },
      ],
      NO_WINDOWS,
    ),
  );
  return 0;
}
