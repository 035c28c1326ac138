import { expect } from "bun:test";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { listEvents } from "../../src/db/events.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { openArtifactStore } from "../../src/store/artifacts.ts";
import { withMounts } from "../../src/store/mounts.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";
import { tempFolder } from "../temp.ts";

const { test, open } = overEngines();

async function setUp() {
  const db = await open();
  const clock = new ManualClock(1000);
  const folder = tempFolder();
  const artifacts = openArtifactStore(join(folder, "artifacts"));
  const tracking = createTracking({ db, clock, artifacts });
  const registry = createRegistry({ db, clock, modelsDir: join(folder, "models") });
  const runWith = async (experimentId: string, endMs: number) => {
    const { runId } = await tracking.createRun({ experimentId, startMs: 1 });
    await tracking.logBatch(runId, {
      metrics: [{ key: "m", value: 1, timestampMs: 1, step: 0 }],
      params: [{ key: "p", value: "1" }],
    });
    await tracking.updateRun(runId, { status: "FINISHED", endMs });
    await artifacts.put(`${experimentId}/${runId}/artifacts/f`, new Uint8Array(3));
    return runId;
  };
  return { db, clock, artifacts, tracking, registry, runWith };
}

test("what was deleted long enough ago goes for good, with its files and all its rows", async () => {
  const { db, clock, artifacts, tracking, registry, runWith } = await setUp();
  const gone = await tracking.createExperiment({ name: "gone" });
  const [inGone, deleted, kept, used] = [
    await runWith(gone, 10),
    await runWith("0", 10),
    await runWith("0", 10),
    await runWith("0", 10),
  ];
  const model = await tracking.createLoggedModel({ experimentId: gone, sourceRunId: inGone });
  await registry.ensureModel("m");
  await registry.createVersion("m", { source: `runs:/${used}/f` });
  await tracking.deleteExperiment(gone);
  await tracking.deleteRun(deleted);
  await tracking.deleteRun(used);
  expect(await tracking.purge({ deletedBeforeMs: 1000 })).toEqual({ runs: 0, loggedModels: 0, experiments: [] });
  clock.advance(1);
  const rule = { deletedBeforeMs: 1001 };
  expect((await tracking.purgeable(rule)).map((run) => run.runId).sort()).toEqual([inGone, deleted].sort());
  expect(await tracking.purge(rule)).toEqual({ runs: 2, loggedModels: 1, experiments: ["gone"] });
  for (const runId of [inGone, deleted])
    await expect(tracking.getRun(runId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await tracking.getRun(used)).lifecycle).toBe("deleted");
  expect((await tracking.getRun(kept)).metrics.length).toBe(1);
  await expect(tracking.getLoggedModel(model.modelId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await artifacts.size(`0/${deleted}/artifacts/f`)).toBeUndefined();
  expect(await artifacts.size(`0/${kept}/artifacts/f`)).toBe(3);
  for (const table of ["metrics", "latest_metrics", "params", "run_tags"])
    expect((await db.get<{ n: number }>(`SELECT count(DISTINCT run_seq) AS n FROM ${table}`))!.n).toBe(2);
  expect(await tracking.createExperiment({ name: "gone" })).toBe("2");
  expect((await listEvents(db, { kind: "runs.purged" })).length).toBe(1);
  await db.close();
});

test("runs that ended long ago go by policy, those of living versions and those that still run stay", async () => {
  const { db, tracking, registry, runWith } = await setUp();
  const [old, young, used] = [await runWith("0", 10), await runWith("0", 500), await runWith("0", 10)];
  const running = (await tracking.createRun({ experimentId: "0", startMs: 1 })).runId;
  await registry.ensureModel("m");
  const { version } = await registry.createVersion("m", { source: `runs:/${used}/f` });
  expect((await tracking.purge({ endedBeforeMs: 100 })).runs).toBe(1);
  await expect(tracking.getRun(old)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await registry.deleteVersion("m", version);
  expect((await tracking.purge({ endedBeforeMs: 100 })).runs).toBe(1);
  const left = (await tracking.searchRuns({ experimentIds: ["0"] })).items.map((run) => run.runId);
  expect(left.sort()).toEqual([young, running].sort());
  await db.close();
});

test("runs move between experiments, are found there, and keep their files", async () => {
  const { db, artifacts, tracking, runWith } = await setUp();
  const target = await tracking.createExperiment({ name: "target" });
  const runId = await runWith("0", 10);
  const input = {
    dataset: { name: "d", digest: "1", sourceType: "local", source: "s" },
    tags: [{ key: "mlflow.data.context", value: "training" }],
  };
  await tracking.logInputs(runId, { datasets: [input] });
  const before = await tracking.getRun(runId);
  await tracking.moveRuns([runId], target);
  expect(await tracking.getRun(runId)).toEqual({ ...before, experimentId: target });
  const found = (query: object) => tracking.searchRuns({ experimentIds: [target], ...query });
  for (const filter of ["metrics.m = 1", "params.p = '1'", "tags.`mlflow.runName` LIKE '%'", "dataset.name = 'd'"])
    expect((await found({ filter })).items.length).toBe(1);
  expect((await found({ orderBy: ["metrics.m DESC"] })).items.length).toBe(1);
  expect((await tracking.searchRuns({ experimentIds: ["0"], filter: "metrics.m = 1" })).items).toEqual([]);
  expect(await artifacts.size(`0/${runId}/artifacts/f`)).toBe(3);
  await expect(tracking.moveRuns([runId, "none"], "0")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(tracking.moveRuns([runId], "77")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await tracking.deleteExperiment(target);
  await expect(tracking.moveRuns([runId], target)).rejects.toMatchObject({ code: "NOT_ACTIVE" });
  await db.close();
});

test("deleted logged models go too, and what an experiment held besides runs does not keep its name", async () => {
  const { db, clock, artifacts, tracking, registry } = await setUp();
  const gone = await tracking.createExperiment({ name: "gone" });
  const made = async (experimentId: string, name: string) => {
    const { modelId } = await tracking.createLoggedModel({ experimentId, name });
    const path = `${experimentId}/models/${modelId}/artifacts/f`;
    await artifacts.put(path, new Uint8Array(3));
    return { modelId, path };
  };
  const [deleted, kept, used, inGone] = [
    await made("0", "deleted"),
    await made("0", "kept"),
    await made("0", "used"),
    await made(gone, "in gone"),
  ];
  await registry.createModel({ name: "m" });
  await registry.createVersion("m", { source: `models:/${used.modelId}` });
  const trace = { traceId: "tr-1", experimentId: gone, requestMs: 1, state: "OK" as const };
  await tracking.putTrace({ ...trace, tags: [], metadata: [], assessments: [] });
  await artifacts.put(`${gone}/traces/tr-1/artifacts/traces.json`, new Uint8Array(3));
  // What a client says of a trace's place must not take the files of others away, nor keep the purge from its end.
  const elsewhere = "0/r/artifacts/f";
  await artifacts.put(elsewhere, new Uint8Array(3));
  for (const [traceId, value] of [
    ["tr-1", "mlflow-artifacts:/0"],
    ["../../0", "mlflow-artifacts:/../0"],
  ] as const) {
    await tracking.putTrace({ ...trace, traceId, tags: [], metadata: [], assessments: [] });
    await tracking.setTraceTag(traceId, { key: "mlflow.artifactLocation", value });
  }
  for (const { modelId } of [deleted, used]) await tracking.deleteLoggedModel(modelId);
  await tracking.deleteExperiment(gone);
  clock.advance(10);
  expect(await tracking.purge({ deletedBeforeMs: 5 })).toMatchObject({ loggedModels: 0, experiments: [] });
  expect(await tracking.purge({ deletedBeforeMs: 5000 })).toEqual({ runs: 0, loggedModels: 2, experiments: ["gone"] });
  const sizes = await Promise.all([deleted, kept, used, inGone].map(({ path }) => artifacts.size(path)));
  expect(sizes).toEqual([undefined, 3, 3, undefined]);
  expect(await artifacts.size(`${gone}/traces/tr-1/artifacts/traces.json`)).toBeUndefined();
  expect(await artifacts.size(elsewhere)).toBe(3);
  await expect(tracking.getTrace("tr-1")).rejects.toMatchObject({ code: "NOT_FOUND" });
  const events = await listEvents(db, { subject: "logged_models" });
  expect(events.map((event) => event.kind)).toEqual(["logged_models.purged"]);
});

test("a run whose experiment names a place among published models goes, and the models stay", async () => {
  const { db, clock, artifacts } = await setUp();
  const models = openArtifactStore(tempFolder());
  await models.put("m/1_v1/MLmodel", new Uint8Array(2));
  const tracking = createTracking({ db, clock, artifacts: withMounts(artifacts, { models }) });
  const experimentId = await tracking.createExperiment({ name: "sly", artifactLocation: "mlflow-artifacts:/models/m" });
  const { runId } = await tracking.createRun({ experimentId, startMs: 1 });
  await tracking.deleteRun(runId);
  clock.advance(1);
  expect((await tracking.purge({ deletedBeforeMs: 1001 })).runs).toBe(1);
  await expect(tracking.getRun(runId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await models.size("m/1_v1/MLmodel")).toBe(2);
  await db.close();
});
