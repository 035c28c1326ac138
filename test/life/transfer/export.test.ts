/** What an export made on another server follows its original, and comes back whole to an empty one. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { exportMlflow } from "../../../src/life/transfer/export.ts";
import { importMlflow } from "../../../src/life/transfer/import.ts";
import { createRest } from "../../../src/life/transfer/rest.ts";
import { serverSource } from "../../../src/life/transfer/server-source.ts";
import { startMlflow } from "../../server/mlflow/start.ts";

type Server = Awaited<ReturnType<typeof startMlflow>>;
const MARK = "trimtab.exported_from";
const bytes = (text: string) => new TextEncoder().encode(text);
const textAt = async (server: Server, path: string) => new Response(await server.artifacts.get(path)).text();
const pathOf = (uri: string) => uri.slice("mlflow-artifacts:/".length);
const exportTo = (from: Server, to: Server) => exportMlflow(from, createRest(to.url, {}));

/** A run that made a logged model, which is registered. */
async function withModel() {
  const server = await startMlflow();
  const { tracking, registry, artifacts } = server;
  const experimentId = await tracking.createExperiment({ name: "flights", tags: [{ key: "team", value: "a" }] });
  const { runId } = await tracking.createRun({ experimentId, name: "parent" });
  const tags = [{ key: "mlflow.parentRunId", value: runId }];
  const child = (await tracking.createRun({ experimentId, name: "child", startMs: 1, tags })).runId;
  const made = { experimentId, name: "lm", modelType: "agent", sourceRunId: runId };
  const params = Array.from({ length: 130 }, (_, i) => ({ key: `p${i}`, value: String(i) }));
  const { modelId, artifactUri } = await tracking.createLoggedModel({ ...made, params: params.slice(0, 100) });
  await tracking.logModelParams(modelId, params.slice(100));
  await tracking.setLoggedModelTags(modelId, [{ key: "k", value: "v" }]);
  const point = {
    key: "auc",
    value: Number.NaN,
    timestampMs: 3,
    step: 1,
    modelId,
    datasetName: "d",
    datasetDigest: "1",
  };
  await tracking.logBatch(runId, { metrics: [point] });
  await tracking.logOutputs(runId, [{ modelId, step: 2 }]);
  await tracking.logInputs(child, { modelIds: [modelId] });
  await artifacts.put(`${pathOf(artifactUri)}/MLmodel`, bytes("flavors: {}\n"));
  await tracking.finishLoggedModel(modelId, "LOGGED_MODEL_READY");
  await registry.createModel({ name: "m", description: "one", tags: [{ key: "a", value: "1" }] });
  await registry.createVersion("m", { source: `models:/${modelId}`, modelId, description: "first" });
  await registry.createVersion("m", { source: "s3://bucket/model" });
  await registry.setAlias("m", "champion", 1);
  await registry.createModel({ name: "greet", tags: [{ key: "mlflow.prompt.is_prompt", value: "true" }] });
  return { ...server, experimentId, runId, child, modelId };
}

async function only<T>(page: Promise<{ items: T[] }>): Promise<T> {
  const { items } = await page;
  expect(items.length).toBe(1);
  return items[0]!;
}

test("logged models go along with all they have, and what was registered of them stays loadable", async () => {
  const [from, to] = [await withModel(), await startMlflow()];
  expect(await exportTo(from, to)).toMatchObject({ runs: 2, loggedModels: 1, files: 1, versions: 2, left: [] });
  const id = (await to.tracking.findExperiment("flights"))!.experimentId;
  const model = await only(to.tracking.searchLoggedModels({ experimentIds: [id] }));
  const original = await from.tracking.getLoggedModel(from.modelId);
  const runs = (await to.tracking.searchRuns({ experimentIds: [id] })).items;
  const [parent, child] = ["parent", "child"].map((name) => runs.find((run) => run.name === name)!);
  expect(model).toMatchObject({
    name: "lm",
    modelType: "agent",
    status: "LOGGED_MODEL_READY",
    sourceRunId: parent!.runId,
    params: original.params,
    metrics: [{ key: "auc", value: Number.NaN, step: 1, runId: parent!.runId, datasetName: "d", datasetDigest: "1" }],
  });
  expect(model.tags).toContainEqual({ key: "k", value: "v" });
  expect(parent!.modelOutputs).toEqual([{ modelId: model.modelId, step: 2 }]);
  expect(child!.modelInputs).toEqual([model.modelId]);
  expect(child!.tags).toContainEqual({ key: "mlflow.parentRunId", value: parent!.runId });
  expect(await to.registry.getVersion("m", 1)).toMatchObject({ modelId: model.modelId, storageUri: model.artifactUri });
  expect(await textAt(to, `${pathOf(model.artifactUri)}/MLmodel`)).toBe("flavors: {}\n");
  expect(await to.registry.getVersion("m", 2)).toMatchObject({ source: "s3://bucket/model" });
  expect(await to.registry.getModel("greet")).toBeDefined();
  await from.stop();
  await to.stop();
});

