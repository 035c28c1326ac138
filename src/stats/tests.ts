/**
 * Hypothesis tests on counts and moments, held to SciPy's and statsmodels' values. Formulas: any textbook; sources are named
 * where authors differ. All of them are what stats/ offers: drift uses two, comparing versions by their outcomes the others.
 */

import { chiSquareSf, normalQuantile, normalSf, studentQuantile, studentSf } from "./distributions.ts";

export { type KsResult, ksPValue, ksTest } from "./ks.ts";

export interface ChiSquareResult {
  statistic: number;
  df: number;
  p: number;
}

/**
 * Pearson's goodness of fit: Σ (o − e)²/e with `categories − 1` degrees of freedom, as SciPy's `chisquare`. The expected
 * weights are scaled to the observed total. A category that was seen but has no weight makes p 0; one with neither is left out.
 */
export function chiSquareTest(observed: ArrayLike<number>, weights: ArrayLike<number>): ChiSquareResult {
  const scale = total(observed) / total(weights);
  let statistic = 0;
  let df = -1;
  for (let i = 0; i < observed.length; i++) {
    const expected = weights[i]! * scale;
    if (expected === 0 && observed[i] === 0) continue;
    df++;
    statistic += (observed[i]! - expected) ** 2 / expected;
  }
  return { statistic, df, p: df < 1 ? 1 : chiSquareSf(statistic, df) };
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** What a test on means needs of a sample: size, mean, and variance with n − 1. */
export interface Moments {
  n: number;
  mean: number;
  variance: number;
}

export interface Comparison {
  /** b − a. */
  difference: number;
  statistic: number;
  /** Two-sided. */
  p: number;
  /** Confidence interval of the difference. */
  low: number;
  high: number;
}

/** Welch's t test of two means with unequal variances (B. L. Welch 1947); the interval is the t interval at `confidence`. */
export function welchTest(a: Moments, b: Moments, confidence = 0.95): Comparison & { df: number } {
  const partA = a.variance / a.n;
  const partB = b.variance / b.n;
  const error = Math.sqrt(partA + partB);
  const df = (partA + partB) ** 2 / (partA ** 2 / (a.n - 1) + partB ** 2 / (b.n - 1));
  const difference = b.mean - a.mean;
  const statistic = difference / error;
  const reach = -studentQuantile((1 - confidence) / 2, df) * error;
  return {
    difference,
    statistic,
    df,
    p: 2 * studentSf(Math.abs(statistic), df),
    low: difference - reach,
    high: difference + reach,
  };
}

export interface Proportion {
  hits: number;
  n: number;
}

/**
 * Two proportions: pooled z for the p-value; Newcombe's hybrid of Wilson intervals (R. G. Newcombe, Statistics in Medicine
 * 17, 1998, method 10) for the difference b − a. With no hits at all, or nothing but hits, p is 1.
 */
export function twoProportions(a: Proportion, b: Proportion, confidence = 0.95): Comparison {
  const shareA = a.hits / a.n;
  const shareB = b.hits / b.n;
  const pooled = (a.hits + b.hits) / (a.n + b.n);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.n + 1 / b.n));
  const difference = shareB - shareA;
  const statistic = error === 0 ? 0 : difference / error;
  const wilsonA = wilsonInterval(a, confidence);
  const wilsonB = wilsonInterval(b, confidence);
  return {
    difference,
    statistic,
    p: 2 * normalSf(Math.abs(statistic)),
    low: difference - Math.hypot(shareB - wilsonB.low, wilsonA.high - shareA),
    high: difference + Math.hypot(wilsonB.high - shareB, shareA - wilsonA.low),
  };
}

/** Wilson's score interval of one proportion (E. B. Wilson 1927). */
export function wilsonInterval({ hits, n }: Proportion, confidence = 0.95): { low: number; high: number } {
  const z = -normalQuantile((1 - confidence) / 2);
  const share = hits / n;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const reach = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return { low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) };
}
