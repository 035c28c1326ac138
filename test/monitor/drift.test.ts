import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Profile } from "../../src/base/profile.ts";
import { countedRows, createCounter, type NumericCounts } from "../../src/monitor/counts.ts";
import { judgeDrift } from "../../src/monitor/drift/verdict.ts";
import { DRIFT_TESTS } from "../../src/spec/types.ts";
import { chiSquareTest, ksPValue } from "../../src/stats/tests.ts";
import { drift, profileOf } from "./helpers.ts";

type Cells = Record<string, readonly unknown[]>;

const countsOf = (profile: Profile, cells: Cells) => {
  const counter = createCounter(profile, Object.keys(profile.columns));
  const counts = counter.empty();
  counter.add(counts, cells, 0, Object.values(cells)[0]!.length);
  return counts;
};
const reference = profileOf({
  n: Array.from({ length: 1000 }, (_, i) => i),
  s: Array.from({ length: 1000 }, (_, i) => (i < 600 ? "a" : "b")),
});
const judge = (spec: Parameters<typeof drift>[0], cells: Cells, profile = reference) =>
  judgeDrift(drift(spec), profile, countsOf(profile, cells));
const evenly = (n: number, from = 0, to = 1000) => Array.from({ length: n }, (_, i) => from + (i * (to - from)) / n);
const texts = (a: number, b: number, other = 0) => [
  ...new Array<string>(a).fill("a"),
  ...new Array<string>(b).fill("b"),
  ...new Array<string>(other).fill("c"),
];

describe("counts", () => {
  test("every cell is counted once, and pieces add up to the whole", () => {
    const cell = fc.oneof(fc.double(), fc.integer({ min: -100, max: 1200 }), fc.constant(null), fc.constant("c"));
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 50 }), fc.nat(), (cells, at) => {
        const counter = createCounter(reference, ["n", "s"]);
        const whole = counter.empty();
        const parts = counter.empty();
        const cut = at % (cells.length + 1);
        counter.add(whole, { n: cells, s: cells }, 0, cells.length);
        counter.add(parts, { n: cells, s: cells }, 0, cut);
        counter.add(parts, { n: cells, s: cells }, cut, cells.length);
        const { sum: wholeSum, ...wholeN } = whole.n as NumericCounts;
        const { sum: partsSum, ...partsN } = parts.n as NumericCounts;
        expect(partsN).toEqual(wholeN);
        expect(partsSum).toBe(wholeSum);
        expect(parts.s).toEqual(whole.s!);
        expect(countedRows(whole.n!)).toBe(cells.length);
        expect(countedRows(whole.s!)).toBe(cells.length);
      }),
    );
  });
  test("an absent column is missing, booleans are counted as they are captured", () => {
    const flags: Profile = {
      rows: 3,
      columns: {
        flag: {
          kind: "categorical",
          type: "boolean",
          nulls: 0,
          distinct: 2,
          categories: ["true", "false"],
          counts: [2, 1],
          other: 0,
        },
      },
    };
    expect(countsOf(flags, { flag: [1, 0, 0, null, true] }).flag).toMatchObject({ counts: [2, 2], nulls: 1, other: 0 });
    expect(countsOf(flags, { else: [1, 2] }).flag).toMatchObject({ counts: [0, 0], nulls: 2 });
  });
});

