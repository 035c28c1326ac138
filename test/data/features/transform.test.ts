import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { injectFaults } from "../../../src/base/files.ts";
import { compileFeatures } from "../../../src/data/features/compile.ts";
import { featuresSql } from "../../../src/data/features/features-sql.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { runTransform } from "../../../src/data/features/transform.ts";
import { complaints, frame, testDuck, testFolder } from "./frames.ts";

const duck = await testDuck();
const folder = testFolder();

const flights = frame({
  "date:timestamp": Array.from({ length: 40 }, (_, i) => Date.UTC(2001, 0, 1 + Math.floor(i / 2), (i * 5) % 24)),
  "delay:number": Array.from({ length: 40 }, (_, i) => (i === 3 ? -1116 : i === 7 ? null : (i * 37) % 61)),
  "distance:number": Array.from({ length: 40 }, (_, i) => 100 + ((i * 71) % 900)),
  "origin:string": Array.from({ length: 40 }, (_, i) => ["ATL", "ORD", "LAX"][i % 3]!),
});
await duck.load("flights", flights.specs, flights.batch);

const SPEC = `
time: date
target: { delayed: delay > 15 }
where: delay > -1000
derive:
  hour: hour(date)
  log_distance: log1p(distance)
features:
  num:
    columns: [hour, log_distance]
    scale: standard
  cat:
    columns: [origin]
    one_hot: true
`;

const outsIn = (name: string) => ({
  train: join(folder, name, "train.parquet"),
  holdout: join(folder, name, "holdout.parquet"),
  features: join(folder, name, "features.json"),
});

test("training rows become features, target and time; the holdout stays raw; both are counted", async () => {
  const outs = outsIn("by-date");
  const spec = parseFeatures(SPEC, "features.yaml");
  const { fitted, report } = await runTransform(duck, {
    scan: "flights",
    spec,
    split: { holdout: 0.25, by: "date" },
    outs,
  });
  expect(report).toEqual({
    rows: 40,
    trainRows: 28,
    holdoutRows: 10,
    droppedByWhere: 2,
    withoutTarget: 0,
    holdoutFrom: "2001-01-16 06:00:00",
    outputs: ["num__hour", "num__log_distance", "cat__origin_ATL", "cat__origin_LAX", "cat__origin_ORD"],
  });
  const train = await duck.columns(`SELECT * FROM read_parquet('${outs.train}')`);
  expect(train.map((c) => `${c.name} ${c.type}`)).toEqual([
    ...fitted.outputs.map((name) => `${name} DOUBLE`),
    "delayed INTEGER",
    "date TIMESTAMP",
  ]);
  const holdout = await duck.columns(`SELECT * FROM read_parquet('${outs.holdout}')`);
  expect(holdout.map((c) => c.name)).toEqual(["date", "delay", "distance", "origin", "delayed"]);
  const [sides] = await duck.rows(
    `SELECT (SELECT max(date) FROM read_parquet('${outs.train}')) < (SELECT min(date) FROM read_parquet('${outs.holdout}')) AS apart`,
  );
  expect(sides).toEqual({ apart: true });
  expect(await Bun.file(outs.features).json()).toEqual(JSON.parse(JSON.stringify(fitted)));
});

test("what serving computes for the training rows is what the training file holds", async () => {
  const outs = outsIn("parity");
  const spec = parseFeatures(SPEC, "features.yaml");
  const { fitted } = await runTransform(duck, { scan: "flights", spec, outs });
  const served = compileFeatures(await Bun.file(outs.features).json()).apply(
    await duck.batch("SELECT * FROM flights WHERE delay > -1000"),
  );
  const trained = await duck.batch(`SELECT * FROM read_parquet('${outs.train}')`);
  expect(served.rows).toBe(38);
  for (const name of fitted.outputs)
    for (let i = 0; i < served.rows; i++)
      expect(served.columns[name]![i] as number).toBeCloseTo(trained.columns[name]![i] as number, 12);
  const sql = await duck.batch(featuresSql(fitted, "flights", { carry: ["delay"] }));
  expect(Object.keys(sql.columns)).toEqual([...fitted.outputs, "delay"]);
});

test("without a column the md5 of a row decides: the same rows in every run, copies together", async () => {
  const spec = parseFeatures(SPEC, "features.yaml");
  const outs = outsIn("by-hash");
  const again = outsIn("by-hash-again");
  const twice = "(SELECT * FROM flights UNION ALL SELECT * FROM flights)";
  const { report } = await runTransform(duck, { scan: "flights", spec, split: { holdout: 0.3 }, outs });
  await runTransform(duck, { scan: twice, spec, split: { holdout: 0.3 }, outs: again });
  expect(report.holdoutRows).toBeGreaterThan(4);
  expect(report.holdoutRows).toBeLessThan(20);
  const [counts] = await duck.rows<{ once: number; twice: number; odd: number }>(`
    SELECT (SELECT count(*) FROM '${outs.holdout}') AS once, (SELECT count(*) FROM '${again.holdout}') AS twice,
      (SELECT count(*) FROM (SELECT date, origin, count(*) AS n FROM '${again.holdout}' GROUP BY ALL) WHERE n <> 2) AS odd`);
  expect(counts).toEqual({ once: report.holdoutRows, twice: 2 * report.holdoutRows, odd: 0 });
});

test("a failure publishes nothing and leaves nothing", async () => {
  const outs = outsIn("failing");
  const spec = parseFeatures(SPEC.replace("delay > -1000", "delay > 99999"), "features.yaml");
  expect(await complaints(() => runTransform(duck, { scan: "flights", spec, outs }))).toEqual([
    "error[FEATURES_INVALID] features.yaml:4 where: no row is left to train on. Mend: loosen where:, or check that the data has rows with a target.",
  ]);
  expect(existsSync(outs.train)).toBe(false);
  expect(readdirSync(join(folder, "failing"))).toEqual([]);
});

