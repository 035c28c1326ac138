import { afterEach, describe, expect } from "bun:test";
import { appendFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listEvents, verifyJournal } from "../../src/db/events.ts";
import { listJobs } from "../../src/db/jobs.ts";
import { createMonitor } from "../../src/monitor/monitor.ts";
import { classificationMetrics, regressionMetrics } from "../../src/stats/metrics.ts";
import { overEngines } from "../engines.ts";
import {
  drift,
  FLAVOR,
  openWorld as openWorldOn,
  pipelineOf,
  profileOf,
  REFERENCE,
  type Row,
  rowsLike,
  START_MS,
  type World,
} from "./helpers.ts";

const DAY_MS = 86_400_000;
const { test, open } = overEngines();
const openWorld = async (options: Parameters<typeof openWorldOn>[0] = {}) =>
  openWorldOn({ db: await open(), ...options });
let world: World;
afterEach(() => world.close());

const moved: Partial<Row> = { distance: 950, origin: "JFK" };
const retrainings = () => listJobs(world.db, { kind: "retrain" });
const kinds = async () => (await listEvents(world.db)).map((event) => event.kind);

describe("drift", () => {
  test("times, which only ever move on, are watched when they are named, and else are not", async () => {
    const day = (i: number) => START_MS - (2000 - i) * 60_000;
    for (const columns of [[], ["distance", "at"]]) {
      const inputs = [...FLAVOR.inputs, { name: "at", type: "timestamp" as const, required: true }];
      world = await openWorld({ flavor: { ...FLAVOR, inputs } });
      const [version] = await world.deps.versions("flights");
      const { at } = profileOf({ at: Array.from({ length: 2000 }, (_, i) => day(i)) }).columns;
      const reference = { ...REFERENCE, columns: { ...REFERENCE.columns, at: { ...at, type: "timestamp" } } };
      await Bun.write(join(version!.folder, "reference.json"), JSON.stringify(reference));
      world.predict(rowsLike(500).map((row, i) => ({ ...row, at: day(3000 + i) })));
      const [window] = await world.monitor.check(pipelineOf({ drift: drift({ columns }) }));
      expect(window!.drift!.drifted).toEqual(columns.length === 0 ? [] : ["at"]);
      expect(window!.action).toBe(columns.length === 0 ? "none" : "queued");
      if (columns.length === 0) await world.close();
    }
  });

  test("rows like training's fire nothing, moved rows fire once and queue one job", async () => {
    world = await openWorld();
    const pipeline = pipelineOf({ drift: drift() });
    world.predict(rowsLike(500));
    const [calm] = await world.monitor.check(pipeline);
    expect(calm).toMatchObject({ version: 1, seq: 1, rows: 500, state: "closed", action: "none" });
    expect(calm!.drift).toMatchObject({ fired: false, columns: [{ drifted: false }, { drifted: false }] });

    world.predict(rowsLike(400, moved));
    expect(await world.monitor.check(pipeline)).toEqual([]);
    world.predict(rowsLike(150, moved));
    const [window] = await world.monitor.check(pipeline);
    expect(window).toMatchObject({ seq: 2, rows: 500, action: "queued", drift: { drifted: ["origin", "distance"] } });
    const [job, ...none] = await retrainings();
    expect(none).toEqual([]);
    expect(job).toMatchObject({
      id: window!.jobId!,
      pipeline: "flights",
      trigger: "drift",
      state: "queued",
      onceKey: "retrain:flights/1/2",
      payload: { version: 1, window: 2, rows: 500, fired: ["drift"] },
    });
    expect(await kinds()).toEqual(["retrain.queued", "drift.fired"]);

    // Checking again finds nothing, and the fifty rows left over are in the window that is open.
    expect(await world.monitor.check(pipeline)).toEqual([]);
    expect((await retrainings()).length).toBe(1);
    expect((await world.monitor.windows("flights"))[0]).toMatchObject({
      seq: 3,
      state: "open",
      rows: 50,
      action: null,
    });
  });

  test("however the lines are cut over checks, processes and monitors, each row counts once", async () => {
    world = await openWorld();
    const pipeline = pipelineOf({
      drift: drift({ window: { rows: 300 } }),
      performance: [rule("accuracy", { min: 0 })],
    });
    let rows = 0;
    for (let i = 0; i < 12; i++) {
      for (const file of ["2026-01-05/1-0.jsonl", "2026-01-05/2-0.jsonl", "2026-01-06/1-1.jsonl"]) {
        world.predict(rowsLike(7 + i), { file, t: START_MS + i });
        rows += 7 + i;
      }
      // Two monitors at once, as from the server and from the command line.
      await Promise.all([world.monitor.check(pipeline), createMonitor(world.deps).check(pipeline)]);
    }
    await world.monitor.check(pipeline);
    const windows = await world.monitor.windows("flights");
    expect(windows.reduce((sum, window) => sum + window.rows, 0)).toBe(rows);
    for (const window of windows.slice(1)) {
      expect(window.rows).toBe(300);
      for (const column of Object.values(window.counts))
        expect(column.counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    }
    for (const { seq, rows: held, answersBytes } of windows) expect([seq, answersBytes]).toEqual([seq, held * 40]);
  });

  test("windows of the rows' own time close when later rows come, and the cooldown runs on that time", async () => {
    world = await openWorld();
    const pipeline = pipelineOf(
      { time: "date", drift: drift({ window: { ms: DAY_MS } }) },
      { retrain: { ...pipelineOf({}).retrain, cooldownMs: 3 * DAY_MS } },
    );
    const day0 = Date.UTC(2001, 2, 1);
    for (let day = 0; day < 7; day++) {
      world.predict(rowsLike(200, { ...moved, date: day0 + day * DAY_MS + 1000 }));
      await world.monitor.check(pipeline);
      const [job] = await retrainings();
      // The loop would take it and finish.
      if (job) await world.db.run("UPDATE jobs SET state = 'done'");
    }
    const windows = (await world.monitor.windows("flights")).reverse();
    expect(windows.map((window) => [(window.fromMs - day0) / DAY_MS, window.action])).toEqual([
      [0, "queued"],
      [1, "cooldown"],
      [2, "cooldown"],
      [3, "queued"],
      [4, "cooldown"],
      [5, "cooldown"],
      [6, null],
    ]);
    // The column of time is not watched when none is named.
    expect(Object.keys(windows[0]!.counts)).toEqual(["distance", "origin"]);
    // Drift was told when it began and when it led to a retraining.
    expect((await kinds()).filter((kind) => kind === "drift.fired").length).toBe(2);
  });

  test("a row from the far future does not hold retraining until then", async () => {
    world = await openWorld();
    const pipeline = pipelineOf(
      { time: "date", drift: drift({ window: { rows: 200 } }) },
      { retrain: { ...pipelineOf({}).retrain, cooldownMs: DAY_MS } },
    );
    const actions: unknown[] = [];
    for (const hours of [0, 1, 23, 1]) {
      world.clock.advance(hours * 3_600_000);
      const now = world.clock.nowMs();
      world.predict(
        rowsLike(200, { ...moved, date: now }).map((row, i) => (i === 9 ? { ...row, date: Date.UTC(2099) } : row)),
      );
      const [window] = await world.monitor.check(pipeline);
      actions.push(window?.action);
      await world.db.run("UPDATE jobs SET state = 'done'");
    }
    expect(actions).toEqual(["queued", "cooldown", "queued", "cooldown"]);
    world.clock.advance(DAY_MS);
    world.predict(rowsLike(200, { ...moved, date: world.clock.nowMs() }));
    await world.monitor.check(pipeline);
    expect((await world.monitor.windows("flights")).map(({ seq }) => seq)).toEqual([5, 4, 3, 2, 1]);
  });

  test("windows of arrival close with the clock, also without new rows; few rows are not judged", async () => {
    world = await openWorld();
    const pipeline = pipelineOf({ drift: drift({ window: { ms: 60_000 } }) });
    world.predict(rowsLike(50, moved));
    world.clock.advance(60_500);
    expect(await world.monitor.check(pipeline)).toEqual([]);
    world.clock.advance(1000);
    const [few] = await world.monitor.check(pipeline);
    expect(few).toMatchObject({ rows: 50, action: "too_few_rows", drift: null });
    expect(await retrainings()).toEqual([]);
  });

  test("a replaced version's window does not stay open once its successor has gone past it", async () => {
    for (const window of [{ rows: 500 }, { ms: DAY_MS }]) {
      world = await openWorld({ serving: [2] });
      const byOwnTime = "ms" in window ? { time: "date" } : {};
      const pipeline = pipelineOf({ ...byOwnTime, drift: drift({ window }) });
      const on = (day: number) => rowsLike(200, { ...moved, date: START_MS + day * DAY_MS });
      world.predict(on(0), { v: 1 });
      expect(await world.monitor.check(pipeline)).toEqual([]);
      world.clock.advance(5000);
      world.predict(on(1), { v: 2 });
      world.clock.advance(5000);
      expect(await world.monitor.check(pipeline)).toMatchObject([{ version: 1, rows: 200, action: "not_serving" }]);
      const open = (await world.monitor.windows("flights")).filter(({ state }) => state === "open");
      expect(open).toMatchObject([{ version: 2, rows: 200 }]);
      expect(await retrainings()).toEqual([]);
      await world.close();
    }
    world = await openWorld();
  });

  test("a changed window size starts new windows", async () => {
    world = await openWorld();
    world.predict(rowsLike(200, moved));
    await world.monitor.check(pipelineOf({ drift: drift({ window: { rows: 500 } }) }));
    await world.monitor.check(pipelineOf({ drift: drift({ window: { rows: 150 } }) }));
    world.predict(rowsLike(150, moved));
    const [window] = await world.monitor.check(pipelineOf({ drift: drift({ window: { rows: 150 } }) }));
    expect(window).toMatchObject({ seq: 2, rows: 150, action: "queued" });
    expect((await world.monitor.windows("flights"))[1]).toMatchObject({
      seq: 1,
      rows: 200,
      action: "settings_changed",
    });
  });
});

describe("what stands between a fired rule and a job", () => {
  const fire = async (w: World, pipeline = pipelineOf({ drift: drift() })) => {
    world = w;
    world.predict(rowsLike(500, moved));
    return (await world.monitor.check(pipeline))[0];
  };
  test("switched off: left to a person, as an event", async () => {
    const window = await fire(await openWorld({ env: { TRIMTAB_AUTOMATE_RETRAIN: "false" } }));
    expect(window).toMatchObject({ action: "left_to_person", jobId: null });
    expect(await retrainings()).toEqual([]);
    const event = (await listEvents(world.db)).find(({ kind }) => kind === "automation.left_to_person");
    expect(event).toMatchObject({ subject: "pipeline/flights", actor: "monitor", data: { version: 1, window: 1 } });
    expect((await verifyJournal(world.db)).brokenAtSeq).toBeUndefined();
  });
  test("a version that takes no traffic, and a trigger that is not named, ask for nothing", async () => {
    expect(await fire(await openWorld({ serving: [2] }))).toMatchObject({ action: "not_serving" });
    await world.close();
    const { retrain } = pipelineOf({});
    const without = { ...retrain, when: { ...retrain.when, drift: false } };
    expect(await fire(await openWorld(), pipelineOf({ drift: drift() }, { retrain: without }))).toMatchObject({
      action: "not_asked",
    });
    expect(await retrainings()).toEqual([]);
  });
  test("while a retraining waits or runs, no other is queued", async () => {
    await fire(await openWorld());
    world.predict(rowsLike(500, moved));
    const [second] = await world.monitor.check(pipelineOf({ drift: drift() }));
    expect(second).toMatchObject({ action: "in_flight" });
    expect((await retrainings()).length).toBe(1);
  });
  test("each version is compared with its own reference, unknown versions are passed over", async () => {
    world = await openWorld({ serving: [1, 2] });
    const pipeline = pipelineOf({ drift: drift({ window: { rows: 200 } }) });
    for (const v of [1, 2, 99]) world.predict(rowsLike(200, v === 2 ? moved : {}), { v });
    const judged = await world.monitor.check(pipeline);
    expect(judged.map(({ version, action }) => [version, action])).toEqual([
      [1, "none"],
      [2, "queued"],
    ]);
    expect((await world.monitor.windows("flights", { version: 2, limit: 5 })).length).toBe(1);
  });
});

const rule = (metric: "accuracy" | "roc_auc" | "log_loss" | "mae", bounds: { min?: number; max?: number }) => ({
  metric,
  line: 1,
  ...bounds,
});

describe("performance from outcomes", () => {
  const pipeline = pipelineOf({
    drift: drift({ window: { rows: 300 }, threshold: 1e9 }),
    performance: [rule("accuracy", { min: 0.7 }), rule("roc_auc", { min: 0.6 })],
    minOutcomes: 100,
  });
  /** p is 0.05 to 0.95; the answer is p > 0.5. */
  const rows = rowsLike(300);
  const right = rows.map((row) => Number(row.p! > 0.5));
  const settle = () => world.clock.advance(2000);

  test("is judged when enough outcomes are there, and again as more come", async () => {
    world = await openWorld();
    const id = world.predict(rows);
    expect(await world.monitor.check(pipeline)).toMatchObject([{ action: "none", performance: null }]);
    world.outcome(id, right.slice(0, 60), { rows: [...Array(60).keys()] });
    settle();
    expect(await world.monitor.check(pipeline)).toEqual([]);
    world.outcome(id, right.slice(60, 100), { rows: Array.from({ length: 40 }, (_, i) => 60 + i) });
    settle();
    const [good] = await world.monitor.check(pipeline);
    expect(good).toMatchObject({ performance: { fired: false, outcomes: 100, metrics: { accuracy: 1, roc_auc: 1 } } });
    // The other two hundred turn out wrong.
    world.outcome(
      id,
      right.slice(100).map((y) => 1 - y),
      { rows: Array.from({ length: 200 }, (_, i) => 100 + i) },
    );
    settle();
    const [bad] = await world.monitor.check(pipeline);
    expect(bad).toMatchObject({ seq: 1, action: "queued", performance: { fired: true, outcomes: 300 } });
    expect(bad!.performance!.rules[0]).toMatchObject({ metric: "accuracy", min: 0.7, pass: false });
    expect(bad!.performance!.metrics.accuracy).toBeCloseTo(1 / 3, 12);
    expect((await retrainings())[0]).toMatchObject({ trigger: "performance", payload: { fired: ["performance"] } });
    // Corrected afterwards: the record changes, what was asked for stays, and nothing is asked again.
    world.outcome(id, right);
    settle();
    expect(await world.monitor.check(pipeline)).toMatchObject([{ action: "queued", performance: { fired: false } }]);
    expect((await retrainings()).length).toBe(1);
    expect(await world.monitor.check(pipeline)).toEqual([]);
  });

  test("every metric equals the one of an evaluation of the same rows", async () => {
    world = await openWorld();
    const id = world.predict(rows);
    const truth = rows.map((_, i) => Number((i * 7) % 3 === 0));
    world.outcome(id, truth);
    settle();
    const judged = (await world.monitor.check(pipeline)).at(-1)!;
    const want = classificationMetrics(["accuracy", "f1", "roc_auc", "log_loss", "brier"], {
      truth: Int32Array.from(truth),
      predicted: Int32Array.from(right),
      probabilities: Float64Array.from(rows.flatMap((row) => [1 - row.p!, row.p!])),
      classCount: 2,
    });
    expect(judged.performance!.metrics).toMatchObject(want);
  });

  test("outcomes find their rows over windows, files and requests of one row; unknown ids are lost", async () => {
    world = await openWorld();
    const ids = rows.map((row, i) =>
      world.predict([row], { t: START_MS + i * 10, file: `2026-01-05/${i % 3}-0.jsonl` }),
    );
    const spanning = world.predict(rowsLike(450), { t: START_MS + 4000 });
    await world.monitor.check(pipeline);
    ids.reverse().forEach((id, i) => {
      world.outcome(id, [right[299 - i]], { file: `2026-01-05/outcomes-${i % 2}-0.jsonl` });
    });
    world.outcome(spanning, Array(450).fill(1));
    world.outcome(crypto.randomUUID().replaceAll("-", ""), [1]);
    settle();
    await world.monitor.check(pipeline);
    const [open, second, first] = await world.monitor.windows("flights");
    expect(first).toMatchObject({ rows: 300, performance: { outcomes: 300, metrics: { accuracy: 1 } } });
    expect(second).toMatchObject({ rows: 300, performance: { outcomes: 300, metrics: { accuracy: 0.5 } } });
    // The open window keeps its outcomes until it closes.
    expect(open).toMatchObject({ rows: 150, state: "open", performance: null, outcomesBytes: 150 * 24 });
  });

  test("an outcome that is on disk before its prediction waits for it", async () => {
    world = await openWorld();
    const t = START_MS + 10_000;
    world.clock.set(t);
    world.outcome("0".repeat(32), [1]);
    await world.monitor.check(pipeline);
    const id = world.predict(rows, { t });
    world.outcome(id, right, { t });
    await world.monitor.check(pipeline);
    settle();
    expect((await world.monitor.check(pipeline)).at(-1)).toMatchObject({ performance: { outcomes: 300 } });
  });

  test("several classes by name, and numbers", async () => {
    world = await openWorld({ flavor: { ...FLAVOR, classes: ["a", "b", "c"] } });
    const file = join(world.predictions, "2026-01-05", "1-0.jsonl");
    world.predict(rows.slice(0, 1), { file: "2026-01-05/1-0.jsonl" });
    rmSync(file);
    const id = Bun.randomUUIDv7("hex", START_MS).replaceAll("-", "");
    const y = rows.map((_, i) => "abc"[i % 3]);
    const p = rows.flatMap((_, i) => [0, 1, 2].map((k) => (k === i % 3 ? 0.8 : 0.1)));
    const x = { distance: rows.map((row) => row.distance), origin: rows.map((row) => row.origin) };
    appendFileSync(file, `${JSON.stringify({ id, t: START_MS, v: 1, variant: "champion", n: 300, x, y, p })}\n`);
    world.outcome(
      id,
      y.map((label, i) => (i < 30 ? "c" : label)),
    );
    settle();
    const judged = (await world.monitor.check(pipeline)).at(-1)!;
    expect(judged.performance).toMatchObject({ outcomes: 300, metrics: { accuracy: 0.9333333333333333 } });
    await world.close();

    world = await openWorld({ flavor: { ...FLAVOR, task: "regression" } });
    const truth = rows.map((row, i) => Number(row.p! > 0.5) + (i % 5) / 10);
    world.outcome(world.predict(rows), truth);
    settle();
    const regression = pipelineOf({
      ...pipeline.monitor,
      performance: [rule("mae", { max: 0.1 }), rule("accuracy", {})],
    });
    const last = (await world.monitor.check(regression)).at(-1)!;
    const want = regressionMetrics(["mae", "rmse", "r2"], {
      truth: Float64Array.from(truth),
      predicted: Float64Array.from(right),
    });
    expect(last).toMatchObject({ action: "queued", performance: { fired: true, metrics: want } });
    // A metric of the other task cannot be computed, and does not fire.
    expect(last.performance!.rules[1]).toEqual({ metric: "accuracy", value: null, pass: true });
  });

  test("a model without probabilities has no roc_auc; the rule says so and does not fire", async () => {
    world = await openWorld();
    const id = world.predict(rows);
    const file = join(world.predictions, "2026-01-05", "100-0.jsonl");
    const { p: _, ...line } = JSON.parse(await Bun.file(file).text()) as Record<string, unknown>;
    await Bun.write(file, `${JSON.stringify(line)}\n`);
    world.outcome(id, right);
    settle();
    const { performance } = (await world.monitor.check(pipeline)).at(-1)!;
    expect(performance).toMatchObject({ fired: false, metrics: { accuracy: 1 } });
    expect(performance!.reason).toBe("accuracy 1.000, roc_auc cannot be computed on 300 outcomes");
  });
});

test("killed at any commit, it goes on where it was: each row counts once and one job is queued", async () => {
  const pipeline = pipelineOf({
    drift: drift({ window: { rows: 300 } }),
    performance: [rule("accuracy", { min: 0.1 })],
    minOutcomes: 100,
  });
  for (let fatal = 0; ; fatal++) {
    world = await openWorld();
    const id = world.predict(rowsLike(450, moved));
    world.outcome(id, Array(450).fill(0));
    world.clock.advance(2000);
    let commits = 0;
    const db: typeof world.db = {
      ...world.db,
      write(work, durability) {
        return world.db.write(async (sql) => {
          const result = await work(sql);
          // The death comes after the work and before its commit.
          if (commits++ === fatal) throw new Error("killed");
          return result;
        }, durability);
      },
    };
    const died = await createMonitor({ ...world.deps, db })
      .check(pipeline)
      .then(
        () => false,
        (error: Error) => error.message === "killed",
      );
    await world.monitor.check(pipeline);
    const [open, closed] = await world.monitor.windows("flights");
    expect(open).toMatchObject({ rows: 150, answersBytes: 150 * 40, outcomesBytes: 150 * 24 });
    expect(closed).toMatchObject({
      rows: 300,
      action: "queued",
      performance: { outcomes: 300, metrics: { accuracy: 0.5 } },
    });
    expect((await retrainings()).length).toBe(1);
    expect((await kinds()).sort()).toEqual(["drift.fired", "retrain.queued"]);
    if (!died) {
      expect(fatal).toBeGreaterThanOrEqual(4);
      return;
    }
    await world.close();
  }
});

test("retention takes answers with it, and offsets of deleted files", async () => {
  world = await openWorld();
  const pipeline = pipelineOf(
    { drift: drift({ window: { rows: 100 } }), performance: [rule("accuracy", { min: 0 })] },
    { retention: { predictionsMs: DAY_MS } },
  );
  world.predict(rowsLike(250));
  await world.monitor.check(pipeline);
  const kept = join(world.deps.workspace.state, "monitor", "flights");
  expect(readdirSync(kept).sort()).toEqual(["1-1.answers", "1-2.answers", "1-3.answers"]);
  rmSync(join(world.predictions, "2026-01-05"), { recursive: true });
  world.clock.advance(DAY_MS + 1);
  await world.monitor.check(pipeline);
  expect(readdirSync(kept)).toEqual(["1-3.answers"]);
  expect(await world.db.all("SELECT * FROM capture_offsets")).toEqual([]);
  expect((await world.monitor.windows("flights")).length).toBe(3);
});

test("nothing to watch reads nothing", async () => {
  world = await openWorld();
  world.predict(rowsLike(10));
  expect(await world.monitor.check(pipelineOf({}))).toEqual([]);
  expect(await world.monitor.windows("flights")).toEqual([]);
});
