/**
 * Bounds that hold however often one looks: asymptotic confidence sequences (I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy
 * and A. Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", arXiv 2103.06476; the same as the
 * mixture sequential test with a normal mixture, as GrowthBook computes it). Valid for means of many rows, not for dozens.
 */

export interface Estimate {
  /** B − A, or any estimate that is about normal. */
  value: number;
  /** Its squared standard error. */
  variance: number;
  /** Rows of both arms together. */
  n: number;
}

export interface SequentialOptions {
  /** Chance of ever being wrong; 0.05 unless told. */
  alpha?: number;
  /** Rows at which the bounds are tightest. Fixed before the first look, or the promise is void. */
  tunedFor: number;
}

/** ρ² that makes the bound tightest at n rows: (−2 ln α + ln(1 − 2 ln α)) / n. */
const rhoSquared = (alpha: number, n: number): number =>
  (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / n;

/** The two-sided interval at this look: with probability 1 − α the truth is inside at every look. */
export function sequentialInterval(
  { value, variance, n }: Estimate,
  { alpha = 0.05, tunedFor }: SequentialOptions,
): { low: number; high: number } {
  const k = n * rhoSquared(alpha, tunedFor);
  const reach = Math.sqrt(((2 * variance * (k + 1)) / k) * Math.log(Math.sqrt(k + 1) / alpha));
  return { low: value - reach, high: value + reach };
}

/** The lower bound alone, closer than the interval's: for guardrails ("not worse by more than a margin"). */
export function sequentialLowerBound(
  { value, variance, n }: Estimate,
  { alpha = 0.05, tunedFor }: SequentialOptions,
): number {
  const k = n * rhoSquared(2 * alpha, tunedFor);
  return value - Math.sqrt(((2 * variance * (k + 1)) / k) * Math.log(1 + Math.sqrt(k + 1) / (2 * alpha)));
}

/**
 * The p-value at this look of "the truth is 0", two-sided. The one to report is the smallest of all looks so far: it may be
 * compared with α at any time. It is below α exactly where the interval leaves out 0.
 */
export function sequentialP({ value, variance, n }: Estimate, { alpha = 0.05, tunedFor }: SequentialOptions): number {
  const k = n * rhoSquared(alpha, tunedFor);
  const z2 = (value * value) / variance;
  return Math.min(1, Math.sqrt(k + 1) * Math.exp((-k * z2) / (2 * (k + 1))));
}
