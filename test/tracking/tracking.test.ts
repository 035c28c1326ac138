import { expect } from "bun:test";
import { ManualClock } from "../../src/base/clock.ts";
import { compareRuns } from "../../src/tracking/compare.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();

async function setUp() {
  const db = await open();
  const clock = new ManualClock(1_000_000);
  return { db, clock, tracking: createTracking({ db, clock }) };
}

const point = (key: string, value: number, step = 0, timestampMs = 1) => ({ key, value, step, timestampMs });

test("experiments are numbered from 1, Default is 0, names stay taken after deletion", async () => {
  const { tracking, db } = await setUp();
  expect((await tracking.getExperiment("0")).name).toBe("Default");
  expect(await tracking.createExperiment({ name: "a", tags: [{ key: "k", value: "v" }] })).toBe("1");
  expect(await tracking.ensureExperiment("a")).toBe("1");
  expect(await tracking.ensureExperiment("b")).toBe("2");
  expect(await tracking.findExperiment("a")).toMatchObject({
    artifactLocation: "mlflow-artifacts:/1",
    tags: [{ key: "k", value: "v" }],
  });
  await tracking.deleteExperiment("1");
  await expect(tracking.createExperiment({ name: "a" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await expect(tracking.ensureExperiment("a")).rejects.toMatchObject({ code: "NOT_ACTIVE" });
  await expect(tracking.createRun({ experimentId: "1" })).rejects.toMatchObject({ code: "NOT_ACTIVE" });
  await tracking.restoreExperiment("1");
  await tracking.renameExperiment("1", "c");
  expect((await tracking.findExperiment("c"))?.experimentId).toBe("1");
  await expect(tracking.getExperiment("77")).rejects.toThrow("No Experiment with id=77 exists");
  await expect(tracking.getExperiment("x")).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("a run's life: begun, logged to, ended, deleted, restored", async () => {
  const { tracking, clock, db } = await setUp();
  const made = await tracking.createRun({ experimentId: "0", name: "n", user: "u", tags: [{ key: "t", value: "1" }] });
  expect(made.runId).toMatch(/^[0-9a-f]{32}$/);
  expect(made.artifactUri).toBe(`mlflow-artifacts:/0/${made.runId}/artifacts`);
  expect(made).toEqual(await tracking.getRun(made.runId));
  await tracking.logBatch(made.runId, {
    params: [{ key: "p", value: "1" }],
    metrics: [point("m", 1, 0), point("m", 3, 2), point("m", 2, 1)],
    tags: [{ key: "mlflow.runName", value: "renamed" }],
  });
  clock.advance(5);
  const info = await tracking.updateRun(made.runId, { status: "FINISHED", endMs: clock.nowMs() });
  expect(info).toMatchObject({ name: "renamed", status: "FINISHED", endMs: 1_000_005 });
  const run = await tracking.getRun(made.runId);
  expect(run.metrics).toEqual([point("m", 3, 2)]);
  expect(run.params).toEqual([{ key: "p", value: "1" }]);
  await tracking.deleteRun(made.runId);
  await expect(tracking.logBatch(made.runId, { tags: [] })).rejects.toMatchObject({ code: "NOT_ACTIVE" });
  expect((await tracking.getRun(made.runId)).lifecycle).toBe("deleted");
  await tracking.restoreRun(made.runId);
  await tracking.logBatch(made.runId, { tags: [{ key: "x", value: "y" }] });
  await tracking.deleteTag(made.runId, "x");
  await expect(tracking.deleteTag(made.runId, "x")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});

test("params never change; the same value again is fine; a refused batch leaves nothing", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  await tracking.logBatch(runId, { params: [{ key: "p", value: "" }] });
  await tracking.logBatch(runId, { params: [{ key: "p", value: "" }] });
  const changing = tracking.logBatch(runId, {
    params: [
      { key: "new", value: "1" },
      { key: "p", value: "2" },
    ],
  });
  await expect(changing).rejects.toThrow("Changing param values is not allowed");
  expect((await tracking.getRun(runId)).params).toEqual([{ key: "p", value: "" }]);
  await db.close();
});

test("NaN, infinities and negative steps are kept; history is paged in order", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  const points = [
    point("m", Number.NaN, -3, 1),
    point("m", Number.POSITIVE_INFINITY, -2, 2),
    point("m", Number.NEGATIVE_INFINITY, -1, 2),
    point("m", 0, -1, 2),
  ];
  await tracking.logBatch(runId, { metrics: points });
  await tracking.logBatch(runId, { metrics: points });
  const seen: number[] = [];
  let pageToken: string | undefined;
  do {
    const page = await tracking.metricHistory(runId, "m", { maxResults: 1, ...(pageToken ? { pageToken } : {}) });
    expect(page.items.length).toBe(1);
    seen.push(page.items[0]!.value);
    pageToken = page.nextPageToken;
  } while (pageToken);
  expect(seen).toEqual([Number.NaN, Number.MAX_VALUE, -Number.MAX_VALUE, 0]);
  expect((await tracking.getRun(runId)).metrics).toEqual([point("m", 0, -1, 2)]);
  expect(await tracking.metricHistory("absent", "m")).toEqual({ items: [] });
  await expect(tracking.metricHistory(runId, "m", { pageToken: "%%%" })).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("names and sizes that MLflow refuses are refused, long values are cut", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  for (const key of ["", "/a", "a//b", "../a", "a/./b", "a/", "..", "a$b", "x".repeat(251)])
    await expect(tracking.logBatch(runId, { params: [{ key, value: "" }] })).rejects.toMatchObject({ code: "INVALID" });
  for (const key of ["a/b", "a b", "a:b", "größe", "x".repeat(250)])
    await tracking.logBatch(runId, { params: [{ key, value: "" }] });
  await tracking.logBatch(runId, { params: [{ key: "long", value: "é".repeat(6001) }] });
  expect((await tracking.getRun(runId)).params.find((p) => p.key === "long")!.value.length).toBe(6000);
  const many = Array.from({ length: 1001 }, (_, i) => point("m", i, i));
  await expect(tracking.logBatch(runId, { metrics: many })).rejects.toThrow(
    "A batch logging request can contain at most 1000 metrics. Got 1001 metrics.",
  );
  await expect(tracking.logBatch(runId, { metrics: [point("m", 1, 0, -1)] })).rejects.toMatchObject({
    code: "INVALID",
  });
  await db.close();
});

test("the longest names and values of the widest letters are kept, a longer run name is cut", async () => {
  const { tracking, db } = await setUp();
  // Letters of four bytes that no compression makes shorter: what an index entry must hold.
  const wide = (count: number) =>
    String.fromCodePoint(...crypto.getRandomValues(new Uint32Array(count)).map((n) => 0x20000 + (n % 40_000)));
  const { runId } = await tracking.createRun({ experimentId: "0", name: wide(8000) });
  const name = wide(501);
  await tracking.logBatch(runId, {
    tags: [
      { key: "mlflow.runName", value: name },
      { key: wide(250), value: wide(8000) },
    ],
    params: [{ key: wide(250), value: wide(6000) }],
    metrics: [point(wide(250), 1)],
  });
  const run = await tracking.getRun(runId);
  expect(run.name).toBe([...name].slice(0, 500).join(""));
  expect(run.tags.find((tag) => tag.key === "mlflow.runName")?.value).toBe(name);
  const dataset = { name: wide(500), digest: wide(36), sourceType: "local", source: wide(1000) };
  await tracking.logInputs(runId, { datasets: [{ dataset, tags: [{ key: wide(255), value: wide(500) }] }] });
  const experimentId = await tracking.createExperiment({
    name: wide(500),
    tags: [{ key: wide(250), value: wide(5000) }],
  });
  expect(experimentId).toBe("1");
  await db.close();
});

test("datasets and models are named once", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  const input = {
    dataset: { name: "d", digest: "1", sourceType: "local", source: "s", schema: "{}" },
    tags: [{ key: "mlflow.data.context", value: "training" }],
  };
  await tracking.logInputs(runId, { datasets: [input], modelIds: ["m-1"] });
  await tracking.logInputs(runId, { datasets: [input], modelIds: ["m-1"] });
  await tracking.logOutputs(runId, [{ modelId: "m-2", step: 4 }]);
  expect(await tracking.getRun(runId)).toMatchObject({
    datasets: [input],
    modelInputs: ["m-1"],
    modelOutputs: [{ modelId: "m-2", step: 4 }],
  });
  await db.close();
});

test("search pages newest first without loss or repetition", async () => {
  const { tracking, clock, db } = await setUp();
  const ids: string[] = [];
  for (let i = 0; i < 25; i++) {
    if (i % 3 === 0) clock.advance(1);
    ids.push((await tracking.createRun({ experimentId: "0" })).runId);
  }
  await tracking.deleteRun(ids[4]!);
  const seen: string[] = [];
  let pageToken: string | undefined;
  do {
    const page = await tracking.searchRuns({
      experimentIds: ["0"],
      maxResults: 8,
      ...(pageToken ? { pageToken } : {}),
    });
    seen.push(...page.items.map((run) => run.runId));
    pageToken = page.nextPageToken;
  } while (pageToken);
  expect(seen.length).toBe(24);
  expect(new Set(seen)).toEqual(new Set(ids.filter((_, i) => i !== 4)));
  await db.close();
});

test("10,000 writers to one run lose nothing", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => tracking.logBatch(runId, { metrics: [point("m", i, i, i)] })),
  );
  const { items } = await tracking.metricHistory(runId, "m");
  expect(items.length).toBe(10_000);
  expect((await tracking.getRun(runId)).metrics).toEqual([point("m", 9999, 9999, 9999)]);
  await db.close();
});

test("compare shows what differs", async () => {
  const { tracking, db } = await setUp();
  const make = async (depth: string, commit: string, f1: number) => {
    const { runId } = await tracking.createRun({
      experimentId: "0",
      tags: [
        { key: "mlflow.source.git.commit", value: commit },
        { key: "trimtab.env.bun", value: "1" },
      ],
    });
    await tracking.logBatch(runId, { params: [{ key: "depth", value: depth }], metrics: [point("f1", f1)] });
    return runId;
  };
  const runs = await tracking.getRuns([await make("3", "a", 0.5), await make("3", "b", 0.75)]);
  expect(compareRuns(runs)).toEqual([
    { section: "params", key: "depth", values: ["3", "3"], same: true },
    { section: "code", key: "mlflow.source.git.commit", values: ["a", "b"], same: false },
    { section: "environment", key: "bun", values: ["1", "1"], same: true },
    { section: "metrics", key: "f1", values: [0.5, 0.75], same: false },
  ]);
  await db.close();
});

test("history is thinned out evenly and keeps the first and the last step", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  for (let from = 0; from < 5000; from += 1000)
    await tracking.logBatch(runId, {
      metrics: Array.from({ length: 1000 }, (_, i) => point("m", from + i, from + i, from + i)),
    });
  const steps = async (query: Parameters<typeof tracking.metricInterval>[2]) =>
    (await tracking.metricInterval([runId, "absent"], "m", query)).map((found) => found.step);
  expect((await steps({ maxSteps: 2500 })).length).toBe(2500);
  expect(await steps({ maxSteps: 5 })).toEqual([0, 1250, 2500, 3750, 4999]);
  expect(await steps({ maxSteps: 3, steps: [10, 20] })).toEqual([10, 15, 20]);
  expect(await steps({ maxSteps: 50, steps: [10, 12] })).toEqual([10, 11, 12]);
  expect(await steps({ maxSteps: 1 })).toEqual([4999]);
  // Logged late with a step before all others: it is kept although it is neither first nor last in time.
  await tracking.logBatch(runId, { metrics: [point("m", 1, -7, 2500)] });
  expect((await steps({ maxSteps: 4 }))[0]).toBe(-7);
  await db.close();
});
