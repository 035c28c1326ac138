import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { ColumnSpec } from "../../src/base/columns.ts";
import { binOf, type CategoricalProfile, type NumericProfile } from "../../src/base/profile.ts";
import { openDuck } from "../../src/data/duckdb.ts";
import { profileSource } from "../../src/data/profile.ts";
import { decilesOf, nextDown, nextUp } from "../../src/data/profile-edges.ts";

const duck = await openDuck({ threads: 2 });
afterAll(() => duck.close());

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const V: ColumnSpec[] = [{ name: "v", type: "number", required: false }];
async function profileOf(values: readonly number[]): Promise<NumericProfile> {
  await duck.load("v", V, { rows: values.length, columns: { v: Float64Array.from(values) } });
  return (await profileSource(duck, "SELECT * FROM v")).columns.v as NumericProfile;
}

test("the neighbours of a double", () => {
  expect([nextUp(1), nextUp(0), nextUp(-1), nextDown(1), nextDown(0)]).toEqual([
    1 + Number.EPSILON,
    Number.MIN_VALUE,
    -1 + Number.EPSILON / 2,
    1 - Number.EPSILON / 2,
    -Number.MIN_VALUE,
  ]);
});

test("a table with every kind of column", async () => {
  const scan = `SELECT range AS id, CASE WHEN range % 4 = 0 THEN NULL ELSE range % 3 END AS few, range / 7.0::DOUBLE AS x,
    CASE WHEN range < 600 THEN 'a' WHEN range < 900 THEN 'b' WHEN range < 990 THEN 'c' END AS k, range % 2 = 0 AS b,
    TIMESTAMP '2001-01-01' + INTERVAL (range) HOUR AS t, NULL::DOUBLE AS e, 5 AS c FROM range(1000)`;
  const profile = await profileSource(duck, scan);
  expect(profile.rows).toBe(1000);
  expect(profile.columns.few).toMatchObject({
    kind: "numeric",
    type: "number",
    nulls: 250,
    distinct: 3,
    min: 0,
    max: 2,
    edges: [0, 1, 2, nextUp(2)],
    counts: [0, 250, 250, 250, 0],
    quantiles: { "0.5": 1 },
  });
  expect(profile.columns.k).toEqual({
    kind: "categorical",
    type: "string",
    nulls: 10,
    distinct: 3,
    categories: ["a", "b", "c"],
    counts: [600, 300, 90],
    other: 0,
  });
  expect(profile.columns.b).toEqual({
    kind: "categorical",
    type: "boolean",
    nulls: 0,
    distinct: 2,
    categories: ["false", "true"],
    counts: [500, 500],
    other: 0,
  });
  const t = profile.columns.t as NumericProfile;
  expect([t.type, t.min, t.max]).toEqual(["timestamp", Date.UTC(2001, 0, 1), Date.UTC(2001, 0, 1) + 999 * 3_600_000]);
  expect(profile.columns.e).toEqual({
    kind: "numeric",
    type: "number",
    nulls: 1000,
    distinct: 0,
    mean: null,
    std: null,
    min: null,
    max: null,
    quantiles: {},
    edges: [],
    counts: [0],
    deciles: [],
  });
  const c = profile.columns.c as NumericProfile;
  expect([c.edges, c.counts, c.deciles, c.std]).toEqual([[5, nextUp(5)], [0, 1000, 0], [5, nextUp(5)], 0]);
  expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
  const x = profile.columns.x as NumericProfile;
  expect(x.edges.length).toBe(61);
  expect(x.deciles.length).toBe(9);
  expect(x.quantiles["0.5"]).toBeCloseTo(499 / 7, 9);
});

test("bins hold every number once, and none outside", async () => {
  const number = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double(), fc.constant(Number.NaN));
  await fc.assert(
    fc.asyncProperty(fc.array(number, { maxLength: 300 }), async (values) => {
      const finite = values.filter(Number.isFinite).map((v) => (v === 0 ? 0 : v));
      const profile = await profileOf(values);
      expect(profile.nulls).toBe(values.length - finite.length);
      const expected = new Array<number>(profile.edges.length + 1).fill(0);
      for (const value of finite) expected[binOf(profile.edges, value)]!++;
      expect(profile.counts).toEqual(expected);
      expect(profile.counts[0]).toBe(0);
      if (finite.length > 0 && !finite.includes(Number.MAX_VALUE)) expect(profile.counts.at(-1)).toBe(0);
      expect(profile.edges.every((edge, i) => i === 0 || edge > profile.edges[i - 1]!)).toBe(true);
      expect(profile.deciles.every((edge) => profile.edges.includes(edge))).toBe(true);
      expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("the largest doubles have bins too", async () => {
  for (const values of [
    [Number.MAX_VALUE],
    [-1e308, -1.7e308],
    Array.from({ length: 200 }, (_, i) => Number.MAX_VALUE - i * 1e300),
  ]) {
    const profile = await profileOf(values);
    expect(sum(profile.counts)).toBe(values.length);
    expect(profile.counts.length).toBe(profile.edges.length + 1);
    expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
  }
});

test("a long table is the same profile each time, with fair bins", async () => {
  const scan = "SELECT (hash(range) % 1000000007) / 1e6 AS x, (hash(range) % 700)::VARCHAR AS k FROM range(700000)";
  const profile = await profileSource(duck, scan);
  expect(await profileSource(duck, scan)).toEqual(profile);
  const x = profile.columns.x as NumericProfile;
  expect(sum(x.counts)).toBe(700_000);
  for (const n of x.counts.slice(1, -1)) expect(Math.abs(n / 700_000 - 1 / 60)).toBeLessThan(0.004);
  expect(Math.abs(x.quantiles["0.5"]! - 500)).toBeLessThan(10);
  const k = profile.columns.k as CategoricalProfile;
  expect([k.distinct, k.categories.length, sum(k.counts) + k.other]).toEqual([700, 500, 700_000]);
}, 60_000);

test("a column of identifiers is not counted value by value", async () => {
  const profile = await profileSource(duck, "SELECT 'id' || range AS id FROM range(400000)");
  const id = profile.columns.id as CategoricalProfile;
  expect([id.categories, id.other]).toEqual([[], 400_000]);
  expect(Math.abs(id.distinct / 400_000 - 1)).toBeLessThan(0.1);
});

test("only the columns that are asked for, in that order", async () => {
  const profile = await profileSource(duck, "SELECT 1 AS a, 2 AS b, 3 AS c", { columns: ["c", "a"] });
  expect(Object.keys(profile.columns)).toEqual(["c", "a"]);
  await expect(profileSource(duck, "SELECT 1 AS a", { columns: ["z"] })).rejects.toMatchObject({ code: "DATA_COLUMN" });
});

test("an empty table has a profile", async () => {
  const profile = await profileSource(duck, "SELECT 1 AS a, 'x' AS b WHERE FALSE");
  expect([profile.rows, profile.columns.a!.nulls, profile.columns.b!.distinct]).toEqual([0, 0, 0]);
});

test("deciles are the edges nearest to each tenth", () => {
  expect(decilesOf([0, 1, 2], [0, 900, 100, 0])).toEqual([1]);
  expect(decilesOf([0, 1, 2, 3, 4, 5], [0, 20, 20, 20, 20, 20, 0])).toEqual([1, 2, 3, 4]);
});
