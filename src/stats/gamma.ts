/**
 * The gamma function and the regularised incomplete gamma functions, to about 1e-13 relative.
 *
 * Factorials of large arguments are never formed: Loader's saddle-point form (C. Loader, "Fast and Accurate Computation of
 * Binomial Probabilities", 2000) keeps the error of Stirling's formula and the deviance apart, so that nothing cancels.
 */

const HALF_LOG_2_PI = 0.9189385332046728;
const SQRT_2_PI = 2.5066282746310007;
/** Coefficients of 1/n, 1/n³, … in Stirling's series (DLMF 5.11.1). */
const STIRLING = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
  43867 / 244188,
] as const;

/** Error of Stirling's formula: log n! − (n + ½) log n + n − ½ log 2π, for n > 0. */
export function stirlingError(n: number): number {
  let error = 0;
  let at = n;
  // The series is good to 1e-17 from 12 on; below, δ(n) = δ(n + 1) + (n + ½) log(1 + 1/n) − 1 leads there.
  for (; at < 12; at++) error += (at + 0.5) * Math.log1p(1 / at) - 1;
  const inverseSquare = 1 / (at * at);
  let series = 0;
  for (let i = STIRLING.length - 1; i >= 0; i--) series = series * inverseSquare + STIRLING[i]!;
  return error + series / at;
}

/** Deviance x log(x / m) + m − x, without cancellation when x is near m (Loader's `bd0`); `difference` is x − m, when known better. */
export function deviance(x: number, m: number, difference = x - m): number {
  if (x === 0) return m;
  if (Math.abs(difference) >= 0.1 * (x + m)) return x * Math.log(x / m) - difference;
  const v = difference / (x + m);
  let sum = difference * v;
  let term = 2 * x * v;
  for (let j = 1; j < 1000; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) return next;
    sum = next;
  }
  return sum;
}

/** log Γ(x) for x > 0. */
export function logGamma(x: number): number {
  if (x <= 0) return Number.NaN;
  // log Γ(x) = log Γ(x + 1) − log x, and Stirling for the former.
  return stirlingError(x) + (x + 0.5) * Math.log(x) - x + HALF_LOG_2_PI - Math.log(x);
}

/** x^a e^−x / Γ(a + 1): the Poisson probability of a at mean x, for real a > 0. */
export const poissonRaw = (a: number, x: number): number =>
  Math.exp(-stirlingError(a) - deviance(a, x)) / (SQRT_2_PI * Math.sqrt(a));

export interface Tails {
  /** Probability below. */
  lower: number;
  /** Probability above; precise also when it is tiny. */
  upper: number;
}

/** Regularised incomplete gamma P(a, x) and Q(a, x), a > 0, x ≥ 0. The smaller of the two is the one computed (DLMF 8.11.4, 8.9.2). */
export function incompleteGamma(a: number, x: number): Tails {
  if (!(a > 0) || !(x >= 0)) return { lower: Number.NaN, upper: Number.NaN };
  if (x === 0) return { lower: 0, upper: 1 };
  if (x === Number.POSITIVE_INFINITY) return { lower: 1, upper: 0 };
  if (x < a + 1) {
    const lower = Math.min(1, poissonRaw(a, x) * gammaSeries(a, x));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, poissonRaw(a, x) * a * gammaFraction(a, x));
  return { lower: 1 - upper, upper };
}

/** Σ x^n / ((a + 1) … (a + n)): all terms positive. */
function gammaSeries(a: number, x: number): number {
  let sum = 1;
  let term = 1;
  for (let n = 1; n < 1e7; n++) {
    term *= x / (a + n);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return sum;
}

/** The continued fraction of Γ(a, x) e^x x^−a by the modified Lentz method. */
function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = Number.MAX_VALUE;
  let d = 1 / b;
  let value = d;
  for (let i = 1; i < 1e7; i++) {
    const numerator = -i * (i - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    const step = c * d;
    value *= step;
    if (numerator === 0 || Math.abs(step - 1) <= 2.3e-16) break;
  }
  return value;
}
