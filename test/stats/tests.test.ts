import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { kolmogorovSf } from "../../src/stats/kolmogorov.ts";
import { chiSquareTest, ksPValue, ksTest, twoProportions, welchTest, wilsonInterval } from "../../src/stats/tests.ts";
import golden from "./golden/tests.json";

function near(what: string, got: number, want: number, tolerance: number): void {
  if (!(Math.abs(got - want) <= tolerance * Math.max(Math.abs(want), 1e-300)))
    throw new Error(`${what}: ${got}, not ${want}`);
}

describe("Kolmogorov-Smirnov, equal to SciPy", () => {
  test("exact p-values of small samples, with ties", () => {
    for (const { a, b, statistic, p } of golden.ks) {
      const got = ksTest(Float64Array.from(a), Float64Array.from(b));
      near("statistic", got.statistic, statistic, 1e-14);
      near(`p of ${a.length} and ${b.length}`, got.p, p, 1e-11);
    }
  });
  test("exact up to 10,000 rows, asymptotic above", () => {
    for (const [n, m, shift, statistic, p] of golden.ks_large as [number, number, number, number, number][]) {
      const a = Float64Array.from({ length: n }, (_, i) => (i + 0.5) / n);
      const b = Float64Array.from({ length: m }, (_, i) => (i + 0.5) / m + shift);
      const got = ksTest(a, b);
      near(`statistic of ${n} and ${m}`, got.statistic, statistic, 1e-10);
      near(`p of ${n} and ${m}`, got.p, p, 1e-8);
    }
  });
  test("the one-sample distribution", () => {
    for (const [n, d, p] of golden.kstwo as [number, number, number][])
      near(`kstwo(${n}, ${d})`, kolmogorovSf(n, d), p, n > 1_000_000 ? 1e-5 : 1e-8);
  });
  test("nothing to compare is NaN, and equal samples cannot differ", () => {
    expect(ksTest(new Float64Array(), Float64Array.of(1)).p).toBeNaN();
    expect(ksTest(Float64Array.of(1, 2, 2), Float64Array.of(2, 1, 2))).toEqual({ statistic: 0, p: 1 });
    expect(ksPValue(1, 20_000, 20_000)).toBe(0);
    expect(ksPValue(0, 20_000, 20_000)).toBe(1);
  });
  test("symmetric, and order does not matter", () => {
    const sample = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const one = ksTest(Float64Array.from(a), Float64Array.from(b));
        const two = ksTest(Float64Array.from(b).reverse(), Float64Array.from(a).reverse());
        expect(two.statistic).toBeCloseTo(one.statistic, 12);
        expect(two.p).toBeCloseTo(one.p, 12);
        expect(one.p).toBeGreaterThanOrEqual(0);
        expect(one.p).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test("chi-square, equal to SciPy", () => {
  for (const { observed, weights, statistic, p } of golden.chi_square) {
    const got = chiSquareTest(observed, weights);
    near("statistic", got.statistic, statistic, 1e-12);
    near("p", got.p, p, 1e-12);
  }
  expect(chiSquareTest([1, 2], [3, 0]).p).toBe(0);
  expect(chiSquareTest([4, 0], [3, 0])).toEqual({ statistic: 0, df: 0, p: 1 });
});

test("Welch, equal to SciPy and statsmodels", () => {
  const moments = ([n, mean, variance]: number[]) => ({ n: n!, mean: mean!, variance: variance! });
  for (const { a, b, ...want } of golden.welch) {
    const got = welchTest(moments(a), moments(b));
    for (const key of ["statistic", "p", "df", "low", "high"] as const) near(key, got[key], want[key], 1e-11);
  }
});

test("two proportions, equal to statsmodels", () => {
  const proportion = ([hits, n]: number[]) => ({ hits: hits!, n: n! });
  for (const { a, b, wilson, ...want } of golden.proportions) {
    const got = twoProportions(proportion(a), proportion(b));
    for (const key of ["statistic", "p", "low", "high"] as const) near(key, got[key], want[key], 1e-11);
    const interval = wilsonInterval(proportion(a));
    near("wilson low", interval.low + 1, wilson[0]! + 1, 1e-14);
    near("wilson high", interval.high, wilson[1]!, 1e-12);
  }
  // Evidently's golden z-test (60 of 100 against 45 of 100).
  near("z", twoProportions({ hits: 40, n: 100 }, { hits: 55, n: 100 }).p, 0.0336720689, 1e-8);
  expect(twoProportions({ hits: 0, n: 10 }, { hits: 0, n: 20 }).p).toBe(1);
});