describe("scores of known windows", () => {
  test("rows like the reference drift by no test", () => {
    for (const name of DRIFT_TESTS) {
      const threshold = name === "ks" || name === "chi_square" ? 0.05 : 0.01;
      const verdict = judge({ test: name, threshold }, { n: evenly(500), s: texts(300, 200) });
      expect(verdict).toMatchObject({ fired: false, drifted: [] });
      expect(verdict.columns.length).toBe(2);
    }
  });
  test("a column that was constant drifts when another value comes, whatever the test", () => {
    const constant = profileOf({ n: new Array<number>(1000).fill(1) });
    for (const test of DRIFT_TESTS) {
      const spec = { test, threshold: 0.05 };
      for (const value of [0, 2])
        expect(judge(spec, { n: new Array<number>(200).fill(value) }, constant)).toMatchObject({ fired: true });
      expect(judge(spec, { n: new Array<number>(200).fill(1) }, constant)).toMatchObject({ fired: false });
    }
  });
  test("PSI on ten deciles, computed by hand", () => {
    // All of the upper half gone: five deciles hold 0.2 instead of 0.1, five hold 0, read as 0.0001.
    const { columns } = judge({}, { n: evenly(500, 0, 500), s: texts(300, 200) });
    const byHand = 5 * (0.1 - 0.2) * Math.log(0.1 / 0.2) + 5 * (0.1 - 0.0001) * Math.log(0.1 / 0.0001);
    expect(columns[0]).toMatchObject({ column: "n", test: "psi", recipe: "reference deciles", drifted: true });
    expect(columns[0]!.score).toBeCloseTo(byHand, 10);
    expect(columns[1]).toMatchObject({ column: "s", drifted: false, score: 0 });
  });
  test("Kolmogorov-Smirnov and Wasserstein of a shift", () => {
    const shifted = { n: evenly(500, 250, 1250), s: texts(300, 200) };
    const ks = judge({ test: "ks", threshold: 0.05 }, shifted).columns.find((c) => c.column === "n")!;
    expect(ks.score).toBeCloseTo(0.25, 2);
    expect(ks.p).toBe(ksPValue(ks.score, 1000, 500));
    expect(ks.drifted).toBe(true);
    const w = judge({ test: "wasserstein", threshold: 0.1 }, shifted).columns.find((c) => c.column === "n")!;
    expect(w.score).toBeCloseTo(250 / Math.sqrt((1000 ** 2 - 1) / 12), 1);
    expect(w.unseen).toBeCloseTo(0.25, 2);
  });
  test("chi-square of categories, and where other tests do not apply", () => {
    const cells = { n: evenly(500), s: texts(200, 300) };
    const { p, statistic } = chiSquareTest([200, 300], [600, 400]);
    const chi = judge({ test: "chi_square", threshold: 0.05 }, cells).columns[0]!;
    expect(chi).toMatchObject({ column: "s", test: "chi_square", recipe: "categories", drifted: true, p });
    expect(chi.score).toBeCloseTo(statistic, 10);
    expect(judge({ test: "ks", threshold: 0.05 }, cells).columns[0]).toMatchObject({ column: "s", test: "chi_square" });
    expect(judge({ test: "wasserstein", threshold: 0.1 }, cells).columns[0]).toMatchObject({ test: "jensen_shannon" });
  });
  test("values that training never saw, and values that went missing, are drift", () => {
    const fresh = judge({}, { n: evenly(500), s: texts(200, 100, 200) });
    expect(fresh.columns[0]).toMatchObject({
      column: "s",
      recipe: "categories and other",
      unseen: 0.4,
      drifted: true,
    });
    const gone = judge({}, { n: evenly(500).map((v, i) => (i % 2 ? null : v)), s: texts(300, 200) });
    expect(gone.columns[0]).toMatchObject({ column: "n", missing: 0.5, missingBefore: 0, drifted: true });
    for (const test of DRIFT_TESTS)
      expect(judge({ test, threshold: 0.3 }, { n: new Array(500).fill(null), s: texts(300, 200) }).drifted).toEqual([
        "n",
      ]);
  });
});

describe("many categories in small windows", () => {
  const names = Array.from({ length: 300 }, (_, i) => `airport ${i}`);
  const airports = profileOf({ s: Array.from({ length: 30_000 }, (_, i) => names[i % 300]!) });
  const window = (rows: number, often = 0) =>
    Array.from({ length: rows }, (_, i) => (i < often ? "airport 7" : names[(i * 7919) % 300]!));
  const scoreOf = (cells: readonly string[]) => judge({}, { s: cells }, airports).columns[0]!;
  test("are no drift by chance", () => {
    const sample = fc.array(fc.constantFrom(...names), { minLength: 200, maxLength: 2000, size: "max" });
    fc.assert(
      fc.property(sample, (cells) => expect(scoreOf(cells).score).toBeLessThan(0.2)),
      { numRuns: 40 },
    );
    expect(scoreOf(window(500)).recipe).toBe("categories in 25 bins");
    expect(scoreOf(window(6000)).recipe).toBe("categories");
  });
  test("but one that takes over is, known or new", () => {
    for (const rows of [500, 6000]) {
      expect(scoreOf(window(rows, rows * 0.2)).drifted).toBe(true);
      expect(scoreOf(window(rows).map((name, i) => (i % 10 === 0 ? "new" : name))).drifted).toBe(true);
    }
  });
});

test("the rule counts columns; the reason names the worst", () => {
  const cells = { n: evenly(500, 0, 300), s: texts(300, 200) };
  expect(judge({ minColumns: 1 }, cells)).toMatchObject({ fired: true, drifted: ["n"] });
  const two = judge({ minColumns: 2 }, cells);
  expect(two).toMatchObject({ fired: false, drifted: ["n"] });
  expect(two.reason).toMatch(/^no drift: 1 of 2 columns above 0\.2 \(n psi \d\.\d+, s psi 0\.0+\)$/);
  expect(judgeDrift(drift(), reference, {}).reason).toBe("no column could be compared");
});
