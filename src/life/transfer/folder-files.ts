/** The small files of MLflow's file store: YAML that its Python wrote, and one text for each tag, param and metric. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { readYaml } from "../../spec/yaml.ts";
import type { MetricPoint, Pair } from "../../tracking/types.ts";

export type Meta = Readonly<Record<string, unknown>>;

/** Undefined when the file is not there. */
export function metaAt(file: string): Meta | undefined {
  if (!existsSync(file)) return undefined;
  return (readYaml(readFileSync(file), file).value ?? {}) as Meta;
}

/** Names of the folders in a folder, in order; none when it is not there. */
export const foldersIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort()
    : [];

/** Keys of the files below a folder: one with a slash is a file in a folder. */
export const keysIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .sort()
    : [];

export const pairsIn = (folder: string): Pair[] =>
  keysIn(folder).map((key) => ({ key, value: readFileSync(join(folder, key), "utf8") }));

/** Python writes nan, inf and -inf. */
const PYTHON: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Number.MAX_VALUE, "-inf": -Number.MAX_VALUE };

/** A line of a metric's file: time, value, step and, after these, whatever the kind of metric adds. */
export interface MetricLine extends MetricPoint {
  rest: string[];
}

export const linesIn = (folder: string, key: string): MetricLine[] =>
  readFileSync(join(folder, key), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [timestampMs, value, step = "0", ...rest] = line.split(" ");
      const point = {
        key,
        timestampMs: Number(timestampMs),
        value: PYTHON[value!] ?? Number(value),
        step: Number(step),
      };
      return { ...point, rest };
    });

/** The point that MLflow shows: the greatest by step, time and value. */
export function latestOf(points: readonly MetricLine[]): MetricPoint[] {
  const best = points.toSorted((a, b) => a.step - b.step || a.timestampMs - b.timestampMs || a.value - b.value).at(-1);
  return best ? [{ key: best.key, value: best.value, timestampMs: best.timestampMs, step: best.step }] : [];
}

export const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));
export const number = (value: unknown): number => Number(value ?? 0);
export const lifecycleOf = (value: unknown) => (value === "deleted" ? ("deleted" as const) : ("active" as const));

/** Only the members that have a text. */
export const texts = <K extends string>(members: Record<K, unknown>): { [P in K]?: string } =>
  Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => text(value) !== "")
      .map(([key, value]) => [key, String(value)]),
  ) as { [P in K]?: string };
