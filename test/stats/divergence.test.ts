import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { binnedKs, binnedWasserstein, wasserstein } from "../../src/stats/distance.ts";
import { jensenShannon, kl, psi } from "../../src/stats/divergence.ts";
import { chiSquareTest, ksTest } from "../../src/stats/tests.ts";
import { binNumbers, binValues } from "./evidently-binning.ts";
import golden from "./golden/tests.json";

describe("Evidently 0.7's published values", () => {
  const range = (from: number) => Float64Array.from({ length: 100 }, (_, i) => from + i);
  test("numbers 0 to 99 against 20 to 119", () => {
    const { reference, current } = binNumbers(range(0), range(20));
    expect(psi(reference, current)).toBeCloseTo(2.1012195639, 10);
    expect(kl(reference, current)).toBeCloseTo(1.0505047315, 10);
    expect(jensenShannon(reference, current)).toBeCloseTo(0.3258538224, 10);
    const populationStd = Math.sqrt((100 ** 2 - 1) / 12);
    expect(wasserstein(range(0), range(20)) / populationStd).toBeCloseTo(0.6928549666, 10);
    expect(ksTest(range(0), range(20)).p).toBeCloseTo(0.0363842879, 10);
  });
  test("text", () => {
    const { reference, current } = binValues([..."aaaaabbbcc"], [..."aaabbbbccd"]);
    expect(psi(reference, current)).toBeCloseTo(0.8210180844, 10);
    expect(kl(reference, current)).toBeCloseTo(0.1683005796, 10);
    expect(jensenShannon(reference, current)).toBeCloseTo(0.2255540125, 10);
    expect(chiSquareTest(current, reference).p).toBe(0);
  });
});

test("SciPy's values", () => {
  for (const { reference, current, jensen_shannon, entropy } of golden.pairs) {
    expect(jensenShannon(reference, current)).toBeCloseTo(jensen_shannon, 14);
    if (entropy !== null && current.every((c) => c > 0)) expect(kl(reference, current)).toBeCloseTo(entropy, 4);
  }
  for (const { a, b, wasserstein: want } of golden.ks)
    expect(wasserstein(Float64Array.from(a), Float64Array.from(b))).toBeCloseTo(want, 12);
});

describe("bins", () => {
  test("few values get a bin each, missing ones none", () => {
    expect(binValues(["x", null, "y"], ["y", "z", null])).toEqual({ reference: [1, 1, 0], current: [0, 1, 1] });
    const { reference, current } = binNumbers(Float64Array.of(1, 1, Number.NaN), Float64Array.of(2, Infinity));
    expect([reference, current]).toEqual([
      [2, 0],
      [0, 1],
    ]);
  });
  test("whole numbers are never split", () => {
    const values = Float64Array.from({ length: 25 }, (_, i) => i % 22);
    expect(binNumbers(values, values, true).reference.length).toBeLessThanOrEqual(21);
    expect(binNumbers(values, values).reference.length).toBe(7);
  });
  test("every finite value is counted once", () => {
    const value = fc.oneof(fc.double({ noNaN: false }), fc.integer({ min: -50, max: 50 }));
    const sample = fc.array(value, { minLength: 1, maxLength: 60 }).map((v) => Float64Array.from(v));
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        // Widths beyond the range of a double are not a case that data has.
        fc.pre([...a, ...b].every((v) => !Number.isFinite(v) || Math.abs(v) < 1e150));
        const bins = binNumbers(a, b);
        const sum = (counts: number[]) => counts.reduce((x, y) => x + y, 0);
        expect(sum(bins.reference)).toBe(a.filter(Number.isFinite).length);
        expect(sum(bins.current)).toBe(b.filter(Number.isFinite).length);
      }),
    );
  });
});

describe("for any counts", () => {
  const counts = (length: number) =>
    fc.array(fc.nat(1000), { minLength: length, maxLength: length }).filter((c) => c.some((n) => n > 0));
  const pair = fc.integer({ min: 2, max: 12 }).chain((n) => fc.tuple(counts(n), counts(n)));

  test("zero for equal shares, never negative, growing with scale in nothing", () => {
    fc.assert(
      fc.property(pair, ([r, c]) => {
        const doubled = r.map((n) => n * 2);
        for (const score of [psi, kl, jensenShannon, binnedKs]) {
          expect(score(r, doubled)).toBeCloseTo(0, 7);
          expect(score(r, c)).toBeGreaterThanOrEqual(0);
          expect(score(r, c)).toBeCloseTo(score(doubled, c), 9);
        }
      }),
    );
  });
  test("PSI, Jensen-Shannon, the largest gap and Wasserstein are symmetric", () => {
    fc.assert(
      fc.property(pair, ([r, c]) => {
        const bounds = Array.from({ length: r.length + 1 }, (_, i) => i * i);
        const area = (a: number[], b: number[]) => binnedWasserstein(bounds, a, b, "even");
        for (const score of [psi, jensenShannon, binnedKs, area]) expect(score(r, c)).toBeCloseTo(score(c, r), 9);
        expect(jensenShannon(r, c)).toBeLessThanOrEqual(Math.sqrt(Math.LN2) + 1e-12);
      }),
    );
  });
  test("binned distances equal those of the rows when each bin holds one value", () => {
    fc.assert(
      fc.property(pair, ([r, c]) => {
        const rows = (n: number[]) => Float64Array.from(n.flatMap((count, k) => new Array<number>(count).fill(k * 3)));
        const bounds = Array.from({ length: r.length + 3 }, (_, k) => (k - 1) * 3);
        expect(binnedWasserstein(bounds, [0, ...r, 0], [0, ...c, 0], "lower")).toBeCloseTo(
          wasserstein(rows(r), rows(c)),
          9,
        );
        expect(binnedKs(r, c)).toBeCloseTo(ksTest(rows(r), rows(c)).statistic, 12);
      }),
      { numRuns: 30 },
    );
  });
});

test("values beyond the outermost bins have a distance, also where each other bin holds one value", () => {
  // All at 1 against all spread from 2 to 12: 1 + 10 / 2 beyond.
  expect(binnedWasserstein([1, 1, 2, 12], [0, 5, 0], [0, 0, 5], "lower")).toBeCloseTo(6, 12);
  expect(binnedWasserstein([-9, 1, 2, 2], [0, 5, 0], [5, 0, 0], "lower")).toBeCloseTo(5, 12);
});

test("even mass inside a bin gives the area between two slopes", () => {
  // All in the first of two unit bins against all in the second: the functions are one unit apart for a unit.
  expect(binnedWasserstein([0, 1, 2], [1, 0], [0, 1], "even")).toBeCloseTo(1, 15);
  // Half each against all in the first: F differs by 0 → ½ → 0, a triangle of height ½ over two units.
  expect(binnedWasserstein([0, 1, 2], [1, 1], [1, 0], "even")).toBeCloseTo(0.5, 15);
  expect(wasserstein(new Float64Array(), Float64Array.of(1))).toBeNaN();
});
