import { expect, test } from "bun:test";
import { compileFeatures } from "../../../src/data/features/compile.ts";
import { featuresSql } from "../../../src/data/features/features-sql.ts";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { expectEqual } from "./compare.ts";
import { complaints, frame, slice, testDuck } from "./frames.ts";

const duck = await testDuck();
const rides = frame({
  "date:timestamp": ["2001-01-01T05:00:00", "2001-01-02T15:30:00", "2001-01-06T23:59:59"],
  "distance:number": [10, 20, 30],
  "origin:string": ["ATL", "ORD", "ATL"],
  "vip:boolean": [true, false, true],
});
await duck.load("rides", rides.specs, rides.batch);
const SPEC = `
derive: { hour: hour(date) }
features:
  num: { columns: [hour, distance, vip], scale: min_max }
  cat: { columns: [origin], one_hot: { handle_unknown: error } }
`;
const fitted = JSON.parse(JSON.stringify(await fitFeatures(duck, "rides", parseFeatures(SPEC, "features.yaml"))));
const served = compileFeatures(fitted);

test("inputs are what a request must bring, in the order of the data; outputs are named and ordered", () => {
  expect(served.inputs).toEqual([
    { name: "date", type: "timestamp", required: true },
    { name: "distance", type: "number", required: true },
    { name: "origin", type: "string", required: true },
    { name: "vip", type: "boolean", required: true },
  ]);
  const answer = served.apply(rides.batch);
  expect(Object.keys(answer.columns)).toEqual(served.outputs);
  expect(answer.columns.num__distance).toEqual(Float64Array.of(0, 0.5, 1));
  expect(answer.columns.cat__origin_ORD).toEqual(Float64Array.of(0, 1, 0));
});

test("a time between two milliseconds before 1970 is in the earlier one for training and serving", async () => {
  const text = "1969-12-31T23:59:59.9995";
  const times = frame({ "t:timestamp": [text] });
  const scan = `(SELECT TIMESTAMP '${text}' AS t)`;
  const spec = parseFeatures("{ derive: { h: hour(t), y: year(t) }, features: { f: [h, y] } }", "features.yaml");
  const features = compileFeatures(await fitFeatures(duck, scan, spec));
  const [trained] = await duck.rows(featuresSql(await fitFeatures(duck, scan, spec), scan));
  expect(trained).toEqual({ f__h: 23, f__y: 1969 });
  for (const batch of [times.batch, await duck.batch(`SELECT * FROM ${scan}`)])
    expect(features.apply(batch).columns).toEqual({ f__h: Float64Array.of(23), f__y: Float64Array.of(1969) });
});

test("an input with a missing value in training, or one that is imputed, is not required", async () => {
  const holes = frame({ "a:number": [1, null, 3], "b:number": [1, 2, 3], "c:number": [1, 2, 3] });
  await duck.load("holes", holes.specs, holes.batch);
  const spec = parseFeatures("features: { f: [a, b], g: { columns: [c], impute: mean } }", "features.yaml");
  const inputs = (await fitFeatures(duck, "holes", spec)).inputs;
  expect(inputs.map((c) => c.required)).toEqual([false, true, false]);
});

test("requests that do not fit are refused with the field", async () => {
  const without = { rows: 3, columns: { ...rides.batch.columns } };
  delete without.columns.distance;
  expect(await complaints(() => served.apply(without))).toEqual([
    'error[REQUEST_INVALID] distance: the field "distance" is missing. Mend: send "distance".',
  ]);
  const text = { rows: 1, columns: { ...slice(rides.batch, 0, 1).columns, distance: ["10"] } };
  expect(await complaints(() => served.apply(text))).toEqual([
    'error[REQUEST_INVALID] distance: the field "distance" is text where a number should stand. Mend: send "distance" as the number that training had.',
  ]);
  const strange = { rows: 1, columns: { ...slice(rides.batch, 0, 1).columns, origin: ["JFK"] } };
  expect(await complaints(() => served.apply(strange))).toEqual([
    'error[REQUEST_INVALID] origin: "JFK" is not a category of origin that training saw. Mend: send a known category, or set handle_unknown (one_hot) or unknown_value (ordinal) in features.yaml and train again.',
  ]);
});

test("a refused request leaves nothing behind, other columns are ignored, no rows give no rows", () => {
  const strange = { rows: 1, columns: { ...slice(rides.batch, 0, 1).columns, origin: ["JFK"] } };
  expect(() => served.apply(strange)).toThrow();
  const more = { rows: 3, columns: { ...rides.batch.columns, other: [null, null, null] } };
  expect(served.apply(more)).toEqual(served.apply(rides.batch));
  const none = served.apply(slice(rides.batch, 0, 0));
  expect([none.rows, none.columns.num__hour!.length]).toEqual([0, 0]);
});

