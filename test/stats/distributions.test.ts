import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as d from "../../src/stats/distributions.ts";
import golden from "./golden/distributions.json";

const TOLERANCE = 1e-12;
const relative = (got: number, want: number): number => (got === want ? 0 : Math.abs(got - want) / Math.abs(want));

/** A quantile can only be as good as its probability: rounding p moves x by p/(x f(x)) last bits. */
const wellPosed = (lower: number, upper: number): boolean => Math.min(lower, upper) > 1e-280 && upper > 0.1;

describe("references to 50 digits, both tails", () => {
  const cases: [string, number[][], (x: number[]) => [number, number]][] = [
    ["normal", golden.normal, ([x]) => [d.normalCdf(x!), d.normalSf(x!)]],
    ["student", golden.student, ([x, v]) => [d.studentCdf(x!, v!), d.studentSf(x!, v!)]],
    ["student mirrored", golden.student, ([x, v]) => [d.studentSf(-x!, v!), d.studentCdf(-x!, v!)]],
    ["chi-square", golden.chi_square, ([x, v]) => [d.chiSquareCdf(x!, v!), d.chiSquareSf(x!, v!)]],
    ["beta", golden.beta, ([x, a, b]) => [d.betaCdf(x!, a!, b!), d.betaSf(x!, a!, b!)]],
  ];
  for (const [name, rows, tails] of cases) {
    test(`${name}: ${rows.length} points`, () => {
      expect(rows.length).toBeGreaterThan(20);
      for (const row of rows) {
        const [lower, upper] = tails(row);
        const worst = Math.max(relative(lower, row.at(-2)!), relative(upper, row.at(-1)!));
        if (worst > TOLERANCE) throw new Error(`${name}(${row.slice(0, -2)}) is off by ${worst}`);
      }
    });
  }
  test("quantiles give the points back", () => {
    const quantile = (name: string, got: number, want: number, about: number[]) => {
      const off = relative(got, want);
      if (off > TOLERANCE) throw new Error(`${name} quantile at ${about} is off by ${off}`);
    };
    for (const [x, low, up] of golden.normal as [number, number, number][])
      if (wellPosed(low, up) && x < -0.1) quantile("normal", d.normalQuantile(low), x, [x]);
    for (const [t, v, low, up] of golden.student as [number, number, number, number][])
      if (t > 0.1 && up > 1e-280) quantile("student", d.studentQuantile(up, v), -t, [t, v, low]);
    for (const [x, v, low, up] of golden.chi_square as [number, number, number, number][])
      if (wellPosed(low, up)) quantile("chi-square", d.chiSquareQuantile(low, v), x, [x, v]);
    for (const [x, a, b, low, up] of golden.beta as [number, number, number, number, number][])
      if (wellPosed(low, up)) quantile("beta", d.betaQuantile(low, a, b), x, [x, a, b]);
  });
});

test("values of printed tables", () => {
  // Normal and t of any textbook's table; chi-square 3.841459 and 124.342 (df 100, 5 %).
  expect(d.normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
  expect(d.studentQuantile(0.975, 1)).toBeCloseTo(12.706204736174703, 11);
  expect(d.chiSquareQuantile(0.95, 1)).toBeCloseTo(3.841458820694124, 12);
  expect(d.chiSquareQuantile(0.95, 100)).toBeCloseTo(124.34211340400407, 10);
  expect(d.betaCdf(0.5, 1, 1)).toBeCloseTo(0.5, 15);
  expect(d.normalPdf(0)).toBeCloseTo(0.3989422804014327, 15);
});

test("ends and domains", () => {
  expect(d.normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
  expect(d.normalQuantile(0.5)).toBeCloseTo(0, 15);
  expect(d.normalSf(Number.POSITIVE_INFINITY)).toBe(0);
  expect(d.studentQuantile(0.5, 3)).toBe(0);
  expect(d.studentQuantile(1, 3)).toBe(Number.POSITIVE_INFINITY);
  expect(d.studentCdf(Number.NEGATIVE_INFINITY, 3)).toBe(0);
  expect(d.studentSf(1.5, Number.POSITIVE_INFINITY)).toBe(d.normalSf(1.5));
  expect(d.chiSquareCdf(-1, 3)).toBe(0);
  expect(d.chiSquareSf(Number.POSITIVE_INFINITY, 3)).toBe(0);
  expect(d.chiSquareQuantile(0, 3)).toBe(0);
  expect(d.betaQuantile(1, 2, 3)).toBe(1);
  expect(d.betaSf(1.5, 2, 3)).toBe(0);
  for (const value of [
    d.normalCdf(Number.NaN),
    d.normalQuantile(1.5),
    d.studentCdf(0, 0),
    d.studentQuantile(-1, 3),
    d.chiSquareCdf(1, 0),
    d.chiSquareQuantile(2, 3),
    d.betaCdf(0.5, 0, 1),
    d.betaQuantile(0.5, 1, -1),
  ])
    expect(value).toBeNaN();
});

describe("for any parameters", () => {
  const probability = fc.double({ min: 1e-200, max: 0.9, noNaN: true });
  const positive = fc.double({ min: 0.2, max: 5000, noNaN: true });
  const inverse = (name: string, p: number, back: number) => {
    // One last bit of x is up to a few thousand last bits of p with parameters of 5000.
    if (relative(back, p) > 1e-10) throw new Error(`${name}: cdf(quantile(${p})) = ${back}`);
  };
  test("cdf(quantile(p)) is p", () => {
    fc.assert(
      fc.property(probability, positive, positive, (p, a, b) => {
        inverse("normal", p, d.normalCdf(d.normalQuantile(p)));
        const t = d.studentQuantile(p, a);
        if (t > -1e150) inverse("student", p, d.studentCdf(t, a));
        const chi = d.chiSquareQuantile(p, a);
        if (chi > 1e-300) inverse("chi-square", p, d.chiSquareCdf(chi, a));
        const beta = d.betaQuantile(p, a, b);
        // Near 1 the nearest double to the quantile is too coarse to give p back.
        if (beta > 1e-300 && beta < 0.99) inverse("beta", p, d.betaCdf(beta, a, b));
      }),
      { numRuns: 300 },
    );
  });
  test("cdf and sf sum to 1, and cdf never falls", () => {
    const x = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(x, x, positive, positive, (one, two, a, b) => {
        const [low, high] = one < two ? [one, two] : [two, one];
        const all: [(x: number) => number, (x: number) => number][] = [
          [d.normalCdf, d.normalSf],
          [(v) => d.studentCdf(v, a), (v) => d.studentSf(v, a)],
          [(v) => d.chiSquareCdf(v, a), (v) => d.chiSquareSf(v, a)],
          [(v) => d.betaCdf(v / 60 + 0.5, a, b), (v) => d.betaSf(v / 60 + 0.5, a, b)],
        ];
        for (const [cdf, sf] of all) {
          expect(cdf(low) + sf(low)).toBeCloseTo(1, 12);
          expect(cdf(high)).toBeGreaterThanOrEqual(cdf(low) * (1 - 1e-12));
        }
      }),
    );
  });
});
