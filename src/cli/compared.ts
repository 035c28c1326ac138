/** A comparison of runs as text: a table of what differs, and a plot for each metric that has a history. Pure. */

import type { CompareRow } from "../tracking/compare.ts";
import type { MetricHistory } from "../tracking/history.ts";
import { figure, type Io, type TableColumn, table } from "./io.ts";
import { plot } from "./plot.ts";

export interface Compared {
  runs: readonly { id: string; name: string }[];
  rows: readonly CompareRow[];
  histories: readonly MetricHistory[];
}

const CELL_MIN = 12;
const KEY_MAX = 32;
/** What the first two columns and the spaces between all take, besides the key itself. */
const EDGE = 12;
/** How much of what is equal stands before the first difference. */
const CONTEXT = 6;

/** Plots of more metrics are drawn when they are asked for by name. */
const PLOTS_MAX = 6;

/** Cut to the width, and when they begin alike, from shortly before where they differ. */
export function cutCells(values: readonly string[], width: number): string[] {
  if (values.every((value) => value.length <= width)) return [...values];
  const [first = "", ...others] = values.filter((value) => value !== "-");
  let same = 0;
  while (same < first.length && others.every((other) => other[same] === first[same])) same++;
  const longest = Math.max(...values.map((value) => value.length));
  const from = same > width - CONTEXT ? Math.min(same - CONTEXT, longest - width + 1) : 0;
  return values.map((value) => {
    const rest = from > 0 && value !== "-" ? `…${value.slice(from)}` : value;
    return rest.length > width ? `${rest.slice(0, width - 1)}…` : rest;
  });
}

/** Figures in five digits, unless different ones would look the same. */
function cellsOf(values: CompareRow["values"], width: number): string[] {
  const shown = values.map((value) => (typeof value === "number" ? figure(value) : (value ?? "-")));
  const isTold = new Set(shown).size === new Set(values.map(String)).size;
  return cutCells(isTold ? shown : values.map((value) => String(value ?? "-")), width);
}

/** Names of the runs, with the beginning of the id where two are called the same. */
const titlesOf = (runs: Compared["runs"]): string[] =>
  runs.map(({ id, name }) => (runs.filter((run) => run.name === name).length > 1 ? `${name} ${id.slice(0, 8)}` : name));

const COLOURS = ["cyan", "yellow", "green", "red"] as const;

export function comparedText(io: Io, { runs, rows, histories }: Compared): string {
  const titles = titlesOf(runs);
  const key = Math.min(KEY_MAX, Math.max(4, ...rows.map((row) => row.key.length)));
  const cell = Math.max(CELL_MIN, Math.floor((io.width - EDGE - key) / runs.length) - 2);
  const lines = rows.map((row) => ({ ...row, cells: cellsOf(row.values, cell) }));
  const columns: TableColumn<(typeof lines)[number]>[] = [
    { title: "what", value: (row) => row.section },
    { title: "name", value: (row) => (row.key.length > key ? `${row.key.slice(0, key - 1)}…` : row.key) },
    ...titles.map((title, i) => ({
      title: title.length > cell ? `${title.slice(0, cell - 1)}…` : title,
      value: (row: (typeof lines)[number]) => row.cells[i],
      right: true,
    })),
  ];
  const plots = histories.slice(0, PLOTS_MAX).map((history) => plotOf(io, history, titles));
  const left = histories.slice(PLOTS_MAX).map((history) => history.key);
  return [
    table(io, lines, columns, "nothing differs"),
    ...plots,
    ...(left.length > 0 ? [io.paint.dim(`not drawn (--metric draws it): ${left.join(", ")}`)] : []),
  ].join("\n\n");
}

/** Over steps; over the time since each run's first point when nobody counted steps. */
function plotOf(io: Io, { key, runs }: MetricHistory, titles: readonly string[]): string {
  const isCounted = runs.some((run) => run.points.some((point) => point.step !== run.points[0]!.step));
  const curves = runs.map((run, i) => ({
    name: titles[i]!,
    points: run.points.map(({ step, timestampMs, value }) => ({
      x: isCounted ? step : (timestampMs - run.points[0]!.timestampMs) / 1000,
      y: value,
    })),
  }));
  const paint = (text: string, i: number) => io.paint[COLOURS[i % COLOURS.length]!](text);
  const drawn = plot(curves, { width: io.width, unit: isCounted ? "step" : "second", paint });
  return `${io.paint.bold(key)}\n${drawn}`;
}
