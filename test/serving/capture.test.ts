import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { createAppender } from "../../src/serving/append.ts";
import { deployVersion } from "../../src/serving/deployment.ts";
import { retainPredictions } from "../../src/serving/retention.ts";
import {
  type Answer,
  deploy,
  LOGISTIC,
  makeModel,
  makePlace,
  number,
  type Place,
  type Running,
  run,
} from "./helpers.ts";

let place: Place;
let app: Running | undefined;
beforeEach(() => {
  place = makePlace();
});
afterEach(async () => {
  await app?.serving.drain();
  app = undefined;
  place.remove();
});

/** Captured lines of one kind, in order. */
async function linesOf(kind: "predictions" | "outcomes"): Promise<Record<string, unknown>[]> {
  if (!existsSync(place.predictionsDir)) return [];
  const glob = new Bun.Glob("*/*/*.jsonl");
  const paths = [...glob.scanSync(place.predictionsDir)]
    .filter((p) => p.includes("outcomes-") === (kind === "outcomes"))
    .sort();
  const texts = await Promise.all(paths.map((path) => Bun.file(join(place.predictionsDir, path)).text()));
  return texts
    .join("")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("what was captured may be deleted meanwhile: what comes after it is kept", async () => {
  await deploy(place, 1, await makeModel(place, 1));
  app = await run(place);
  const both = async () => {
    const { body } = await app!.post("/predict", { features: [1, 2] });
    expect((await app!.post("/feedback", { id: body.id, outcome: 1 })).body.accepted).toBe(1);
  };
  await both();
  await rm(place.predictionsDir, { recursive: true });
  await both();
  expect((await linesOf("predictions")).length).toBe(1);
  expect((await linesOf("outcomes")).length).toBe(1);
});

test("predictions and outcomes are captured as the contract says, by the day they are written", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 31, 23, 59));
  await deploy(
    place,
    4,
    await makeModel(place, 4, LOGISTIC, { inputs: [number("a"), number("b"), number("c", false)] }),
  );
  app = await run(place, { clock });
  const bulk = await app.post("/predict", { columns: { a: [1, -2], b: [0, 0], c: [null, 5] } });
  const outcome = (body: object) => app!.post("/feedback", body);
  expect((await outcome({ id: bulk.body.id, outcomes: [1, 0] })).body.accepted).toBe(2);
  clock.advance(120_000);
  const single = await app.post("/predict", { features: [3, 1, null] });
  expect((await outcome({ id: single.body.id, outcome: true })).body.accepted).toBe(1);
  const { id } = bulk.body;
  const many = [
    { id: `${id}.1`, outcome: 1 },
    { id: `${id}.0`, outcome: 0 },
    { id: "x", outcomes: [1] },
  ];
  expect((await outcome({ feedback: many })).body.accepted).toBe(3);

  expect(await readdir(join(place.predictionsDir, "m"))).toEqual(["2026-01-31", "2026-02-01"]);
  const [first, second] = await linesOf("predictions");
  expect(first).toEqual({
    id,
    t: Date.UTC(2026, 0, 31, 23, 59),
    v: 4,
    variant: "champion",
    n: 2,
    x: { a: [1, -2], b: [0, 0], c: [null, 5] },
    y: [1, 0],
    p: bulk.body.probabilities!.map((row) => row[1]),
  });
  expect(second).toMatchObject({ id: single.body.id, n: 1, x: { a: [3], b: [1], c: [null] } });
  expect(await linesOf("outcomes")).toEqual([
    { t: clock.nowMs() - 120_000, id, y: [1, 0] },
    { t: clock.nowMs(), id: single.body.id, y: [1] },
    { t: clock.nowMs(), id, rows: [1, 0], y: [1, 0] },
    { t: clock.nowMs(), id: "x", y: [1] },
  ]);
});

test("extra columns of the deployment are captured and not shown to the model; labels and times as JSON", async () => {
  const source = `export function predict(columns, rows) {
    if (Object.keys(columns).join() !== "at,ok") throw new Error(Object.keys(columns).join());
    return { values: Array.from(columns.ok, (ok) => (ok ? "yes" : "no")) };
  }`;
  const inputs = [
    { name: "at", type: "timestamp" as const, required: true },
    { name: "ok", type: "boolean" as const, required: true },
  ];
  const folder = await makeModel(place, 1, source, { inputs, classes: ["no", "yes"] });
  const capture = { columns: ["customer"] };
  await deployVersion({
    deployDir: place.deployDir,
    model: "m",
    reason: "t",
    models: [{ version: 1, folder }],
    capture,
  });
  app = await run(place);
  const rows = [
    { at: "2001-03-04T05:06:07Z", ok: true, customer: "c1" },
    { at: "2001-03-04 05:06", ok: 0 },
    { at: 983_682_367_000, ok: false, customer: 3 },
    { at: "2001-03-04T05:06:07.5+02:00", ok: true },
  ];
  const { body } = await app.post("/predict", { inputs: rows });
  expect(body.predictions).toEqual(["yes", "no", "no", "yes"]);
  await app.post("/feedback", { id: body.id, outcomes: ["yes", "yes", "no", "no"] });
  const at = Date.UTC(2001, 2, 4, 5, 6, 7);
  expect((await linesOf("predictions"))[0]).toMatchObject({
    x: { at: [at, at - 7000, at, at - 7_199_500], ok: [1, 0, 0, 1], customer: ["c1", null, 3, null] },
    y: ["yes", "no", "no", "yes"],
  });
  const bad = await app.post("/predict", { inputs: { at: "yesterday", ok: true } });
  expect(bad.body.error).toMatchObject({
    place: "inputs.at",
    message: expect.stringContaining('"yesterday" is not a time'),
  });
});

