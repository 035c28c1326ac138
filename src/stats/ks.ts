/** Kolmogorov and Smirnov's two-sample test, two-sided, as SciPy's `ks_2samp` with `method="auto"`. */

import { kolmogorovSf } from "./kolmogorov.ts";

export interface KsResult {
  /** Largest distance between the two empirical distribution functions. */
  statistic: number;
  p: number;
}

/** Up to this size of the larger sample the p-value is exact. */
const EXACT_MAX = 10_000;

/** The test on two samples of finite numbers; the arrays are not changed. NaN when either is empty. */
export function ksTest(a: Float64Array, b: Float64Array): KsResult {
  const statistic = ksStatistic(a.slice().sort(), b.slice().sort());
  return { statistic, p: ksPValue(statistic, a.length, b.length) };
}

function ksStatistic(a: Float64Array, b: Float64Array): number {
  if (a.length === 0 || b.length === 0) return Number.NaN;
  let i = 0;
  let j = 0;
  let largest = 0;
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! === value) i++;
    while (j < b.length && b[j]! === value) j++;
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length));
  }
  return largest;
}

/** P(statistic ≥ d) when both samples come from one continuous distribution. */
export function ksPValue(d: number, sizeA: number, sizeB: number): number {
  if (Number.isNaN(d) || sizeA === 0 || sizeB === 0) return Number.NaN;
  const larger = Math.max(sizeA, sizeB);
  const smaller = Math.min(sizeA, sizeB);
  if (larger > EXACT_MAX) return kolmogorovSf(Math.round((larger * smaller) / (larger + smaller)), d);
  const divisor = gcd(larger, smaller);
  const steps = Math.round(d * (larger / divisor) * smaller);
  if (steps === 0) return 1;
  return larger === smaller ? equalSizes(larger, steps) : outsideShare(larger, smaller, steps * divisor);
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** 2 (C(2n, n−h) − C(2n, n−2h) + …) / C(2n, n), nested so that nothing cancels (Gnedenko and Korolyuk 1951). */
function equalSizes(n: number, h: number): number {
  let p = 0;
  for (let k = Math.floor(n / h); k >= 0; k--) {
    let factor = 1;
    for (let j = 0; j < h; j++) factor *= (n - k * h - j) / (n + k * h + j + 1);
    p = factor * (1 - p);
  }
  return Math.min(1, 2 * p);
}

/**
 * Share of the lattice paths from (0, 0) to (m, n) that touch |x n − y m| ≥ reach, by the recursion of T. Viehmann,
 * "Numerically more stable computation of the p-values for the two-sample Kolmogorov-Smirnov test", arXiv 2102.08037: a
 * path's last step comes from the left with probability x/(x + y). Only cells inside the band are visited.
 */
function outsideShare(m: number, n: number, reach: number): number {
  // share[y]: of the paths to (x, y). Cells outside the band hold 1.
  const share = new Float64Array(n + 1).fill(1);
  let from = 0;
  for (let x = 0; x <= m; x++) {
    // Inside: x n − reach < y m < x n + reach.
    const low = Math.max(0, Math.floor((x * n - reach) / m) + 1);
    const high = Math.min(n, Math.ceil((x * n + reach) / m) - 1);
    for (; from < low; from++) share[from] = 1;
    for (let y = low; y <= high; y++) {
      if (x === 0 && y === 0) share[0] = 0;
      else share[y] = ((x === 0 ? 0 : x * share[y]!) + (y === 0 ? 0 : y * share[y - 1]!)) / (x + y);
    }
  }
  return share[n]!;
}
