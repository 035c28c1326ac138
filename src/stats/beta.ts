/** The regularised incomplete beta function, to about 1e-13 relative in either tail. */

import { deviance, stirlingError, type Tails } from "./gamma.ts";

const TWO_PI = 6.283185307179586;

/**
 * Γ(a + b + 1) / (Γ(a + 1) Γ(b + 1)) x^a y^b, y = 1 − x: a binomial probability with real counts (Loader 2000). The caller
 * gives y itself, because 1 − x loses it when x is near 1.
 */
export function binomialRaw(a: number, b: number, x: number, y: number): number {
  const n = a + b;
  // a − nx = ay − bx: written so, it is exact when both shares are.
  const difference = a * y - b * x;
  const exponent =
    stirlingError(n) -
    stirlingError(a) -
    stirlingError(b) -
    deviance(a, n * x, difference) -
    deviance(b, n * y, -difference);
  return Math.exp(exponent) * Math.sqrt(n / (TWO_PI * a * b));
}

/** I_x(a, b) and its complement; `y` is 1 − x. a, b > 0. */
export function incompleteBeta(a: number, b: number, x: number, y: number = 1 - x): Tails {
  if (!(a > 0) || !(b > 0) || !(x >= 0) || !(y >= 0)) return { lower: Number.NaN, upper: Number.NaN };
  if (x === 0) return { lower: 0, upper: 1 };
  if (y === 0) return { lower: 1, upper: 0 };
  if (belowMiddle(a, b, x, y)) {
    const lower = Math.min(1, lowerTail(a, b, x, y));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, lowerTail(b, a, y, x));
  return { lower: 1 - upper, upper };
}

/** Which tail is computed: the one below the mean, except where both parameters are small and the series needs x ≤ ½. */
const belowMiddle = (a: number, b: number, x: number, y: number): boolean =>
  Math.min(a, b) < 1 && Math.max(a, b) < 1 ? x <= 0.5 : a * y >= b * x;

function lowerTail(a: number, b: number, x: number, y: number): number {
  // x^a y^b / B(a, b)
  const front = ((a * b) / (a + b)) * binomialRaw(a, b, x, y);
  if (b < 1 && x <= 0.7) return (front / a / y ** b) * betaSeries(a, b, x);
  return front / betaFraction(a, b, x, y);
}

/** 1 + a Σ (1 − b) … (n − b) x^n / (n! (a + n)): positive terms when b < 1 (DLMF 8.17.7 with the first factor apart). */
function betaSeries(a: number, b: number, x: number): number {
  let sum = 1;
  let product = 1;
  for (let n = 1; n < 10_000; n++) {
    product *= ((n - b) / n) * x;
    const term = (a * product) / (a + n);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return sum;
}

/**
 * The continued fraction of DiDonato and Morris (ACM TOMS 18, 1992, algorithm 708, `bfrac`): its terms use both x and y, so
 * that it stays exact for parameters of 1e8, where the classical one cancels.
 */
function betaFraction(a: number, b: number, x: number, y: number): number {
  let value = denominator(a, b, x, y, 0);
  let c = value;
  let d = 0;
  for (let m = 1; m < 1_000_000; m++) {
    const at = a + 2 * m - 1;
    const numerator = (((a + m - 1) * (a + b + m - 1)) / (at * at)) * m * (b - m) * x * x;
    const next = denominator(a, b, x, y, m);
    d = 1 / (next + numerator * d);
    c = next + numerator / c;
    const step = c * d;
    value *= step;
    if (numerator === 0 || Math.abs(step - 1) <= 2.3e-16) break;
  }
  return value;
}

const denominator = (a: number, b: number, x: number, y: number, m: number): number =>
  (m === 0 ? 0 : m + (m * (b - m) * x) / (a + 2 * m - 1)) +
  ((a + m) / (a + 2 * m + 1)) * (a * y - b * x + 1 + m * (1 + y));
