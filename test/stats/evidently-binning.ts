/** Bins for two samples as Evidently 0.7 makes them, so that its published scores can be reproduced. */

export interface BinnedPair {
  reference: number[];
  current: number[];
}

/** More different values than this in the reference, and bins are intervals instead of single values. */
const SINGLE_VALUES_MAX = 20;

/**
 * Numbers (infinities and NaN are dropped first): equal-width bins by Sturges's rule, ceil(log2 n + 1) of them, over both
 * samples together, the last one closed; or one bin a value when the reference has at most 20 values. `wholeNumbers` keeps
 * bins at least 1 wide, as numpy does for integer columns.
 */
export function binNumbers(reference: Float64Array, current: Float64Array, wholeNumbers = false): BinnedPair {
  const r = reference.filter(Number.isFinite);
  const c = current.filter(Number.isFinite);
  if (new Set(r).size <= SINGLE_VALUES_MAX) return binValues([...r], [...c]);
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const values of [r, c])
    for (const value of values) {
      first = Math.min(first, value);
      last = Math.max(last, value);
    }
  const sturges = (last - first) / (Math.log2(r.length + c.length) + 1);
  const bins = Math.ceil((last - first) / (wholeNumbers ? Math.max(1, sturges) : sturges));
  return { reference: histogram(r, first, last, bins), current: histogram(c, first, last, bins) };
}

/** One bin for each different value of either sample, in order of first appearance; null and undefined are dropped. */
export function binValues<T>(reference: readonly T[], current: readonly T[]): BinnedPair {
  const place = new Map<T, number>();
  for (const value of [...reference, ...current])
    if (value !== null && value !== undefined && !place.has(value)) place.set(value, place.size);
  const count = (values: readonly T[]): number[] => {
    const counts = new Array<number>(place.size).fill(0);
    for (const value of values) {
      const k = place.get(value);
      if (k !== undefined) counts[k]! += 1;
    }
    return counts;
  };
  return { reference: count(reference), current: count(current) };
}

function histogram(values: Float64Array, first: number, last: number, bins: number): number[] {
  const step = (last - first) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    let k = Math.min(bins - 1, Math.floor((value - first) / step));
    // The division may land one bin off where a value sits on an edge.
    while (k > 0 && value < first + k * step) k--;
    while (k < bins - 1 && value >= first + (k + 1) * step) k++;
    counts[k]! += 1;
  }
  return counts;
}
