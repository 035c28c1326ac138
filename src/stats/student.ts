/** Student's t distribution for any df > 0, whole or not. */

import { binomialRaw, incompleteBeta } from "./beta.ts";
import type { Tails } from "./gamma.ts";
import { solveIncreasing } from "./invert.ts";
import { normalCentered, normalQuantile, normalSf } from "./normal.ts";

/** From here on Hill's normal form is closer than the continued fraction, whose rounding grows with df. */
const MANY_DF = 1e5;

/** P(|T| ≤ t) and P(|T| > t) for t ≥ 0. */
function twoSided(t: number, df: number): Tails {
  if (df >= MANY_DF) {
    const z = normalEquivalent(t, df);
    return z < 1 ? both(2 * normalCentered(z)) : { lower: 1 - 2 * normalSf(z), upper: 2 * normalSf(z) };
  }
  const { x, y } = shares(t, df);
  return incompleteBeta(0.5, df / 2, y, x);
}

const both = (lower: number): Tails => ({ lower, upper: 1 - lower });

/** t²/(df + t²) and its complement, neither by subtraction. */
function shares(t: number, df: number): { x: number; y: number } {
  const ratio = (t / df) * t;
  return ratio === Number.POSITIVE_INFINITY ? { x: 0, y: 1 } : { x: 1 / (1 + ratio), y: ratio / (1 + ratio) };
}

/** The z whose normal tail equals the t tail (G. W. Hill, "Algorithm 395", CACM 13, 1970); infinite df is the normal itself. */
function normalEquivalent(t: number, df: number): number {
  if (df === Number.POSITIVE_INFINITY) return t;
  const a = df - 0.5;
  const b = 48 * a * a;
  const y = a * Math.log1p((t / df) * t);
  const root = Math.sqrt(y);
  return root * (1 + (y + 3 + (((-0.4 * y - 3.3) * y - 24) * y - 85.5) / (0.8 * y * y + 100 + b)) / b);
}

/** P(X > t). */
export function studentSf(t: number, df: number): number {
  if (!(df > 0) || Number.isNaN(t)) return Number.NaN;
  const tails = twoSided(Math.abs(t), df);
  return t >= 0 ? tails.upper / 2 : 0.5 + tails.lower / 2;
}

/** P(X ≤ t). */
export const studentCdf = (t: number, df: number): number => studentSf(-t, df);

/** The t with P(X ≤ t) = p. */
export function studentQuantile(p: number, df: number): number {
  if (!(p >= 0 && p <= 1) || !(df > 0)) return Number.NaN;
  if (p === 0 || p === 1) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (p === 0.5) return 0;
  const t = Math.exp(logMagnitude(Math.min(p, 1 - p), df));
  return p < 0.5 ? -t : t;
}

/** log t where P(X > t) = tail < ½, on the logarithm of whichever probability is small. */
function logMagnitude(tail: number, df: number): number {
  const inTail = tail < 0.25;
  const target = Math.log(inTail ? 2 * tail : 1 - 2 * tail);
  return solveIncreasing({
    value: (u) => {
      const tails = twoSided(Math.exp(u), df);
      return inTail ? target - Math.log(tails.upper) : Math.log(tails.lower) - target;
    },
    slope: (u) => {
      const tails = twoSided(Math.exp(u), df);
      return (2 * scaledDensity(Math.exp(u), df)) / (inTail ? tails.upper : tails.lower);
    },
    guess: Math.log(Math.max(-normalQuantile(tail), 1e-300)),
    reach: 1,
  });
}

/** t times the density at t. */
function scaledDensity(t: number, df: number): number {
  if (df === Number.POSITIVE_INFINITY) return (t * Math.exp((-t * t) / 2)) / 2.5066282746310007;
  const { x, y } = shares(t, df);
  return (df / 4 / (df / 2 + 0.5)) * binomialRaw(df / 2, 0.5, x, y);
}
