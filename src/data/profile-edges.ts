/** The frozen bins of a numeric profile: where the edges lie, and which of them are the deciles. Pure. */

/** At most this many bins between smallest and largest; a multiple of ten, so that deciles are among the edges. */
export const FINE_BINS = 60;
const DECILES = 10;
const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;

const bits = new DataView(new ArrayBuffer(8));

/** The next larger double. */
export function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return bits.getFloat64(0);
}

/** The next smaller double. */
export const nextDown = (value: number): number => -nextUp(-value);

/** The edge just above the largest value; none above the largest double. */
const edgeAbove = (max: number): number[] => (max === Number.MAX_VALUE ? [] : [nextUp(max)]);

/** Each value its own bin; ascending and different. */
export const edgesOfValues = (values: readonly number[]): number[] =>
  values.length === 0 ? [] : [...values, ...edgeAbove(values.at(-1)!)];

/**
 * Edges at about equal shares, from a sorted sample of a column whose extremes are known: the smallest value, the quantiles
 * between, and just above the largest. Values that many rows share make fewer, wider bins.
 */
export function edgesOfSample(sorted: ArrayLike<number>, min: number, max: number): number[] {
  const edges = [min];
  for (let i = 1; i < FINE_BINS; i++) {
    const edge = sorted[Math.floor((i * sorted.length) / FINE_BINS)];
    if (edge !== undefined && edge > edges.at(-1)! && edge <= max) edges.push(edge);
  }
  return [...edges, ...edgeAbove(max)];
}

/** The edges nearest to each tenth of the rows; the outermost edges when all rows are in one bin. */
export function decilesOf(edges: readonly number[], counts: readonly number[]): number[] {
  if (edges.length === 0) return [];
  const total = counts.reduce((sum, n) => sum + n, 0);
  // below[i]: rows below edges[i].
  let rows = 0;
  const below = edges.map((_, i) => {
    rows += counts[i]!;
    return rows;
  });
  const chosen = new Set<number>();
  for (let tenth = 1; tenth < DECILES; tenth++) {
    const target = (tenth * total) / DECILES;
    let best = 0;
    for (const [i, n] of below.entries()) if (Math.abs(n - target) < Math.abs(below[best]! - target)) best = i;
    if (below[best]! > 0 && below[best]! < total) chosen.add(best);
  }
  if (chosen.size === 0) return [edges[0]!, edges.at(-1)!];
  return [...chosen].sort((a, b) => a - b).map((i) => edges[i]!);
}

/** The values at the profile's quantiles, by nearest rank, of sorted numbers. */
export function quantilesOf(sorted: ArrayLike<number>): Record<string, number> {
  if (sorted.length === 0) return {};
  return Object.fromEntries(QUANTILES.map((q) => [String(q), sorted[Math.ceil(q * sorted.length) - 1]!]));
}

/** The same of values with counts. */
export function quantilesOfCounts(values: readonly number[], counts: readonly number[]): Record<string, number> {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return {};
  const at = (rank: number): number => {
    let rows = 0;
    for (const [i, n] of counts.entries()) {
      rows += n;
      if (rows >= rank) return values[i]!;
    }
    return values.at(-1)!;
  };
  return Object.fromEntries(QUANTILES.map((q) => [String(q), at(Math.ceil(q * total))]));
}