const REFUSED: [name: string, body: object, field: string][] = [
  ["no id", { outcome: 1 }, "id"],
  ["an id with a path in it", { id: "../../x", outcome: 1 }, "id"],
  ["no outcome", { id: "a" }, "outcome"],
  ["null", { id: "a", outcome: null }, "outcome"],
  ["no class of the model", { id: "a", outcomes: [1, 7] }, "outcomes[1]"],
  ["text for a number", { id: "a", outcome: "1" }, "outcome"],
  ["one outcome and outcomes", { id: "a", outcome: 1, outcomes: [1, 0] }, "outcomes"],
  ["a row and all rows", { id: "a.0", outcomes: [1] }, "id"],
  ["an empty list", { feedback: [] }, "feedback"],
  [
    "one bad entry of many",
    {
      feedback: [
        { id: "a", outcome: 1 },
        { id: "b", outcome: 2 },
      ],
    },
    "feedback[1].outcome",
  ],
];
test("feedback that cannot be meant is refused by field and nothing of it is kept", async () => {
  await deploy(place, 1, await makeModel(place, 1));
  app = await run(place);
  for (const [, body, field] of REFUSED) {
    const answer: { status: number; body: Answer } = await app.post("/feedback", body);
    expect([answer.status, answer.body.error.code, answer.body.error.place]).toEqual([400, "REQUEST_INVALID", field]);
  }
  expect(await linesOf("outcomes")).toEqual([]);
});

test("a full disk costs captured rows, never an answer, and is counted", async () => {
  await Bun.write(place.predictionsDir, "a file where the folder should be");
  await deploy(place, 1, await makeModel(place, 1));
  app = await run(place);
  const answer = await app.post("/predict", { features: [1, 2] });
  expect(answer.status).toBe(200);
  const feedback = await app.post("/feedback", { id: answer.body.id, outcome: 1 });
  expect(feedback.status).toBe(500);
  expect((await app.get("/metrics")).text).toContain('trimtab_capture_dropped_total{model="m"} 2');
});

test("no outcome is accepted that a full disk did not take, also among many", async () => {
  await Bun.write(place.predictionsDir, "a file where the folder should be");
  await deploy(place, 1, await makeModel(place, 1));
  app = await run(place);
  const both = async () => {
    const { body } = await app!.post("/predict", { features: [1, 2] });
    return (await app!.post("/feedback", { id: body.id, outcome: 1 })).status;
  };
  const statuses = await Promise.all(Array.from({ length: 100 }, both));
  expect([...new Set(statuses)]).toEqual([500]);
});

test("lines that wait beyond the bound are dropped and counted; files roll at their size", async () => {
  let dropped = 0;
  const folder = join(place.dir, "lines");
  const options = { folder, clock: new ManualClock(0), waitingBytesMax: 50, fileBytesMax: 30, flushMs: 60_000 };
  const appender = createAppender({ ...options, onDropped: (lines) => (dropped += lines) });
  for (let i = 0; i < 10; i++) appender.add("123456789");
  expect(dropped).toBe(4);
  await expect(appender.written()).rejects.toThrow("the disk is slow");
  appender.add("x");
  await appender.close();
  const files = (await readdir(join(folder, "1970-01-01"))).sort();
  expect(files).toEqual([`${process.pid}-0.jsonl`, `${process.pid}-1.jsonl`]);
});

test("retention takes the oldest files first, by age and by bytes, and never one that is written", async () => {
  const clock = new ManualClock(Date.UTC(2026, 4, 10, 12));
  const gone = Bun.spawnSync(["true"]).pid;
  const write = async (day: string, name: string, minute: number) => {
    const folder = join(place.predictionsDir, "m", day);
    await mkdir(folder, { recursive: true });
    await Bun.write(join(folder, name), "x".repeat(100));
    await utimes(join(folder, name), minute, minute);
  };
  await write("2026-03-01", "1-0.jsonl", 0);
  await write("2026-05-01", "1-0.jsonl", 1);
  await write("2026-05-01", "part.parquet", 2);
  await write("2026-05-10", `${gone}-0.jsonl`, 3);
  await write("2026-05-10", `${process.pid}-0.jsonl`, 4);
  await write("2026-05-10", `${process.pid}-1.jsonl`, 5);
  await write("2026-05-10", `outcomes-${process.pid}-0.jsonl`, 6);
  const left = () => [...new Bun.Glob("m/*/*").scanSync(place.predictionsDir)].sort();
  const base = { predictionsDir: place.predictionsDir, clock };

  expect(await retainPredictions({ ...base, ageMs: 30 * 86_400_000 })).toEqual({
    removedFiles: 1,
    removedBytes: 100,
    keptBytes: 600,
  });
  expect(await readdir(join(place.predictionsDir, "m"))).toEqual(["2026-05-01", "2026-05-10"]);
  await retainPredictions({ ...base, bytes: 599 });
  expect(left()[0]).toBe("m/2026-05-01/part.parquet");
  expect(left().length).toBe(5);
  await retainPredictions({ ...base, bytes: 0 });
  expect(left()).toEqual([`m/2026-05-10/${process.pid}-1.jsonl`, `m/2026-05-10/outcomes-${process.pid}-0.jsonl`]);
  expect(await retainPredictions({ ...base, predictionsDir: join(place.dir, "none"), bytes: 0 })).toMatchObject({
    removedFiles: 0,
  });
});
