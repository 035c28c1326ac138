import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { compileFeatures } from "../../../src/data/features/compile.ts";
import { featuresSql } from "../../../src/data/features/features-sql.ts";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import type { FittedFeatures } from "../../../src/data/features/fitted.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { runTransform } from "../../../src/data/features/transform.ts";
import { expectEqual } from "./compare.ts";
import { complaints, type Frame, frame, slice, testDuck, testFolder } from "./frames.ts";

const duck = await testDuck();
const folder = testFolder();
const HOUR_MS = 3_600_000;

const windows = fc.record({
  entity: fc.constantFrom("who", ["who", "where"], ["where"]),
  aggregate: fc.constantFrom("count", "sum", "mean", "std", "min", "max", "last"),
  of: fc.constantFrom("v", "v > 1", "v * 2 - 1"),
  size: fc.oneof(
    fc.record({ rows: fc.integer({ min: 1, max: 5 }), lag: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ rows: fc.integer({ min: 1, max: 4 }), lag: fc.constantFrom(0, 2), closed: fc.constant("right") }),
    fc.record({ range: fc.constantFrom("1h", "3h", "12h"), lag: fc.constantFrom("0s", "1h", "90m") }),
  ),
  min_periods: fc.constantFrom(undefined, 0, 1, 2, 3),
});
const rows = fc.array(
  fc.record({
    gapHours: fc.constantFrom(0, 0, 0, 1, 1, 2, 5),
    who: fc.option(fc.constantFrom("a", "b", ""), { freq: 8 }),
    where: fc.option(fc.integer({ min: 0, max: 1 }), { freq: 8 }),
    v: fc.option(fc.oneof(fc.integer({ min: -3, max: 9 }), fc.double({ min: -100, max: 100, noNaN: true })), {
      freq: 4,
    }),
    ok: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constantFrom(false, null) }),
  }),
  { minLength: 2, maxLength: 40, size: "large" },
);
type Rows = typeof rows extends fc.Arbitrary<infer T> ? T : never;

/** Rows in the order of time, several at one instant. */
function timed(list: Rows): Frame {
  let time = Date.UTC(2001, 0, 1);
  const times = list.map(({ gapHours }) => {
    time += gapHours * HOUR_MS;
    return time;
  });
  return frame({
    "t:timestamp": times,
    "who:string": list.map((r) => r.who),
    "where:number": list.map((r) => r.where),
    "v:number": list.map((r) => r.v),
    "ok:boolean": list.map((r) => r.ok),
  });
}

function specOf(list: readonly { aggregate: string; of: string; size: object }[], where?: string) {
  const named = list.map(({ aggregate, of, size, ...rest }, i) => [`w${i}`, { ...rest, ...size, [aggregate]: of }]);
  const yaml = {
    time: "t",
    where,
    derive: { relative: "coalesce(w0, 0) + 1" },
    windows: Object.fromEntries(named),
    features: { f: { columns: ["relative", ...named.map(([name]) => name)] } },
  };
  return parseFeatures(JSON.stringify(yaml), "features.yaml");
}