/** All that a client can read there. */
async function picture({ tracking, registry }: Server) {
  const experiments = (await tracking.searchExperiments({ lifecycle: "all", orderBy: ["experiment_id"] })).items;
  const experimentIds = experiments.map((one) => one.experimentId);
  const models = (await registry.searchModels({ filter: "name LIKE '%'" })).items;
  const [runs, loggedModels] = [
    (await tracking.searchRuns({ experimentIds, lifecycle: "all" })).items,
    (await tracking.searchLoggedModels({ experimentIds })).items,
  ];
  const versions = await Promise.all(models.map((model) => registry.listVersions(model.name)));
  return structuredClone({ experiments, models, runs, loggedModels, versions });
}

test("a second export changes nothing, and brings what has changed since", async () => {
  const [from, to] = [await withModel(), await startMlflow()];
  await exportTo(from, to);
  const before = await picture(to);
  to.clock.advance(1000);
  // Not even points that are there: MLflow 2 refuses NaN twice.
  expect(await exportTo(from, to)).toMatchObject({ metrics: 0, files: 0, versions: 0, left: [] });
  expect(await picture(to)).toEqual(before);

  const { tracking, registry, artifacts, runId, child, experimentId, modelId } = from;
  await tracking.renameExperiment(experimentId, "departures");
  await tracking.deleteExperimentTag(experimentId, "team");
  await tracking.setExperimentTag(experimentId, { key: "owner", value: "b" });
  await tracking.updateRun(runId, { name: "renamed", status: "FINISHED", endMs: 9 });
  await tracking.deleteRun(child);
  await tracking.deleteLoggedModelTag(modelId, "k");
  await artifacts.put(`${experimentId}/models/${modelId}/artifacts/MLmodel`, bytes("flavors: ()\n"));
  await registry.describeModel("m", "two");
  await registry.deleteModelTag("m", "a");
  await registry.describeVersion("m", 1, undefined);
  await registry.setVersionTag("m", 1, { key: "new", value: "1" });
  await registry.deleteAlias("m", "champion");
  await registry.setAlias("m", "best", 1);
  await registry.deleteVersion("m", 2);
  // What somebody added over there is theirs.
  await to.registry.createVersion("m", { source: "s3://theirs" });
  await to.registry.setAlias("m", "theirs", 3);
  expect(await exportTo(from, to)).toMatchObject({ files: 1, versions: 0, left: [] });

  const experiment = (await to.tracking.findExperiment("departures"))!;
  expect(experiment.tags.filter(({ key }) => key !== MARK)).toEqual([{ key: "owner", value: "b" }]);
  const run = await only(to.tracking.searchRuns({ experimentIds: [experiment.experimentId] }));
  expect(run).toMatchObject({ name: "renamed", status: "FINISHED", endMs: 9 });
  const model = await only(to.tracking.searchLoggedModels({ experimentIds: [experiment.experimentId] }));
  expect(model.tags.map(({ key }) => key)).not.toContain("k");
  expect(await textAt(to, `${pathOf(model.artifactUri)}/MLmodel`)).toBe("flavors: ()\n");
  const there = await to.registry.getModel("m");
  expect(there.description).toBe("two");
  expect(there.tags.map(({ key }) => key)).toEqual([MARK]);
  expect(there.aliases).toEqual([
    { alias: "best", version: 1 },
    { alias: "theirs", version: 3 },
  ]);
  const versions = await to.registry.listVersions("m");
  expect(versions.map((one) => one.version)).toEqual([1, 3]);
  expect(versions[0]!.description ?? "").toBe("");
  expect(versions[0]!.tags).toContainEqual({ key: "new", value: "1" });

  await tracking.restoreRun(child);
  await tracking.moveRuns([child], await tracking.createExperiment({ name: "other" }));
  await tracking.deleteLoggedModel(modelId);
  await exportTo(from, to);
  const other = (await to.tracking.findExperiment("other"))!.experimentId;
  expect((await only(to.tracking.searchRuns({ experimentIds: [other] }))).name).toBe("child");
  expect((await to.tracking.searchLoggedModels({ experimentIds: [experiment.experimentId] })).items).toEqual([]);
  await from.stop();
  await to.stop();
});

