/**
 * A profile: what a table looked like, small enough to keep with every model version and to compare live rows with.
 * Its bins are frozen, so counts over the same bins add up exactly: a live window is a handful of integers a column.
 *
 * Numeric bins: a value belongs to bin k when k edges are less than or equal to it. So `counts` has one more entry than
 * `edges`: below the first edge, between each two, and from the last edge up. The first edge is the smallest value seen and
 * the last lies just above the largest (if a double does), so the two outer bins are empty in the profile itself: what lands there later is new.
 */

import type { ColumnType } from "./columns.ts";

export interface Profile {
  rows: number;
  columns: Record<string, ColumnProfile>;
}

export type ColumnProfile = NumericProfile | CategoricalProfile;

/** Numbers, and times as ms since the epoch. Infinities and NaN are counted in `nulls` and nowhere else. */
export interface NumericProfile {
  kind: "numeric";
  type: Extract<ColumnType, "number" | "timestamp">;
  nulls: number;
  /** Different values: exact up to `distinctExactMax` of the profiler, else an estimate within a few per cent. */
  distinct: number;
  /** Of the rows that hold a number; null when there are none. `std` is the sample's (n - 1), null below two rows. */
  mean: number | null;
  std: number | null;
  min: number | null;
  max: number | null;
  /** Keys "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"; empty when there are no numbers. */
  quantiles: Record<string, number>;
  /** Fine edges, ascending: each value its own bin when there are few, else about equal shares. Empty when there are no numbers. */
  edges: number[];
  counts: number[];
  /** Some of `edges`, so that the bins between them hold about a tenth of the rows each: the ten bins of the usual PSI. */
  deciles: number[];
}

/** Text, and booleans as "true" and "false". */
export interface CategoricalProfile {
  kind: "categorical";
  type: Extract<ColumnType, "string" | "boolean">;
  nulls: number;
  distinct: number;
  /** The most frequent values, most frequent first, ties in code point order. */
  categories: string[];
  counts: number[];
  /** Rows whose value is none of the categories. */
  other: number;
}

/** The bin of a value: how many edges are less than or equal to it. Edges ascend; the value is a number. */
export function binOf(edges: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