test("rows replayed one by one through a history give what SQL gives over all rows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(windows, { minLength: 2, maxLength: 4 }), rows, async (list, data) => {
      const { specs, batch } = timed(data);
      await duck.load("timed", specs, batch);
      const fitted = await fitFeatures(duck, "timed", specOf(list));
      const trained = await duck.batch(featuresSql(fitted, "timed"));
      const atOnce = compileFeatures(fitted, { replay: true }).apply(batch);
      expectEqual(atOnce, trained, fitted.outputs, 200);
      const served = compileFeatures(fitted);
      for (let i = 0; i < batch.rows; i++) {
        const row = slice(batch, i, i + 1);
        expectEqual(served.apply(row), slice(trained, i, i + 1), fitted.outputs, 200);
        served.observe(row);
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);

interface Drawn {
  entity: string | string[];
  aggregate: string;
  of: string;
  size: { rows?: number; range?: string; lag: number | string; closed?: string };
  min_periods?: number | undefined;
}

const DURATIONS_MS: Record<string, number> = { "0s": 0, "1h": 1, "90m": 1.5, "3h": 3, "12h": 12 };
const hours = (text: string | number) => DURATIONS_MS[text]! * HOUR_MS;

/** The definition, row by row over all rows, sharing no code with either engine: what the past of one row says. */
function bruteForce(data: Frame["batch"], at: number, { entity, aggregate, of, size, min_periods }: Drawn): number {
  const columns = data.columns as unknown as Record<string, (string | number | null)[]>;
  const key = (row: number) => [entity].flat().map((name) => columns[name]![row]);
  const time = (row: number) => columns.t![row] as number;
  const absent = (cell: string | number | null | undefined) => cell === null || Number.isNaN(cell);
  if (key(at).some(absent)) return HOLE;
  // The data is in the order of time already.
  const own = [...Array(data.rows).keys()].filter((row) => key(row).every((cell, i) => cell === key(at)[i]));
  let seen: number[];
  if (size.range !== undefined) {
    const until = time(at) - hours(size.lag);
    seen = own.filter((row) => time(row) < until && time(row) >= until - hours(size.range!));
  } else {
    const end = own.indexOf(at) - Number(size.lag) + (size.closed === "right" ? 1 : 0);
    seen = own.slice(Math.max(0, end - size.rows!), Math.max(0, end));
  }
  const value = (v: number) => (of === "v" ? v : of === "v > 1" ? Number(v > 1) : v * 2 - 1);
  const values = seen
    .map((row) => columns.v![row] as number)
    .filter((v) => !Number.isNaN(v))
    .map(value);
  const n = values.length;
  if (n < (min_periods ?? (aggregate === "count" ? 0 : 1))) return HOLE;
  if (aggregate === "count") return n;
  if (n === 0 || (aggregate === "std" && n < 2)) return HOLE;
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + (b - sum / n) ** 2, 0);
  const answers: Record<string, number> = {
    sum,
    mean: sum / n,
    std: Math.sqrt(squares / (n - 1)),
    min: Math.min(...values),
    max: Math.max(...values),
    last: values.at(-1)!,
  };
  return answers[aggregate]!;
}

test("windows are what their definition says, written out by brute force: nothing of the future leaks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(windows, { minLength: 1, maxLength: 4 }), rows, async (list, data) => {
      const { specs, batch } = timed(data);
      await duck.load("timed", specs, batch);
      const fitted = await fitFeatures(duck, "timed", specOf(list));
      const trained = await duck.batch(featuresSql(fitted, "timed"));
      for (const [i, window] of list.entries()) {
        const expected = Array.from({ length: batch.rows }, (_, at) => bruteForce(batch, at, window as Drawn));
        const name = `f__w${i}`;
        const column = { rows: batch.rows, columns: { [name]: Float64Array.from(expected) } };
        expectEqual(column, trained, [name], 200);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("a history that is seeded from the saved tail goes on where training ended", async () => {
  const outs = {
    train: join(folder, "t.parquet"),
    holdout: join(folder, "h.parquet"),
    features: join(folder, "f.json"),
  };
  let splits = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(windows, { minLength: 1, maxLength: 3 }), rows, async (list, data) => {
      // The oldest row always trains, so that there is one.
      const { specs, batch } = timed(data.map((row, i) => (i === 0 ? { ...row, ok: true } : row)));
      const times = batch.columns.t as Float64Array;
      if (times[0] === times.at(-1)) return;
      await duck.load("timed", specs, batch);
      const spec = specOf(list, "ok");
      const split = { holdout: 0.4, by: "t" };
      await runTransform(duck, { scan: "timed", spec, split, outs });
      splits++;
      const fitted: FittedFeatures = await Bun.file(outs.features).json();
      const everything = "(SELECT * FROM timed WHERE ok)";
      const trained = await duck.batch(featuresSql(fitted, everything, { carry: ["t"] }));
      const from = (await duck.batch(`SELECT * FROM '${outs.train}'`)).rows;
      const holdout = await duck.batch(`SELECT * FROM '${outs.holdout}'`);
      const kept = await duck.batch(`SELECT * FROM '${outs.holdout}' WHERE ok`);
      // Rows that where: refuses are replayed too and must leave no trace.
      const served = compileFeatures(fitted, { replay: true }).apply(holdout);
      const passing = [...(holdout.columns.ok as Float64Array).keys()].filter((i) => holdout.columns.ok![i] === 1);
      const picked = Object.fromEntries(
        fitted.outputs.map((name) => [name, passing.map((i) => served.columns[name]![i]!)]),
      );
      expect(kept.rows).toBe(trained.rows - from);
      expectEqual(
        { rows: kept.rows, columns: picked as never },
        slice(trained, from, trained.rows),
        fitted.outputs,
        200,
      );
    }),
    { numRuns: 60 },
  );
  expect(splits).toBeGreaterThan(15);
}, 60_000);

