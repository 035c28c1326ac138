/** Names and values against scikit-learn, pandas and NumPy; fixtures/make.py says how the fixtures were made. */

import { describe, expect, test } from "bun:test";
import type { Batch, ColumnSpec } from "../../../src/base/columns.ts";
import { compileFeatures } from "../../../src/data/features/compile.ts";
import { featuresSql } from "../../../src/data/features/features-sql.ts";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import pandas from "./fixtures/pandas.json";
import sklearn from "./fixtures/sklearn.json";
import { frame, testDuck } from "./frames.ts";

const duck = await testDuck();

type Cell = number | string | boolean | null;
const KIND: Record<string, ColumnSpec["type"]> = {
  DOUBLE: "number",
  BIGINT: "number",
  BOOLEAN: "boolean",
  VARCHAR: "string",
};
const types = sklearn.types as Record<string, string>;

/** Loads a frame of the fixture with the types that pandas had. */
async function load(table: string, columns: Record<string, Cell[]>, y?: number[]): Promise<Batch> {
  const entries = Object.entries(columns).map(([name, cells]) => [`${name}:${KIND[types[name]!]}`, cells]);
  const { specs, batch } = frame({ ...Object.fromEntries(entries), ...(y && { "y:number": y }) });
  await duck.load("raw", specs, batch);
  const casts = Object.keys(columns).map((name) => `CAST("${name}" AS ${types[name]}) AS "${name}"`);
  await duck.run(`CREATE OR REPLACE TABLE ${table} AS SELECT ${[...casts, ...(y ? ["y"] : [])].join(", ")} FROM raw`);
  return batch;
}

const train = await load("train", sklearn.train, sklearn.y);
const other = await load("other", sklearn.other);

function expectColumns(found: Batch, names: readonly string[], expected: readonly (readonly Cell[])[]): void {
  for (const [c, name] of names.entries())
    for (const [i, cell] of expected[c]!.entries()) expectCell(found.columns[name]![i]!, cell, `${name}, row ${i}`);
}

function expectCell(found: number | string | null, expected: Cell, where: string): void {
  if (typeof expected === "string") expect(`${where}: ${found}`).toBe(`${where}: ${expected}`);
  else if (expected === null) expect([where, found === null || Number.isNaN(found)]).toEqual([where, true]);
  else {
    const off = Math.abs((found as number) - Number(expected)) / Math.max(1, Math.abs(Number(expected)));
    if (!(off <= 1e-9)) throw new Error(`${where}: ${found} where ${expected} is expected`);
  }
}

describe("scikit-learn", () => {
  for (const [name, fixture] of Object.entries(sklearn.cases))
    test(name, async () => {
      const spec = parseFeatures(JSON.stringify({ target: "y", ...fixture.spec }), "features.yaml");
      const fitted = await fitFeatures(duck, "train", spec);
      expect(fitted.outputs).toEqual(fixture.names);
      const compiled = compileFeatures(JSON.parse(JSON.stringify(fitted)));
      expectColumns(compiled.apply(train), fixture.names, fixture.train);
      expectColumns(compiled.apply(other), fixture.names, fixture.other);
      expectColumns(await duck.batch(featuresSql(fitted, "other")), fixture.names, fixture.other);
    });
});

const rows = frame({
  "t:timestamp": pandas.rows.t,
  "who:string": pandas.rows.who,
  "v:number": pandas.rows.v,
});
const stamps = frame({ "t:timestamp": pandas.functions.t });
const numbers = frame({ "x:number": pandas.functions.x });

describe("pandas and NumPy", () => {
  test("windows", async () => {
    await duck.load("visits", rows.specs, rows.batch);
    const windows = Object.fromEntries(pandas.windows.map(({ window }, i) => [`w${i}`, { entity: "who", ...window }]));
    const yaml = { time: "t", windows, features: { f: Object.keys(windows) }, verbose_feature_names_out: false };
    const fitted = await fitFeatures(duck, "visits", parseFeatures(JSON.stringify(yaml), "features.yaml"));
    const expected = pandas.windows.map(({ values }) => values);
    expectColumns(await duck.batch(featuresSql(fitted, "visits")), fitted.outputs, expected);
    expectColumns(compileFeatures(fitted, { replay: true }).apply(rows.batch), fitted.outputs, expected);
  });

  for (const [table, { specs, batch }, fixture] of [
    ["stamps", stamps, pandas.functions.of_t],
    ["numbers", numbers, pandas.functions.of_x],
  ] as const)
    test(`functions of ${table}`, async () => {
      await duck.load(table, specs, batch);
      const derive = Object.fromEntries(Object.keys(fixture).map((expression, i) => [`d${i}`, expression]));
      const yaml = { derive, features: { f: Object.keys(derive) }, verbose_feature_names_out: false };
      const fitted = await fitFeatures(duck, table, parseFeatures(JSON.stringify(yaml), "features.yaml"));
      const expected = Object.values(fixture);
      expectColumns(await duck.batch(featuresSql(fitted, table)), fitted.outputs, expected);
      expectColumns(compileFeatures(fitted).apply(batch), fitted.outputs, expected);
    });
});