test("batches longer than a chunk give what their rows give", async () => {
  await duck.run(
    "CREATE OR REPLACE TABLE many AS SELECT TIMESTAMP '2001-01-01' + to_minutes(i) AS date, i % 977 AS distance, " +
      "CASE WHEN i % 3 = 0 THEN 'ATL' ELSE 'ORD' END AS origin, i % 2 = 0 AS vip FROM range(10000) r(i)",
  );
  const batch = await duck.batch("SELECT * FROM many");
  const whole = served.apply(batch);
  expectEqual(whole, await duck.batch(featuresSql(fitted, "many")), served.outputs);
  for (const i of [0, 2047, 2048, 4095, 4096, 9999])
    expect(served.apply(slice(batch, i, i + 1))).toEqual(slice(whole, i, i + 1));
});

test("every numeric, time and text type of DuckDB is an input", async () => {
  const types = {
    number: ["TINYINT", "USMALLINT", "INTEGER", "UBIGINT", "HUGEINT", "DECIMAL(9,3)", "FLOAT", "DOUBLE"],
    timestamp: ["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"],
    string: ["VARCHAR", "UUID", "ENUM('2001-02-03', 'x')"],
    boolean: ["BOOLEAN"],
  };
  const value = { number: "7", timestamp: "'2001-02-03'", string: "'2001-02-03'", boolean: "TRUE" };
  for (const [kind, names] of Object.entries(types))
    for (const type of names) {
      const cell = type === "UUID" ? "uuid()" : value[kind as "number"];
      await duck.run(`CREATE OR REPLACE TABLE typed AS SELECT CAST(${cell} AS ${type}) AS c UNION ALL SELECT NULL`);
      const spec = parseFeatures("{ derive: { d: c is null }, features: { f: [c, d] } }", "features.yaml");
      const one = await fitFeatures(duck, "typed", spec);
      expect([type, one.inputs[0]!.type as string]).toEqual([type, kind]);
      const sql = featuresSql(one, "typed", { columns: await duck.columns("SELECT * FROM typed") });
      const served = compileFeatures(one).apply(await duck.batch("SELECT * FROM typed ORDER BY c NULLS LAST"));
      expectEqual(served, await duck.batch(`SELECT * FROM (${sql}) ORDER BY f__d`), one.outputs);
    }
});

test("a changed or missing column is told when the columns are known", async () => {
  const columns = [
    { name: "date", type: "TIMESTAMP" },
    { name: "distance", type: "VARCHAR" },
  ];
  expect(await complaints(() => featuresSql(fitted, "rides", { columns }))).toEqual([
    'error[DATA_COLUMN]: column "distance" is VARCHAR, a string, where training had a number. Mend: give the column the kind that it had in training, or train again.',
  ]);
  expect(await complaints(() => featuresSql(fitted, "rides", { columns: columns.slice(0, 1) }))).toEqual([
    'error[DATA_COLUMN]: the data has no column "distance". Mend: the columns are date.',
  ]);
});

test("a damaged features.json is refused, not run", async () => {
  const cut = JSON.parse(JSON.stringify(fitted));
  cut.program.pop();
  const loop = JSON.parse(JSON.stringify(fitted));
  loop.program[0].args = [loop.program.length - 1];
  for (const damaged of [
    null,
    3,
    "x",
    {},
    { ...fitted, format: 2 },
    { ...fitted, roots: [] },
    { ...fitted, program: {} },
    cut,
    loop,
  ])
    expect((await complaints(() => compileFeatures(damaged)))[0]).toStartWith(
      "error[MODEL_INVALID] features.json: features.json is damaged or was written by another release.",
    );
  const newer = JSON.parse(JSON.stringify(fitted).replace('"hour"', '"moon_phase"'));
  expect((await complaints(() => compileFeatures(newer)))[0]).toStartWith(
    'error[MODEL_INVALID]: the fitted features use the operation "moon_phase", which this Trimtab does not know.',
  );
});

test("what is learned is the same to the last bit in every run, whatever the threads do", async () => {
  await duck.run(
    "CREATE OR REPLACE TABLE wide AS SELECT ln(i + 1) * 1000.1 AS x, i % 7 AS k, sin(i) AS y FROM range(600000) r(i)",
  );
  const spec = parseFeatures(
    "{ target: y, features: { n: { columns: [x], scale: standard }, t: { columns: [k], target_mean: 3 } } }",
    "features.yaml",
  );
  const runs = new Set<string>();
  for (let i = 0; i < 4; i++) runs.add(JSON.stringify(await fitFeatures(duck, "wide", spec)));
  expect(runs.size).toBe(1);
});
