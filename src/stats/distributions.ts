/**
 * Normal, Student t, chi-square and beta distributions: cumulative (`Cdf`), survival (`Sf`, precise in the upper tail) and
 * quantile (`Quantile`, the inverse of `Cdf`). Tests hold them to 1e-12 relative against 50-digit references.
 *
 * Arguments outside a distribution's domain give NaN; nothing throws.
 */

import { binomialRaw, incompleteBeta } from "./beta.ts";
import { incompleteGamma, logGamma, poissonRaw } from "./gamma.ts";
import { solveIncreasing } from "./invert.ts";
import { normalQuantile } from "./normal.ts";

export { normalCdf, normalPdf, normalQuantile, normalSf } from "./normal.ts";
export { studentCdf, studentQuantile, studentSf } from "./student.ts";

/** P(X ≤ x) for chi-square with df > 0. */
export const chiSquareCdf = (x: number, df: number): number => incompleteGamma(df / 2, Math.max(0, x) / 2).lower;

/** P(X > x) for chi-square. */
export const chiSquareSf = (x: number, df: number): number => incompleteGamma(df / 2, Math.max(0, x) / 2).upper;

/** The x with P(X ≤ x) = p for chi-square. */
export function chiSquareQuantile(p: number, df: number): number {
  if (!(p >= 0 && p <= 1) || !(df > 0)) return Number.NaN;
  if (p === 0 || p === 1) return p === 0 ? 0 : Number.POSITIVE_INFINITY;
  const a = df / 2;
  const upper = p > 0.5;
  const target = Math.log(upper ? 1 - p : p);
  const tail = (u: number) => incompleteGamma(a, Math.exp(u))[upper ? "upper" : "lower"];
  const u = solveIncreasing({
    value: (u) => (upper ? target - Math.log(tail(u)) : Math.log(tail(u)) - target),
    slope: (u) => (a * poissonRaw(a, Math.exp(u))) / tail(u),
    guess: chiSquareGuess(p, a),
    reach: 0.5,
  });
  return 2 * Math.exp(u);
}

/** log of half the quantile: Wilson and Hilferty (1931), or the first term of the series where the cube is negative. */
function chiSquareGuess(p: number, a: number): number {
  const cubeRoot = 1 - 1 / (9 * a) + normalQuantile(p) / Math.sqrt(9 * a);
  return cubeRoot > 0.1 ? Math.log(a) + 3 * Math.log(cubeRoot) : (Math.log(p) + logGamma(a + 1)) / a;
}

/** P(X ≤ x) for the beta distribution, a, b > 0. */
export const betaCdf = (x: number, a: number, b: number): number => incompleteBeta(a, b, clamp(x)).lower;

/** P(X > x) for the beta distribution. */
export const betaSf = (x: number, a: number, b: number): number => incompleteBeta(a, b, clamp(x)).upper;

const clamp = (x: number): number => Math.min(1, Math.max(0, x));

/** The x with P(X ≤ x) = p for the beta distribution. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1) || !(a > 0) || !(b > 0)) return Number.NaN;
  if (p === 0 || p === 1) return p;
  const mean = a / (a + b);
  // Above the mean the distance from 1 is what can be found precisely.
  return p <= betaCdf(mean, a, b) ? lowerBetaQuantile(p, a, b) : 1 - lowerBetaQuantile(1 - p, b, a);
}

/** The quantile at or below the mean, found as log x from the log of the probability. */
function lowerBetaQuantile(p: number, a: number, b: number): number {
  const target = Math.log(p);
  const u = solveIncreasing({
    value: (u) => (u >= 0 ? -target : Math.log(betaCdf(Math.exp(u), a, b)) - target),
    slope: (u) => {
      const x = Math.exp(u);
      return (((a * b) / (a + b)) * binomialRaw(a, b, x, 1 - x)) / (1 - x) / betaCdf(x, a, b);
    },
    // F(x) ≈ F(mean) (x / mean)^a near zero.
    guess: Math.log(a / (a + b)) + Math.min(0, (target - Math.log(betaCdf(a / (a + b), a, b))) / a),
    reach: 0.5,
  });
  return Math.exp(u);
}