const HOLE = Number.NaN;
const visits = frame({
  "t:timestamp": [0, 1, 2, 2, 3, 10].map((hour) => hour * HOUR_MS),
  "who:string": ["a", "a", "a", "a", "b", "a"],
  "v:number": [1, 2, null, 8, 99, 5],
});

/** One window's values over `visits`, from SQL; serving must give the same. */
async function valuesOf(window: object): Promise<number[]> {
  await duck.load("visits", visits.specs, visits.batch);
  const yaml = { time: "t", windows: { w: window }, features: { f: ["w"] }, verbose_feature_names_out: false };
  const fitted = await fitFeatures(duck, "visits", parseFeatures(JSON.stringify(yaml), "features.yaml"));
  const trained = await duck.batch(featuresSql(fitted, "visits"));
  expectEqual(compileFeatures(fitted, { replay: true }).apply(visits.batch), trained, ["w"]);
  return [...(trained.columns.w as Float64Array)];
}

test("rows: this row and younger ones are not seen, others of the instant only when they came before", async () => {
  expect(await valuesOf({ entity: "who", rows: 2, sum: "v" })).toEqual([HOLE, 1, 3, 2, HOLE, 8]);
  expect(await valuesOf({ entity: "who", rows: 2, lag: 1, sum: "v" })).toEqual([HOLE, HOLE, 1, 3, HOLE, 2]);
  expect(await valuesOf({ entity: "who", rows: 2, closed: "right", sum: "v" })).toEqual([1, 3, 2, 8, 99, 13]);
});

test("range: nothing of the same instant is seen, nor what is younger than the lag, nor the far end's next", async () => {
  expect(await valuesOf({ entity: "who", range: "2h", sum: "v" })).toEqual([HOLE, 1, 3, 3, HOLE, HOLE]);
  expect(await valuesOf({ entity: "who", range: "8h", lag: "1h", count: "v" })).toEqual([0, 0, 1, 1, 0, 2]);
  expect(await valuesOf({ entity: "who", range: "10h", last: "v", min_periods: 2 })).toEqual([
    HOLE,
    HOLE,
    2,
    2,
    HOLE,
    8,
  ]);
});

test("a request asks for entity and time only; what windows aggregate is needed once it is known", async () => {
  const fitted = await fitFeatures(duck, "visits", specOfLate());
  expect(fitted.inputs.map((c) => c.name)).toEqual(["t", "who"]);
  expect(fitted.observed.map((c) => c.name)).toEqual(["t", "who", "v"]);
  const served = compileFeatures(fitted);
  const asked = { rows: 1, columns: { t: Float64Array.of(11 * HOUR_MS), who: ["a"] } };
  expect(served.apply(asked).columns.w![0]).toBeNaN();
  served.observe(visits.batch);
  expect(served.apply(asked).columns.w![0]).toBe(6.5);
});

const specOfLate = () =>
  parseFeatures(
    `{ time: t, target: { late: v > 3 }, windows: { w: { entity: who, rows: 2, mean: v } }, features: { f: [w] },
       verbose_feature_names_out: false }`,
    "features.yaml",
  );

test("a split that is not by the windows' time is refused", async () => {
  const spec = parseFeatures(
    "time: t\nwindows: { w: { entity: who, rows: 2, mean: v } }\nfeatures: { f: [w] }\n",
    "features.yaml",
  );
  const outs = {
    train: join(folder, "x.parquet"),
    holdout: join(folder, "y.parquet"),
    features: join(folder, "x.json"),
  };
  const job = () => runTransform(duck, { scan: "visits", spec, split: { holdout: 0.2 }, outs });
  expect(await complaints(job)).toEqual([
    "error[FEATURES_INVALID] features.yaml:2 windows.w: the window w is ordered by t and the rows are split by a hash. Mend: write split: { holdout: 0.2, by: t }.",
  ]);
});