test("a disk that fills up leaves the files of the last run as they were", async () => {
  const outs = outsIn("full-disk");
  const job = (yaml: string) => ({
    scan: "flights",
    spec: parseFeatures(yaml, "features.yaml"),
    split: { holdout: 0.25, by: "date" },
    outs,
  });
  await runTransform(duck, job(SPEC));
  const before = await Promise.all(Object.values(outs).map((file) => Bun.file(file).text()));
  const restore = injectFaults((stage) => {
    if (stage === "sync") throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  });
  try {
    const told = await complaints(() => runTransform(duck, job(SPEC.replace("log1p", "sqrt"))));
    expect(told[0]).toStartWith("error[DISK_FULL]");
  } finally {
    restore();
  }
  expect(await Promise.all(Object.values(outs).map((file) => Bun.file(file).text()))).toEqual(before);
  expect(readdirSync(join(folder, "full-disk")).sort()).toEqual(["features.json", "holdout.parquet", "train.parquet"]);
});

test("rows without a target are left out of both sides and counted; a kept column is carried; text targets stay text", async () => {
  const yaml = "{ target: grade, features: { f: [n] }, keep: [id] }";
  const rows = frame({
    "id:string": ["a", "b", "c", "d"],
    "n:number": [1, 2, 3, 4],
    "grade:string": ["low", null, "high", null],
  });
  await duck.load("graded", rows.specs, rows.batch);
  const outs = outsIn("graded");
  const { report } = await runTransform(duck, {
    scan: "graded",
    spec: parseFeatures(yaml, "features.yaml"),
    split: { holdout: 0.5, by: "n" },
    outs,
  });
  expect(report).toMatchObject({ rows: 4, trainRows: 1, holdoutRows: 1, withoutTarget: 2, droppedByWhere: 0 });
  expect(await duck.rows(`SELECT * FROM '${outs.train}'`)).toEqual([{ f__n: 1, grade: "low", id: "a" }]);
  expect(await duck.rows(`SELECT * FROM '${outs.holdout}'`)).toEqual([{ id: "c", n: 3, grade: "high" }]);
});

test("rows whose split column is NaN or infinite train, as rows without a value do", async () => {
  await duck.run(`CREATE TABLE endless AS SELECT * FROM (VALUES
    (1, 1.0::DOUBLE, DATE '2020-01-01'), (2, 2.0, DATE '2020-01-02'), (3, 'NaN', 'infinity'), (4, 'inf', NULL)) AS t(x, d, day)`);
  for (const by of ["d", "day"]) {
    const outs = outsIn(`endless-${by}`);
    const spec = parseFeatures("features: { f: [x] }", "f.yaml");
    await runTransform(duck, { scan: "endless", spec, split: { holdout: 0.3, by }, outs });
    expect(await duck.rows(`SELECT x FROM '${outs.holdout}'`)).toEqual([{ x: 2 }]);
    expect(await duck.rows(`SELECT f__x AS x FROM '${outs.train}'`)).toEqual([{ x: 1 }, { x: 3 }, { x: 4 }]);
  }
});

test("ties never part, a column of one value cannot be split, and neither can an unknown one", async () => {
  const rows = frame({ "d:number": [1, 1, 1, 2, 2, 2, 2, 3, null], "one:number": [1, 1, 1, 1, 1, 1, 1, 1, 1] });
  await duck.load("tied", rows.specs, rows.batch);
  const outs = outsIn("tied");
  const split = (by: string, holdout = 0.5) =>
    runTransform(duck, {
      scan: "tied",
      spec: parseFeatures("features: { f: [one] }", "f.yaml"),
      split: { holdout, by },
      outs,
    });
  expect((await split("d")).report).toMatchObject({ trainRows: 4, holdoutRows: 5, holdoutFrom: "2.0" });
  expect((await split("d", 0.2)).report).toMatchObject({ trainRows: 8, holdoutRows: 1, holdoutFrom: "3.0" });
  expect(await complaints(() => split("one"))).toEqual([
    'error[INVALID]: "one" has fewer than two values, so no newest rows can be set aside. Mend: split by another column, or leave by: out.',
  ]);
  expect(await complaints(() => split("dd"))).toEqual([
    'error[DATA_COLUMN]: split.by names "dd", which the data does not have. Mend: write d; the columns are d, one.',
  ]);
  expect(await complaints(() => split("d", 1))).toEqual([
    "error[INVALID]: holdout: 1 is no share. Mend: write a share between 0 and 1, such as 0.2.",
  ]);
});

test("features that differ only in case are refused: DuckDB would rename one of them", async () => {
  const rows = frame({ "s:string": ["a", "A", "é", "É"] });
  await duck.load("cased", rows.specs, rows.batch);
  const run = (column: string) => {
    const yaml = `{ derive: { low: lower(s) }, features: { f: { columns: [${column}], one_hot: true } } }`;
    return runTransform(duck, { scan: "cased", spec: parseFeatures(yaml, "features.yaml"), outs: outsIn("cased") });
  };
  expect(await complaints(() => run("s"))).toEqual([
    "error[FEATURES_INVALID] features.yaml: the columns f__s_A and f__s_a of one file differ only in case. Mend: make them one with lower(…) under derive, or encode them by target_mean or ordinal.",
  ]);
  const { fitted } = await run("low");
  expect((await duck.columns(`SELECT * FROM '${outsIn("cased").train}'`)).map((c) => c.name)).toEqual(fitted.outputs);
});
