/** The standard normal distribution. */

const SQRT_2_PI = 2.5066282746310007;

/** exp(−x²/2) with x split in two, because rounding x² costs x²/2 last bits in the far tail (W. J. Cody 1969). */
function bell(x: number): number {
  const head = Math.trunc(x * 16) / 16;
  return Math.exp(-0.5 * head * head) * Math.exp(-0.5 * (x - head) * (x + head));
}

/** Density at x. */
export const normalPdf = (x: number): number => bell(x) / SQRT_2_PI;

/** Φ(x) − ½ for |x| ≤ 3: φ(x) Σ x^(2k+1) / (1·3·5…), whose terms never cancel (G. Marsaglia, J. Stat. Software 11(4), 2004). */
export function normalCentered(x: number): number {
  let term = x;
  let sum = x;
  for (let odd = 3; odd < 400; odd += 2) {
    term *= (x * x) / odd;
    const next = sum + term;
    if (next === sum) break;
    sum = next;
  }
  return sum * normalPdf(x);
}

/** Upper tail for x ≥ 2 by the continued fraction of Mills' ratio, 1/(x + 1/(x + 2/(x + …))) (DLMF 7.9.1). */
function farTail(x: number): number {
  let fraction = x;
  for (let k = x > 6 ? 40 : Math.ceil(700 / (x * x)) + 20; k > 0; k--) fraction = x + k / fraction;
  return normalPdf(x) / fraction;
}

/** P(X > x). */
export function normalSf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 2) return x > 40 ? 0 : farTail(x);
  if (x < -2) return 1 - normalSf(-x);
  return 0.5 - normalCentered(x);
}

/** P(X ≤ x). */
export const normalCdf = (x: number): number => normalSf(-x);

/**
 * The x with P(X ≤ x) = p. A start from Abramowitz and Stegun 26.2.23 (off by at most 4.5e-4), then Halley's steps, each
 * of which triples the digits.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0 || p === 1) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const tail = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(tail));
  let x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let i = 0; i < 3; i++) {
    // Near the middle the distance from ½ is what is known precisely; in the tails, the tail.
    const error = x < 2 && tail > 0.02 ? normalCentered(x) - (0.5 - tail) : tail - normalSf(x);
    const step = error / normalPdf(x);
    x -= step / (1 + (x * step) / 2);
  }
  return p < 0.5 ? -x : x;
}
