import { expect } from "bun:test";
import { ManualClock } from "../../src/base/clock.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();

async function setUp() {
  const db = await open();
  const clock = new ManualClock(1000);
  return { db, clock, tracking: createTracking({ db, clock }) };
}

test("a logged model is made pending, finished, tagged, deleted", async () => {
  const { tracking, db } = await setUp();
  const made = await tracking.createLoggedModel({
    experimentId: "0",
    name: "lm",
    modelType: "agent",
    sourceRunId: "r",
    params: [{ key: "p", value: "1" }],
    tags: [{ key: "t", value: "1" }],
  });
  expect(made.modelId).toMatch(/^m-[0-9a-f]{32}$/);
  expect(made).toMatchObject({
    status: "LOGGED_MODEL_PENDING",
    artifactUri: `mlflow-artifacts:/0/models/${made.modelId}/artifacts`,
    params: [{ key: "p", value: "1" }],
  });
  expect((await tracking.finishLoggedModel(made.modelId, "LOGGED_MODEL_READY")).status).toBe("LOGGED_MODEL_READY");
  await tracking.setLoggedModelTags(made.modelId, [{ key: "t", value: "2" }]);
  await tracking.logModelParams(made.modelId, [{ key: "p", value: "1" }]);
  await expect(tracking.logModelParams(made.modelId, [{ key: "p", value: "2" }])).rejects.toMatchObject({
    code: "INVALID",
  });
  expect((await tracking.getLoggedModel(made.modelId)).tags).toEqual([{ key: "t", value: "2" }]);
  await tracking.deleteLoggedModelTag(made.modelId, "t");
  await expect(tracking.deleteLoggedModelTag(made.modelId, "t")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await tracking.deleteLoggedModel(made.modelId);
  await tracking.deleteLoggedModel(made.modelId);
  await expect(tracking.getLoggedModel(made.modelId)).rejects.toThrow(
    `Logged model with ID '${made.modelId}' not found.`,
  );
  expect((await tracking.getLoggedModel(made.modelId, { deletedToo: true })).lifecycle).toBe("deleted");
  for (const name of ["", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "a`b"])
    await expect(tracking.createLoggedModel({ experimentId: "0", name })).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("a metric has a value on each dataset, also at one moment, and names are taken as they are", async () => {
  const { tracking, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0", tags: [{ key: "a@b, c", value: "v" }] });
  const { modelId } = await tracking.createLoggedModel({
    experimentId: "0",
    params: [{ key: "model_kwargs['x']", value: "1" }],
    tags: [{ key: "who?", value: "me" }],
  });
  const point = (value: number, datasetName?: string) => ({
    key: "acc",
    value,
    timestampMs: 1,
    step: 0,
    modelId,
    ...(datasetName ? { datasetName, datasetDigest: "1" } : {}),
  });
  for (const metric of [point(0.1, "train"), point(0.2, "test"), point(0.3), point(0.4, "test")])
    await tracking.logBatch(runId, { metrics: [metric] });
  const model = await tracking.getLoggedModel(modelId);
  expect(model.metrics.map(({ value, datasetName }) => [datasetName, value])).toEqual([
    [undefined, 0.3],
    ["test", 0.4],
    ["train", 0.1],
  ]);
  expect([model.params, model.tags]).toEqual([
    [{ key: "model_kwargs['x']", value: "1" }],
    [{ key: "who?", value: "me" }],
  ]);
  await expect(tracking.logBatch(runId, { metrics: [{ ...point(1), datasetName: "x" }] })).rejects.toMatchObject({
    code: "INVALID",
  });
  for (const key of ["", "a\0b", "x".repeat(251)])
    await expect(tracking.createRun({ experimentId: "0", tags: [{ key, value: "" }] })).rejects.toMatchObject({
      code: "INVALID",
    });
  await db.close();
});

test("metrics belong to the run and to the model, and are searched on their dataset", async () => {
  const { tracking, clock, db } = await setUp();
  const { runId } = await tracking.createRun({ experimentId: "0" });
  const ids: Record<string, string> = {};
  for (const [i, name] of ["a", "b", "c", "d"].entries()) {
    clock.advance(10);
    const { modelId } = await tracking.createLoggedModel({
      experimentId: "0",
      name,
      params: [{ key: "depth", value: String(i) }],
      tags: [{ key: "kind", value: i < 2 ? "low" : "high" }],
    });
    ids[name] = modelId;
    if (name === "d") continue;
    const metric = (value: number, timestampMs: number, datasetName: string) => ({
      key: "acc",
      value,
      timestampMs,
      step: 0,
      modelId,
      datasetName,
      datasetDigest: "1",
    });
    await tracking.logBatch(runId, {
      metrics: [metric(i / 10, 1, "train"), metric(name === "c" ? Number.NaN : 1 - i / 10, 2, "test")],
    });
  }
  expect((await tracking.getLoggedModel(ids.a!)).metrics).toMatchObject([
    { key: "acc", value: 0, runId, datasetName: "train" },
    { key: "acc", value: 1, runId, datasetName: "test" },
  ]);
  const names = async (query: object) =>
    (await tracking.searchLoggedModels({ experimentIds: ["0"], ...query })).items.map((model) => model.name);
  expect(await names({})).toEqual(["d", "c", "b", "a"]);
  expect(await names({ filter: "metrics.acc > 0.95" })).toEqual(["a"]);
  expect(await names({ filter: "metrics.acc < 0.15" })).toEqual(["b", "a"]);
  expect(await names({ filter: "metrics.acc < 0.95", datasets: [{ name: "test" }] })).toEqual(["b"]);
  expect(await names({ datasets: [{ name: "test", digest: "1" }] })).toEqual(["c", "b", "a"]);
  expect(await names({ datasets: [{ name: "test", digest: "2" }] })).toEqual([]);
  expect(await names({ filter: "params.depth IN ('1', '3') AND tags.kind = 'high'" })).toEqual(["d"]);
  expect(await names({ filter: "name LIKE '%'", orderBy: [{ field: "name", descending: false }] })).toEqual([
    "a",
    "b",
    "c",
    "d",
  ]);
  // The latest value counts: that on "test". NaN comes after numbers, missing last, in either direction.
  expect(await names({ orderBy: [{ field: "metrics.acc", descending: false }] })).toEqual(["b", "a", "c", "d"]);
  expect(await names({ orderBy: [{ field: "metrics.acc", descending: true }] })).toEqual(["a", "b", "c", "d"]);
  const onTrain = { field: "metrics.acc", descending: true, dataset: { name: "train" } };
  expect(await names({ orderBy: [onTrain] })).toEqual(["c", "b", "a", "d"]);
  const paged: string[] = [];
  let pageToken: string | undefined;
  do {
    const query = { experimentIds: ["0"], orderBy: [onTrain], maxResults: 1, ...(pageToken ? { pageToken } : {}) };
    const page = await tracking.searchLoggedModels(query);
    paged.push(...page.items.map((model) => model.name));
    pageToken = page.nextPageToken;
  } while (pageToken);
  expect(paged).toEqual(["c", "b", "a", "d"]);
  for (const filter of ["metric.acc > 1", "nothing = 'x'", "metrics.acc LIKE 'x'"])
    await expect(names({ filter })).rejects.toMatchObject({ code: "INVALID" });
  const lost = { key: "m", value: 1, timestampMs: 1, step: 0, modelId: "m-none" };
  await expect(tracking.logBatch(runId, { metrics: [lost] })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});
