import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import { FUNCTIONS } from "../../../src/data/features/functions/table.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { featuresPage } from "../../../src/data/features/reference.ts";
import { TRANSFORMS } from "../../../src/data/features/transforms/table.ts";
import { complaints, frame, testDuck } from "./frames.ts";
import { EXAMPLE, PAGE } from "./update.ts";

const duck = await testDuck();
const example = readFileSync(EXAMPLE, "utf8");

test("docs/features.md is what the example and the tables say; `bun test/data/features/update.ts` writes it", () => {
  expect(readFileSync(PAGE, "utf8")).toBe(featuresPage(example));
});

test("the example is a features.yaml that can be fitted, and shows every transform", async () => {
  const rows = Array.from({ length: 200 }, (_, i) => i);
  const flights = frame({
    "date:timestamp": rows.map((i) => Date.UTC(2001, 0, 1) + i * 3_600_000),
    "delay:number": rows.map((i) => ((i * 37) % 90) - 20),
    "distance:number": rows.map((i) => 100 + ((i * 71) % 900)),
    "minutes:number": rows.map((i) => (i % 9 === 0 ? null : 30 + (i % 200))),
    "origin:string": rows.map((i) => ["ATL", "ORD"][i % 2]!),
    "destination:string": rows.map((i) => ["LAX", "DFW", "SEA"][i % 3]!),
    "carrier:string": rows.map((i) => ["AA", "DL"][i % 2]!),
    "flight:string": rows.map((i) => `F${i}`),
  });
  await duck.load("flights", flights.specs, flights.batch);
  const fitted = await fitFeatures(duck, "flights", parseFeatures(example, "features.example.yaml"));
  expect(fitted.outputs.slice(0, 8)).toEqual([
    "num__hour",
    "num__log_distance",
    "num__speed",
    "num__origin_late",
    "num__route_delay",
    "num__missingindicator_speed",
    "num__missingindicator_origin_late",
    "num__missingindicator_route_delay",
  ]);
  expect(fitted.inputs.map((c) => c.name)).toEqual(["date", "distance", "minutes", "origin", "destination", "carrier"]);
  for (const key of TRANSFORMS.keys()) expect(example).toContain(` ${key}:`);
});

test("every function is in the random expressions that hold SQL and serving equal", () => {
  const generator = readFileSync(join(import.meta.dir, "arbitrary.ts"), "utf8");
  const missing = [...FUNCTIONS.keys()].filter((name) => !new RegExp(`["\`]${name}["(]`).test(generator));
  expect(missing).toEqual([]);
});

test("random bytes as features.yaml are refused in our own words", async () => {
  for (const text of ["", "\0\u0001", "a: [", "- 1", "42", "features: 3", "features: { a: 3 }", "a: &a [*a]"]) {
    const told = await complaints(() => parseFeatures(text, "features.yaml"));
    expect(
      told.every((line) => /^error\[(FEATURES_INVALID|SPEC_SYNTAX|SPEC_TOO_LARGE)\] features.yaml/.test(line)),
    ).toBe(true);
  }
});
