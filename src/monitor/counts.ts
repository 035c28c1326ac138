/**
 * Live rows as counts over the bins that a version's reference profile froze. Counts over the same bins add up exactly, so a
 * window grows by whatever arrives and no row is read twice.
 */

import {
  binOf,
  type CategoricalProfile,
  type ColumnProfile,
  type NumericProfile,
  type Profile,
} from "../base/profile.ts";

export interface NumericCounts {
  kind: "numeric";
  /** As `NumericProfile.counts`: below the first edge, between, from the last edge up. */
  counts: number[];
  nulls: number;
  sum: number;
  min: number | null;
  max: number | null;
}

export interface CategoricalCounts {
  kind: "categorical";
  /** As `CategoricalProfile.counts`. */
  counts: number[];
  /** Values that are none of the reference's categories. */
  other: number;
  nulls: number;
}

export type ColumnCounts = NumericCounts | CategoricalCounts;
export type WindowCounts = Record<string, ColumnCounts>;

/** Adds cells `from` (included) to `to` (excluded) of a captured request's column; an absent column counts as missing. */
type CountCells = (into: ColumnCounts, cells: readonly unknown[] | undefined, from: number, to: number) => void;

export interface Counter {
  empty(): WindowCounts;
  /** Adds rows `from` to `to` of a captured request. */
  add(into: WindowCounts, columns: Record<string, readonly unknown[] | undefined>, from: number, to: number): void;
}

/** Counts the named columns; those that the reference does not have are left out. */
export function createCounter(reference: Profile, columns: readonly string[]): Counter {
  const counted = columns.flatMap((name) => {
    const profile = reference.columns[name];
    return profile ? [{ name, profile, count: counterOf(profile) }] : [];
  });
  return {
    empty: () => Object.fromEntries(counted.map(({ name, profile }) => [name, emptyCounts(profile)])),
    add(into, cells, from, to) {
      for (const { name, profile, count } of counted) {
        into[name] ??= emptyCounts(profile);
        count(into[name], cells[name], from, to);
      }
    },
  };
}

function emptyCounts(profile: ColumnProfile): ColumnCounts {
  const counts = new Array<number>(profile.counts.length).fill(0);
  return profile.kind === "numeric"
    ? { kind: "numeric", counts, nulls: 0, sum: 0, min: null, max: null }
    : { kind: "categorical", counts, other: 0, nulls: 0 };
}

const counterOf = (profile: ColumnProfile): CountCells =>
  profile.kind === "numeric" ? numericCounter(profile) : categoricalCounter(profile);

function numericCounter(profile: NumericProfile): CountCells {
  const edges = Float64Array.from(profile.edges);
  return (into, cells, from, to) => {
    const live = into as NumericCounts;
    if (!cells) {
      live.nulls += to - from;
      return;
    }
    for (let i = from; i < to; i++) {
      const value = cells[i];
      if (typeof value !== "number" || !Number.isFinite(value)) {
        live.nulls++;
        continue;
      }
      live.counts[binOf(edges, value)]! += 1;
      live.sum += value;
      if (live.min === null || value < live.min) live.min = value;
      if (live.max === null || value > live.max) live.max = value;
    }
  };
}

function categoricalCounter(profile: CategoricalProfile): CountCells {
  // Booleans are captured as 0 and 1 and profiled as "false" and "true".
  const place = new Map<unknown, number>(profile.categories.map((name, k) => [name, k]));
  if (profile.type === "boolean")
    profile.categories.forEach((name, k) => {
      place.set(name === "true", k).set(name === "true" ? 1 : 0, k);
    });
  return (into, cells, from, to) => {
    const live = into as CategoricalCounts;
    if (!cells) {
      live.nulls += to - from;
      return;
    }
    for (let i = from; i < to; i++) {
      const value = cells[i];
      const k = place.get(value);
      if (k !== undefined) live.counts[k]! += 1;
      else if (value === null || value === undefined) live.nulls++;
      else live.other++;
    }
  };
}

/** Rows that were counted in a column. */
export function countedRows(column: ColumnCounts): number {
  const known = column.counts.reduce((sum, count) => sum + count, 0);
  return known + column.nulls + (column.kind === "categorical" ? column.other : 0);
}
