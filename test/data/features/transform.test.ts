import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
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