const text = fc.string({ minLength: 1, maxLength: 12 });
const key = fc.stringMatching(/^[a-z][a-z0-9_. /-]{0,8}[a-z]$/).filter((k) => !/\/\/|\/\.|\.\//.test(k));
const keyed = <T>(value: fc.Arbitrary<T>) => fc.dictionary(key, value, { maxKeys: 4 });
const aRun = fc.record({
  name: fc.stringMatching(/^[a-z]{1,8}$/),
  status: fc.constantFrom("RUNNING", "FINISHED", "FAILED", "KILLED" as const),
  params: keyed(text),
  tags: keyed(text),
  metrics: keyed(fc.array(fc.tuple(fc.double(), fc.integer()), { minLength: 1, maxLength: 5 })),
});
const pairs = (values: Record<string, string>) => Object.entries(values).map(([k, value]) => ({ key: k, value }));

/** Without what the way there and back gives anew. */
async function told(server: Server, experiment: string) {
  const { experimentId } = (await server.tracking.findExperiment(experiment))!;
  const { items } = await server.tracking.searchRuns({ experimentIds: [experimentId] });
  const runs = items.map(async ({ name, userId, status, startMs, endMs, params, tags, metrics, runId }) => ({
    ...{ name, userId, status, startMs, endMs, params, metrics },
    tags: tags.filter((tag) => tag.key !== MARK),
    histories: await Promise.all(
      metrics.map(async (metric) => (await server.tracking.metricHistory(runId, metric.key)).items),
    ),
  }));
  return (await Promise.all(runs)).sort((a, b) => a.startMs - b.startMs);
}

test("what goes out and comes back to an empty Trimtab is the same", async () => {
  let round = 0;
  const [from, there] = [await startMlflow(), await startMlflow()];
  await fc.assert(
    fc.asyncProperty(fc.array(aRun, { minLength: 1, maxLength: 3 }), text, async (runs, description) => {
      const name = `round-${++round}`;
      const experimentId = await from.tracking.createExperiment({ name });
      await from.registry.createModel({ name, description });
      for (const [i, made] of runs.entries()) {
        const tags = pairs(made.tags);
        const { runId } = await from.tracking.createRun({ experimentId, name: made.name, startMs: i + 1, tags });
        const metrics = Object.entries(made.metrics).flatMap(([metric, points]) =>
          points.map(([value, step], at) => ({ key: metric, value, step, timestampMs: at })),
        );
        await from.tracking.logBatch(runId, { params: pairs(made.params), metrics });
        await from.tracking.updateRun(runId, { status: made.status, ...(i === 0 ? { endMs: 5 } : {}) });
        const version = await from.registry.createVersion(name, { source: `runs:/${runId}/model`, tags });
        await from.registry.setAlias(name, `a${version.version}`, version.version);
      }
      await exportTo(from, there);
      const back = await startMlflow();
      await importMlflow(serverSource(createRest(there.url, {})), back);
      expect(await told(back, name)).toEqual(await told(from, name));
      const versionsOf = async ({ registry }: Server) =>
        (await registry.listVersions(name)).map(({ version, tags, aliases }) => ({
          ...{ version, aliases },
          tags: tags.filter((tag) => tag.key !== MARK),
        }));
      expect(await versionsOf(back)).toEqual(await versionsOf(from));
      expect((await back.registry.getModel(name)).description).toBe(description);
      await back.stop();
    }),
    { numRuns: 12 },
  );
  await from.stop();
  await there.stop();
});
