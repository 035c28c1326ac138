import { expect, test } from "bun:test";
import fc from "fast-check";
import { normalQuantile } from "../../src/stats/distributions.ts";
import { sequentialInterval, sequentialLowerBound, sequentialP } from "../../src/stats/sequential.ts";

/** Numbers from −½ to ½ from a seed (mulberry32): the same rows on every run. */
function centredUniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  };
}

const estimate = fc.record({
  value: fc.double({ min: -5, max: 5, noNaN: true }),
  variance: fc.double({ min: 1e-6, max: 4, noNaN: true }),
  n: fc.integer({ min: 1, max: 1_000_000 }),
});
const options = fc.record({
  alpha: fc.double({ min: 0.001, max: 0.2, noNaN: true }),
  tunedFor: fc.integer({ min: 100, max: 100_000 }),
});

test("the p-value is below alpha exactly where the interval leaves out 0", () => {
  fc.assert(
    fc.property(estimate, options, (seen, given) => {
      const { low, high } = sequentialInterval(seen, given);
      const p = sequentialP(seen, given);
      // On the very border the last bits decide.
      fc.pre(Math.abs(p - given.alpha) > 1e-9);
      expect(p < given.alpha).toBe(low > 0 || high < 0);
    }),
  );
});

test("looking always costs: wider than the interval of one look, narrowest at the rows it is tuned for", () => {
  fc.assert(
    fc.property(estimate, options, (seen, given) => {
      const { low } = sequentialInterval(seen, given);
      expect(seen.value - low).toBeGreaterThan(-normalQuantile(given.alpha / 2) * Math.sqrt(seen.variance));
      const tuned = { ...given, tunedFor: seen.n };
      expect(sequentialLowerBound(seen, tuned)).toBeGreaterThan(sequentialInterval(seen, tuned).low);
      // In standard errors at n rows, any other tuning is no better.
      const at = (tunedFor: number) => sequentialInterval(seen, { ...given, tunedFor }).low;
      expect(at(seen.n)).toBeGreaterThanOrEqual(at(seen.n * 3) - 1e-3 * Math.sqrt(seen.variance));
      expect(at(seen.n)).toBeGreaterThanOrEqual(at(seen.n / 3) - 1e-3 * Math.sqrt(seen.variance));
    }),
  );
});

test("by hand: alpha 0.05, tuned for 5000 rows, at 5000 rows", () => {
  // K = 5.9915 + ln 6.9915 = 7.9362; reach = sqrt(2 (K+1)/K ln(sqrt(K+1)/0.05)) = 3.0347 standard errors.
  const seen = { value: 0, variance: 1, n: 5000 };
  const { high } = sequentialInterval(seen, { tunedFor: 5000 });
  const k = 7.936157;
  expect(high).toBeCloseTo(Math.sqrt(((2 * (k + 1)) / k) * Math.log(Math.sqrt(k + 1) / 0.05)), 5);
  expect(high).toBeCloseTo(3.035, 3);
});

test("with no difference, looking after every hundred rows errs in no more than five of a hundred experiments", () => {
  const draw = centredUniforms(42);
  let [wrong, wrongOneSided, wrongNaive] = [0, 0, 0];
  const experiments = 400;
  for (let e = 0; e < experiments; e++) {
    let sum = 0;
    let squares = 0;
    const erred = { two: false, one: false, naive: false };
    for (let n = 1; n <= 5000; n++) {
      const x = draw();
      sum += x;
      squares += x * x;
      if (n % 100 > 0) continue;
      const value = sum / n;
      const seen = { value, variance: (squares / n - value * value) / n, n };
      const { low, high } = sequentialInterval(seen, { tunedFor: 2000 });
      erred.two ||= low > 0 || high < 0;
      erred.one ||= sequentialLowerBound(seen, { tunedFor: 2000 }) > 0;
      erred.naive ||= Math.abs(value) > 1.96 * Math.sqrt(seen.variance);
    }
    wrong += Number(erred.two);
    wrongOneSided += Number(erred.one);
    wrongNaive += Number(erred.naive);
  }
  expect(wrong / experiments).toBeLessThanOrEqual(0.05);
  expect(wrongOneSided / experiments).toBeLessThanOrEqual(0.05);
  // The same looks with the interval of one look err several times as often: the test can tell.
  expect(wrongNaive / experiments).toBeGreaterThan(0.2);
});
