import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { injectFaults } from "../../src/base/files.ts";
import { listEvents } from "../../src/db/events.ts";
import { judge } from "../../src/registry/gate.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";
import { tempFolder } from "../temp.ts";

const { test, open } = overEngines();

async function setUp() {
  const folder = tempFolder();
  const db = await open();
  const clock = new ManualClock(Date.UTC(2001, 2, 4, 5, 6, 7));
  const options = { db, clock, modelsDir: join(folder, "models") };
  return { folder, db, clock, registry: createRegistry(options), tracking: createTracking({ db, clock }) };
}

function stage(folder: string, text = "flavors: {}\n"): string {
  const staging = join(folder, "tmp", crypto.randomUUID());
  mkdirSync(join(staging, "data"), { recursive: true });
  writeFileSync(join(staging, "MLmodel"), text);
  writeFileSync(join(staging, "data", "weights"), "1");
  return staging;
}

test("versions are numbered from 1 and a number is never given twice", async () => {
  const { registry, db } = await setUp();
  await registry.ensureModel("m");
  await registry.ensureModel("m");
  const make = async () => (await registry.createVersion("m", { source: "s3://b/s" })).version;
  expect([await make(), await make(), await make()]).toEqual([1, 2, 3]);
  await registry.deleteVersion("m", 3);
  expect(await make()).toBe(4);
  await registry.deleteModel("m");
  await registry.ensureModel("m");
  expect(await make()).toBe(5);
  await expect(registry.createVersion("absent", { source: "s3://b/s" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});

test("versions that are registered at once get each a number of their own", async () => {
  const { registry, db } = await setUp();
  await registry.ensureModel("m");
  const made = await Promise.all(Array.from({ length: 20 }, () => registry.createVersion("m", { source: "s3://b/x" })));
  expect(made.map((one) => one.version).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  await db.close();
});

test("a staged folder is published under its time and number, with its row", async () => {
  const { registry, folder, db } = await setUp();
  await registry.ensureModel("flight-delay");
  const staging = stage(folder);
  const version = await registry.publishVersionFolder("flight-delay", staging, {
    description: "first",
    tags: [{ key: "a", value: "b" }],
  });
  expect(version.folder).toBe(join(folder, "models", "flight-delay", "20010304_050607_v1"));
  expect(readFileSync(join(version.folder, "data", "weights"), "utf8")).toBe("1");
  expect(existsSync(staging)).toBe(false);
  expect(await registry.getVersion("flight-delay", 1)).toMatchObject({
    folder: version.folder,
    description: "first",
    tags: [{ key: "a", value: "b" }],
    source: "mlflow-artifacts:/models/flight-delay/20010304_050607_v1",
  });
  await expect(registry.publishVersionFolder("flight-delay", folder)).rejects.toMatchObject({ code: "MODEL_INVALID" });
  await db.close();
});

test("a crash while publishing leaves no version and burns the number; the orphan is swept", async () => {
  const { registry, folder, db, clock } = await setUp();
  await registry.ensureModel("m");
  const restore = injectFaults((at) => {
    if (at === "rename") throw new Error("crash");
  });
  await expect(registry.publishVersionFolder("m", stage(folder))).rejects.toThrow("crash");
  restore();
  expect(await registry.listVersions("m")).toEqual([]);
  // The crash between the rename and the row: the folder is there, the row is not.
  mkdirSync(join(folder, "models", "m", "20010304_050607_v2"), { recursive: true });
  const second = await registry.publishVersionFolder("m", stage(folder));
  expect(second.version).toBe(2);
  clock.set(Date.now() + 3_600_000);
  expect(await registry.sweepOrphans(7_200_000)).toEqual([]);
  await db.run("UPDATE model_versions SET folder = NULL WHERE version = 2");
  expect(await registry.sweepOrphans(60_000)).toEqual([join(folder, "models", "m", "20010304_050607_v2")]);
  await db.close();
});

test("names that a folder cannot have are encoded", async () => {
  const { registry, folder, db } = await setUp();
  for (const name of ["...", "a model", "ünïcode"]) {
    await registry.ensureModel(name);
    const version = await registry.publishVersionFolder(name, stage(folder));
    expect(version.folder.startsWith(`${join(folder, "models")}/`)).toBe(true);
    expect(existsSync(join(version.folder, "MLmodel"))).toBe(true);
  }
  for (const name of ["", ".", "..", "a/b", "a:b", "a\0b"])
    await expect(registry.ensureModel(name)).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("aliases move, latest is the newest, a deleted version loses its aliases", async () => {
  const { registry, db } = await setUp();
  await registry.ensureModel("m");
  await registry.createVersion("m", { source: "s3://b/a" });
  await registry.createVersion("m", { source: "s3://b/b" });
  await registry.setAlias("m", "champion", 1);
  await registry.setAlias("m", "challenger", 1);
  await registry.setAlias("m", "champion", 2);
  expect((await registry.getByAlias("m", "champion"))?.version).toBe(2);
  expect((await registry.getByAlias("m", "latest"))?.version).toBe(2);
  expect((await registry.getModel("m")).aliases).toEqual([
    { alias: "challenger", version: 1 },
    { alias: "champion", version: 2 },
  ]);
  await registry.deleteVersion("m", 2);
  expect(await registry.getByAlias("m", "champion")).toBeUndefined();
  expect((await registry.getByAlias("m", "latest"))?.version).toBe(1);
  for (const alias of ["", "latest", "Latest", "v1", "V22", "a b", "x".repeat(256)])
    await expect(registry.setAlias("m", alias, 1)).rejects.toMatchObject({ code: "INVALID" });
  await expect(registry.setAlias("m", "x", 9)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});

test("renaming a model takes everything along", async () => {
  const { registry, db } = await setUp();
  await registry.createModel({ name: "old", description: "d", tags: [{ key: "k", value: "v" }] });
  await registry.createVersion("old", { source: "s3://b/a", tags: [{ key: "t", value: "u" }] });
  await registry.setAlias("old", "champion", 1);
  await registry.createModel({ name: "taken" });
  await expect(registry.renameModel("old", "taken")).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await expect(registry.renameModel("old", "..")).rejects.toMatchObject({ code: "INVALID" });
  await registry.renameModel("old", "old");
  await registry.renameModel("old", "new");
  const model = await registry.getModel("new");
  expect(model).toMatchObject({ description: "d", tags: [{ key: "k", value: "v" }] });
  expect(model.latest[0]).toMatchObject({
    name: "new",
    version: 1,
    aliases: ["champion"],
    tags: [{ key: "t", value: "u" }],
  });
  expect((await registry.createVersion("new", { source: "s3://b/b" })).version).toBe(2);
  await expect(registry.getModel("old")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});

test("stages move, archive the others when asked, and give the latest of each", async () => {
  const { registry, db } = await setUp();
  await registry.ensureModel("m");
  for (const source of ["s3://b/a", "s3://b/b", "s3://b/c"]) await registry.createVersion("m", { source });
  await registry.transitionStage("m", 1, { stage: "production" });
  await registry.transitionStage("m", 2, { stage: "Production", archiveExisting: true });
  expect((await registry.listVersions("m")).map((v) => v.stage)).toEqual(["Archived", "Production", "None"]);
  expect((await registry.latestVersions("m", ["production", "None"])).map((v) => v.version)).toEqual([2, 3]);
  await expect(registry.transitionStage("m", 1, { stage: "Nowhere" })).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("lineage names run, code, data, parent and verdicts", async () => {
  const { registry, tracking, db } = await setUp();
  const run = await tracking.createRun({
    experimentId: "0",
    parentRunId: "p1",
    tags: [
      { key: "mlflow.source.git.commit", value: "abc" },
      { key: "trimtab.git.dirty", value: "true" },
      { key: "trimtab.trigger", value: "drift" },
      { key: "trimtab.env.python", value: "3.12" },
    ],
  });
  await tracking.logBatch(run.runId, {
    params: [{ key: "depth", value: "3" }],
    metrics: [{ key: "f1", value: 0.5, timestampMs: 1, step: 0 }],
  });
  await tracking.logInputs(run.runId, {
    datasets: [{ dataset: { name: "flights", digest: "d1", sourceType: "local", source: "x" }, tags: [] }],
  });
  await registry.ensureModel("m");
  const { version } = await registry.createVersion("m", { source: "s3://b/s", runId: run.runId });
  await registry.recordVerdict("m", judge([{ metric: "f1", line: 1, min: 0.4 }], { f1: 0.5 }), { version });
  const lineage = await registry.lineage("m", version);
  expect(lineage.run).toMatchObject({
    git: { commit: "abc", dirty: true },
    trigger: "drift",
    parentRunId: "p1",
    params: { depth: "3" },
    metrics: { f1: 0.5 },
    environment: { python: "3.12" },
    datasets: [{ name: "flights", digest: "d1", source: "x" }],
  });
  expect(lineage.verdicts.map((v) => v.verdict.pass)).toEqual([true]);
  expect((await listEvents(db, { subject: "model/m" })).map((e) => e.kind)).toEqual([
    "model.created",
    "version.created",
  ]);
  await db.close();
});

test("models and versions are searched; prompts are hidden unless the filter speaks of them", async () => {
  const { registry, clock, db } = await setUp();
  const prompt = { key: "mlflow.prompt.is_prompt", value: "true" };
  for (const name of ["beta", "alpha", "prompt"]) {
    clock.advance(1000);
    await registry.createModel({ name, tags: name === "prompt" ? [prompt] : [{ key: "team", value: name }] });
    for (const runId of ["r1", "r2"])
      await registry.createVersion(name, { source: `s3://b/${runId}`, runId, tags: name === "prompt" ? [prompt] : [] });
  }
  const models = async (query: Parameters<typeof registry.searchModels>[0]) =>
    (await registry.searchModels(query)).items.map((model) => model.name);
  expect(await models({})).toEqual(["alpha", "beta"]);
  expect(await models({ filter: "tag.`mlflow.prompt.is_prompt` != 'true'" })).toEqual(["alpha", "beta"]);
  expect(await models({ filter: "tags.`mlflow.prompt.is_prompt` = 'true'" })).toEqual(["prompt"]);
  expect(await models({ filter: "name ILIKE 'ALP%'", orderBy: ["timestamp DESC"] })).toEqual(["alpha"]);
  expect(await models({ filter: "tags.team = 'beta'" })).toEqual(["beta"]);
  const versions = async (query: Parameters<typeof registry.searchVersions>[0]) =>
    (await registry.searchVersions(query)).items.map((version) => `${version.name}/${version.version}`);
  expect(await versions({})).toEqual(["alpha/2", "alpha/1", "beta/2", "beta/1"]);
  expect(await versions({ filter: "run_id IN ('r1') AND name = 'beta'" })).toEqual(["beta/1"]);
  expect(await versions({ filter: "version_number > 1", orderBy: ["name DESC"] })).toEqual(["beta/2", "alpha/2"]);
  expect(await versions({ filter: "source_path LIKE '%r2'" })).toEqual(["alpha/2", "beta/2"]);
  await registry.deleteVersion("alpha", 2);
  const first = await registry.searchVersions({ maxResults: 2 });
  expect(first.items.map((v) => `${v.name}/${v.version}`)).toEqual(["alpha/1", "beta/2"]);
  expect(await versions({ maxResults: 2, pageToken: first.nextPageToken! })).toEqual(["beta/1"]);
  for (const filter of ["name > 'a'", "run_id = 5", "nothing = 'x'", "params.a = 'b'"])
    await expect(registry.searchVersions({ filter })).rejects.toMatchObject({ code: "INVALID" });
  await expect(registry.searchModels({ maxResults: 1001 })).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});
