/**
 * What windows remember while serving: for each window and entity the rows that a next one may look back on. Seeded from the
 * newest training rows, which are saved with the fitted features; grows by `observe` and forgets what is out of reach.
 * For rows in the order of their times, this gives what the SQL path gives over all rows.
 */

import type { Batch, Column } from "../../base/columns.ts";
import { fail } from "../../base/errors.ts";
import { entityKey } from "./entity.ts";
import { compileProgram, type Evaluate } from "./evaluate.ts";
import { type FittedFeatures, type HistoryTail, windowsOf } from "./fitted.ts";
import type { Op } from "./program.ts";
import { Series } from "./series.ts";
import { COUNTS, ENTITY, TIME, VALUE, type WindowFrame } from "./windows.ts";

/** Entities that one window remembers; the one that was seen least lately is forgotten first. */
const ENTITIES_MAX = 1_000_000;

export class FeatureHistory {
  private readonly windows = new Map<string, Map<string, Series>>();
  private readonly frames = new Map<string, WindowFrame>();
  private readonly observers: { name: string; columns: number }[] = [];
  private readonly values: Evaluate;

  /** Begins with what `fitted` saved: after all rows that were known, or after the training rows, where a holdout begins. */
  constructor(fitted: FittedFeatures, after: "all" | "training" = "all") {
    const roots: number[] = [];
    for (const [, op] of windowsOf(fitted.program)) {
      const frame = op.params as unknown as WindowFrame & { name: string };
      this.frames.set(frame.name, frame);
      this.windows.set(frame.name, new Map());
      this.observers.push({ name: frame.name, columns: op.args.length });
      roots.push(...op.args);
    }
    this.values = compileProgram(fitted.program, roots);
    for (const [name, tail] of Object.entries(fitted.history?.[after] ?? {})) this.seed(name, tail);
  }

  /** Rows remembered, over all windows. */
  get rows(): number {
    let rows = 0;
    for (const entities of this.windows.values()) for (const series of entities.values()) rows += series.length;
    return rows;
  }

  /** Adds rows whose values are known by now; rows that `where` refuses are passed over. The batch has the `observed` columns. */
  observe(batch: Batch): void {
    const columns = this.values(batch);
    for (const { name, columns: count } of this.observers) {
      const args = columns.splice(0, count);
      for (let i = 0; i < batch.rows; i++) this.add(name, args, i);
    }
  }

  /** What a window says for row `i` of its arguments. */
  read(op: Op, args: readonly (Column | undefined)[], i: number): number {
    const name = op.params!.name as string;
    const timeMs = numberAt(args[TIME], i);
    const key = keyOf(args, i);
    if (key === undefined || Number.isNaN(timeMs)) return Number.NaN;
    const current = args[VALUE] === undefined ? Number.NaN : numberAt(args[VALUE], i);
    const series = this.windows.get(name)?.get(key) ?? new Series(this.frames.get(name)!);
    return series.read(timeMs, current);
  }

  /** Adds row `i` of a window's arguments, if `where` lets it count. */
  add(name: string, args: readonly (Column | undefined)[], i: number): void {
    const timeMs = numberAt(args[TIME], i);
    const key = keyOf(args, i);
    if (key === undefined || Number.isNaN(timeMs) || numberAt(args[COUNTS], i) !== 1) return;
    this.seriesOf(name, key).add(timeMs, numberAt(args[VALUE], i));
  }

  private seriesOf(name: string, key: string): Series {
    const entities = this.windows.get(name)!;
    let series = entities.get(key);
    if (series) return series;
    series = new Series(this.frames.get(name)!);
    entities.set(key, series);
    if (entities.size > ENTITIES_MAX) entities.delete(entities.keys().next().value!);
    return series;
  }

  private seed(name: string, tail: HistoryTail[string]): void {
    if (!this.windows.has(name))
      throw fail("MODEL_INVALID", { what: `features.json remembers a window "${name}" that it does not have` });
    let at = 0;
    for (const [k, key] of tail.keys.entries()) {
      const series = this.seriesOf(name, key);
      for (const end = at + tail.counts[k]!; at < end; at++) series.add(tail.times[at]!, tail.values[at] ?? Number.NaN);
    }
  }
}

const numberAt = (column: Column | undefined, row: number): number => (column as Float64Array)[row]!;

/** Undefined when a part of the entity is missing. */
function keyOf(args: readonly (Column | undefined)[], row: number): string | undefined {
  const parts: (string | number)[] = [];
  for (let i = ENTITY; i < args.length; i++) {
    const part = args[i]![row]!;
    if (part === null || Number.isNaN(part)) return undefined;
    parts.push(part);
  }
  return entityKey(parts);
}
