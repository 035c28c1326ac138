/** Newton's method kept inside a bracket: the one root finder behind every quantile. */

export interface Increasing {
  /** Value of an increasing function whose root is wanted. */
  value: (x: number) => number;
  /** Its derivative; Newton's step is taken when it stays inside the bracket, else the bracket is halved. */
  slope: (x: number) => number;
  guess: number;
  /** Step by which the bracket is widened around the guess, doubled each time. */
  reach: number;
}

/** The root of an increasing function on the whole line, to the last bits that its values allow. */
export function solveIncreasing({ value, slope, guess, reach }: Increasing): number {
  let { low, high } = bracket(value, guess, reach);
  let x = guess;
  let last = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 200; i++) {
    const at = value(x);
    if (at === 0) return x;
    if (at < 0) low = x;
    else high = x;
    const newton = x - at / slope(x);
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const step = Math.abs(next - x);
    // Steps of a few last bits that no longer shrink are the noise of the function.
    if (step <= 4e-16 * Math.abs(next) || (step <= 1e-13 * Math.abs(next) && step >= last)) return next;
    last = step;
    x = next;
  }
  return x;
}

function bracket(value: (x: number) => number, guess: number, reach: number): { low: number; high: number } {
  let low = guess;
  let high = guess;
  let step = reach;
  while (value(low) > 0 && step < 1e300) {
    low -= step;
    step *= 2;
  }
  step = reach;
  while (value(high) < 0 && step < 1e300) {
    high += step;
    step *= 2;
  }
  return { low, high };
}
