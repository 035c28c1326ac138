/** Reference and live counts over one list of bins, the form in which divergences take them. */

import type { CategoricalProfile, ColumnProfile, NumericProfile } from "../../base/profile.ts";
import type { CategoricalCounts, ColumnCounts, NumericCounts } from "../counts.ts";

export interface Pair {
  reference: number[];
  live: number[];
  /** How the bins were made, for reports: a score means something only with its recipe. */
  recipe: string;
}

/**
 * Coarse bins of a column, missing values as a bin of their own when either side has some. Numbers: between the reference's
 * inner deciles, open at both ends (the usual PSI). Text: the reference's categories, and one bin for all others.
 */
export function coarseBins(reference: ColumnProfile, live: ColumnCounts): Pair {
  const pair =
    reference.kind === "numeric"
      ? decileBins(reference, live as NumericCounts)
      : categoryBins(reference, live as CategoricalCounts);
  if (reference.nulls + live.nulls === 0) return pair;
  return {
    reference: [...pair.reference, reference.nulls],
    live: [...pair.live, live.nulls],
    recipe: `${pair.recipe} and missing`,
  };
}

function decileBins(reference: NumericProfile, live: NumericCounts): Pair {
  const { edges } = reference;
  const inner = reference.deciles.filter((edge) => edge > edges[0]! && edge < edges.at(-1)!);
  // Of one value alone there are none, and one bin would hide whatever else comes: below it, the value, above it.
  const cuts = new Set(inner.length > 0 ? inner : edges);
  const merged = (counts: readonly number[]): number[] => {
    const bins = [0];
    counts.forEach((count, k) => {
      if (k > 0 && cuts.has(edges[k - 1]!)) bins.push(0);
      bins[bins.length - 1]! += count;
    });
    return bins;
  };
  return {
    reference: merged(reference.counts),
    live: merged(live.counts),
    recipe: inner.length > 0 ? "reference deciles" : "the only value",
  };
}

/**
 * A bin that would have fewer live rows than this, were nothing changed, is joined with the next: no drift at all reads about
 * (bins − 1) / rows in PSI, so three hundred airports, a bin each, would read 0.6 in windows of 500 rows. So it stays below 1/20.
 */
const EXPECTED_ROWS_MIN = 20;

/** The reference's categories are in order of frequency: frequent ones stand alone, rare ones together, what is none of them apart. */
function categoryBins(reference: CategoricalProfile, live: CategoricalCounts): Pair {
  const before = reference.counts.reduce((sum, count) => sum + count, reference.other);
  const now = live.counts.reduce((sum, count) => sum + count, live.other);
  const bins: { before: number; now: number }[] = [];
  const isFull = (bin: { before: number }): boolean => bin.before * now >= EXPECTED_ROWS_MIN * before;
  let bin = { before: 0, now: 0 };
  reference.counts.forEach((count, k) => {
    bin.before += count;
    bin.now += live.counts[k]!;
    if (!isFull(bin)) return;
    bins.push(bin);
    bin = { before: 0, now: 0 };
  });
  const last = bins.at(-1);
  if (last) Object.assign(last, { before: last.before + bin.before, now: last.now + bin.now });
  else bins.push(bin);
  const recipe = bins.length === reference.counts.length ? "categories" : `categories in ${bins.length} bins`;
  const others = reference.other + live.other > 0;
  if (others) bins.push({ before: reference.other, now: live.other });
  return {
    reference: bins.map((one) => one.before),
    live: bins.map((one) => one.now),
    recipe: others ? `${recipe} and other` : recipe,
  };
}

/** The reference's fine numeric bins; missing values stand apart from distances along a line. Undefined where a side has no number. */
export function fineBins(reference: ColumnProfile, live: ColumnCounts): Pair | undefined {
  if (reference.kind !== "numeric") return undefined;
  const some = (counts: readonly number[]) => counts.some((count) => count > 0);
  if (!some(reference.counts) || !some(live.counts)) return undefined;
  return { reference: reference.counts, live: live.counts, recipe: `${reference.edges.length - 1} fine bins` };
}
