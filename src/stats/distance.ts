/**
 * Distances between distribution functions: Wasserstein-1, the area between them in the column's own unit (SciPy's
 * `wasserstein_distance`), and the largest gap (the Kolmogorov-Smirnov statistic) when only bins are known.
 */

import { shares } from "./divergence.ts";

/** ∫ |F_a − F_b| for two samples of finite numbers; the arrays are not changed. */
export function wasserstein(a: Float64Array, b: Float64Array): number {
  const x = a.slice().sort();
  const y = b.slice().sort();
  let i = 0;
  let j = 0;
  let area = 0;
  let last = Math.min(x[0] ?? Number.NaN, y[0] ?? Number.NaN);
  while (i < x.length || j < y.length) {
    const value = Math.min(x[i] ?? Number.POSITIVE_INFINITY, y[j] ?? Number.POSITIVE_INFINITY);
    area += Math.abs(i / x.length - j / y.length) * (value - last);
    last = value;
    while (x[i] === value) i++;
    while (y[j] === value) j++;
  }
  return Number.isNaN(last) ? Number.NaN : area;
}

/**
 * ∫ |F_r − F_c| from counts over the same bins: `bounds` has one entry more than the counts, ascending and finite.
 * `mass` says where a bin's rows lie: "even" over the bin, or all at its lower bound ("lower"), which is exact when every
 * bin holds one value; the first and the last, where new values land, are even in any case. The error is at most the mass of
 * the fullest bin times its width.
 */
export function binnedWasserstein(
  bounds: ArrayLike<number>,
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  mass: "even" | "lower",
): number {
  const gaps = cumulativeGaps(reference, current);
  const last = gaps.length - 1;
  let area = 0;
  for (let k = 0; k <= last; k++) {
    const width = bounds[k + 1]! - bounds[k]!;
    const isLower = mass === "lower" && k > 0 && k < last;
    const before = isLower ? gaps[k]! : k === 0 ? 0 : gaps[k - 1]!;
    area += width * meanMagnitude(before, gaps[k]!);
  }
  return area;
}

/** The largest |F_r − F_c| at the bounds between bins: never above the statistic of the rows, below by at most a bin's share. */
export function binnedKs(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  return cumulativeGaps(reference, current).reduce((most, gap) => Math.max(most, Math.abs(gap)), 0);
}

/** F_r − F_c at the upper bound of each bin. */
function cumulativeGaps(reference: ArrayLike<number>, current: ArrayLike<number>): Float64Array {
  const r = shares(reference);
  const c = shares(current);
  let gap = 0;
  return r.map((share, k) => {
    gap += share - c[k]!;
    return gap;
  });
}

/** Mean of |g| where g runs straight from one value to another. */
function meanMagnitude(from: number, to: number): number {
  if (from * to >= 0) return (Math.abs(from) + Math.abs(to)) / 2;
  return (from * from + to * to) / (2 * (Math.abs(from) + Math.abs(to)));
}
