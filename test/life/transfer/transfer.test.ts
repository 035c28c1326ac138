/** Moving in and out: from one server to another and back, and from MLflow's own SQLite file. */

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportMlflow } from "../../../src/life/transfer/export.ts";
import { fileSource } from "../../../src/life/transfer/file-source.ts";
import { importMlflow } from "../../../src/life/transfer/import.ts";
import { createRest } from "../../../src/life/transfer/rest.ts";
import { serverSource } from "../../../src/life/transfer/server-source.ts";
import { spansFromJson } from "../../../src/tracking/otlp.ts";
import type { Trace } from "../../../src/tracking/types.ts";
import { startMlflow } from "../../server/mlflow/start.ts";
import { tempFolder } from "../../temp.ts";

type Server = Awaited<ReturnType<typeof startMlflow>>;
const bytes = (text: string) => new TextEncoder().encode(text);
const textAt = async (server: Server, path: string) => new Response(await server.artifacts.get(path)).text();

/** A server with some of everything. */
async function filled(): Promise<{ server: Server; runId: string; deletedId: string; modelId: string }> {
  const server = await startMlflow();
  const { tracking, registry, artifacts } = server;
  const experimentId = await tracking.createExperiment({ name: "flights", tags: [{ key: "team", value: "a" }] });
  const gone = await tracking.createExperiment({ name: "gone" });
  await tracking.deleteExperiment(gone);
  const { runId } = await tracking.createRun({
    experimentId,
    name: "best",
    user: "ann",
    startMs: 5,
    tags: [{ key: "t", value: "1" }],
  });
  await tracking.logBatch(runId, {
    params: [{ key: "depth", value: "3" }],
    metrics: [
      ...Array.from({ length: 990 }, (_, i) => ({ key: "loss", value: 1 / (i + 1), timestampMs: i, step: i })),
      { key: "odd", value: Number.NaN, timestampMs: 1, step: -2 },
    ],
  });
  await tracking.logInputs(runId, {
    datasets: [
      {
        dataset: { name: "d", digest: "1", sourceType: "local", source: "s", schema: "{}" },
        tags: [{ key: "mlflow.data.context", value: "training" }],
      },
    ],
  });
  await tracking.updateRun(runId, { status: "FINISHED", endMs: 99 });
  await artifacts.put(`${experimentId}/${runId}/artifacts/model/MLmodel`, bytes("flavors: {}\n"));
  await artifacts.put(`${experimentId}/${runId}/artifacts/model/data/weights ü.bin`, bytes("12345"));
  const deletedId = (await tracking.createRun({ experimentId, name: "bad" })).runId;
  await tracking.deleteRun(deletedId);
  const { modelId } = await tracking.createLoggedModel({ experimentId, name: "lm", sourceRunId: runId });
  await tracking.finishLoggedModel(modelId, "LOGGED_MODEL_READY");
  await artifacts.put(`${experimentId}/models/${modelId}/artifacts/f`, bytes("logged"));
  await tracing(server, experimentId, runId);
  await registry.createModel({ name: "m", description: "about", tags: [{ key: "k", value: "v" }] });
  for (const source of [`runs:/${runId}/model`, `models:/${modelId}`, `runs:/${runId}/model`])
    await registry.createVersion("m", { source });
  await registry.deleteVersion("m", 2);
  await registry.setAlias("m", "champion", 3);
  await registry.transitionStage("m", 3, { stage: "Production", archiveExisting: false });
  return { server, runId, deletedId, modelId };
}

/** A trace whose spans came as OTLP, and one of an older client, whose spans are an artifact. */
async function tracing({ tracking, artifacts }: Server, experimentId: string, runId: string): Promise<void> {
  const [spanId, parentSpanId] = ["00f067aa0ba902b7", "b7ad6b7169203331"];
  const traceId = "1".repeat(32);
  const [start, end] = ["1700000000123456789", "1700000000223456789"];
  const times = { startTimeUnixNano: start, endTimeUnixNano: end };
  const attributes = [{ key: "n", value: { arrayValue: { values: [{ intValue: "7" }] } } }];
  const spans = [
    { traceId, spanId: parentSpanId, name: "answer", ...times, attributes },
    { traceId, spanId, parentSpanId, name: "look up", ...times, status: { code: 2, message: "no" } },
  ];
  await tracking.logSpans(experimentId, spansFromJson({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), runId);
  await tracking.setTraceTag(`tr-${traceId}`, { key: "kind", value: "good" });
  await tracking.createAssessment(`tr-${traceId}`, {
    assessment_id: "a-1",
    assessment_name: "nice",
    feedback: { value: true },
  });
  const old = { traceId: "tr-old", experimentId, requestMs: 7, durationMs: 5, state: "ERROR" as const };
  await tracking.putTrace({ ...old, tags: [], metadata: [{ key: "mlflow.sourceRun", value: runId }] });
  await artifacts.put(`${experimentId}/traces/tr-old/artifacts/traces.json`, bytes('{"spans": []}'));
}

/** Without where it is, which is its home's. */
const untied = (trace: Trace) => ({
  ...trace,
  experimentId: "",
  tags: trace.tags.filter(({ key }) => key !== "mlflow.artifactLocation"),
});

test("traces are brought over with their spans and what was thought of them", async () => {
  const { server, runId } = await filled();
  const target = await startMlflow();
  await target.tracking.createExperiment({ name: "already here" });
  // MLflow's own server has names in snake case and nanoseconds as numbers.
  const its = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const answer = await fetch(server.url + pathname + search, {
        method: request.method,
        headers: request.headers,
        body: request.body,
      });
      if (!pathname.endsWith("/batchGet")) return answer;
      const text = await answer.text();
      return new Response(text.replace(/"(start|end)TimeUnixNano":"(\d+)"/g, '"$1_time_unix_nano": $2'));
    },
  });
  const go = () => importMlflow(serverSource(createRest(`http://127.0.0.1:${its.port}`, {})), target);
  expect((await go()).traces).toBe(2);
  const id = `tr-${"1".repeat(32)}`;
  for (const traceId of [id, "tr-old"])
    expect(untied(await target.tracking.getTrace(traceId))).toEqual(untied(await server.tracking.getTrace(traceId)));
  expect((await target.tracking.spansOf([id])).get(id)).toEqual((await server.tracking.spansOf([id])).get(id)!);
  expect(await textAt(target, "2/traces/tr-old/artifacts/traces.json")).toBe('{"spans": []}');
  const found = await target.tracking.searchTraces({ experimentIds: ["2"], filter: `run_id = '${runId}'` });
  expect(found.items.map((trace) => trace.traceId)).toContain("tr-old");
  expect((await go()).traces).toBe(0);
  await its.stop(true);
  await server.stop();
  await target.stop();
});

test("a server is brought over whole, and again without doubling anything", async () => {
  const { server, runId, deletedId, modelId } = await filled();
  const target = await startMlflow();
  await target.tracking.createExperiment({ name: "already here" });
  const go = () => importMlflow(serverSource(createRest(server.url, {})), target);
  expect(await go()).toMatchObject({
    experiments: 3,
    runs: 2,
    metrics: 991,
    loggedModels: 1,
    traces: 2,
    files: 4,
    models: 1,
    versions: 2,
    left: [],
  });
  const there = await server.tracking.getRun(runId);
  const here = await target.tracking.getRun(runId);
  expect({ ...here, experimentId: "", artifactUri: "" }).toEqual({ ...there, experimentId: "", artifactUri: "" });
  expect(here.experimentId).toBe("2");
  expect((await target.tracking.metricHistory(runId, "loss")).items).toEqual(
    (await server.tracking.metricHistory(runId, "loss")).items,
  );
  expect((await target.tracking.getRun(deletedId)).lifecycle).toBe("deleted");
  expect((await target.tracking.findExperiment("gone"))?.lifecycle).toBe("deleted");
  expect((await target.tracking.getLoggedModel(modelId)).status).toBe("LOGGED_MODEL_READY");
  const champion = await target.registry.getByAlias("m", "champion");
  expect(champion).toMatchObject({ version: 3, runId, storageUri: `mlflow-artifacts:/2/${runId}/artifacts/model` });
  expect(await textAt(target, `2/${runId}/artifacts/model/data/weights ü.bin`)).toBe("12345");
  expect((await target.registry.createVersion("m", { source: "s3://b/x" })).version).toBe(4);

  expect(await go()).toMatchObject({ runs: 0, unchanged: 5, metrics: 0, files: 0, versions: 0 });
  await server.tracking.logBatch(runId, { metrics: [{ key: "late", value: 1, timestampMs: 1, step: 0 }] });
  expect(await go()).toMatchObject({ runs: 1, unchanged: 4, files: 0 });
  expect((await target.tracking.getRun(runId)).metrics.map((m) => m.key)).toEqual(["late", "loss", "odd"]);
  await server.stop();
  await target.stop();
});

test("a second import brings what has changed in the registry; what is taken here stays and is named", async () => {
  const { server, modelId } = await filled();
  const target = await startMlflow();
  target.clock.advance(1);
  await target.registry.createModel({ name: "m", description: "ours" });
  await target.registry.createVersion("m", { source: "s3://ours" });
  await target.registry.setAlias("m", "champion", 1);
  await server.registry.createModel({ name: "copy" });
  await server.registry.createVersion("copy", { source: `models:/${modelId}` });
  await server.registry.createModel({ name: "greet", tags: [{ key: "mlflow.prompt.is_prompt", value: "true" }] });
  const go = () => importMlflow(serverSource(createRest(server.url, {})), target);
  expect((await go()).left).toEqual([
    "version m/1: the number is another version's here",
    "alias champion of model m, which stands at another version here",
  ]);
  expect(await target.registry.getModel("m")).toMatchObject({ description: "ours" });
  expect((await target.registry.getByAlias("m", "champion"))?.version).toBe(1);
  expect(await target.registry.getVersion("copy", 1)).toMatchObject({ modelId });
  expect((await target.registry.getModel("greet")).name).toBe("greet");

  await server.registry.describeModel("m", "theirs");
  await server.registry.describeVersion("m", 3, "said later");
  await server.registry.transitionStage("m", 3, { stage: "Archived" });
  await server.registry.setAlias("m", "late", 3);
  await server.tracking.logModelParams(modelId, [{ key: "late", value: "1" }]);
  expect(await go()).toMatchObject({ versions: 0, loggedModels: 1 });
  const model = await target.registry.getModel("m");
  expect(model.description).toBe("theirs");
  expect(model.aliases).toEqual([
    { alias: "champion", version: 1 },
    { alias: "late", version: 3 },
  ]);
  expect(await target.registry.getVersion("m", 3)).toMatchObject({ description: "said later", stage: "Archived" });
  await target.registry.describeVersion("m", 3, "said here");
  await go();
  expect((await target.registry.getVersion("m", 3)).description).toBe("said here");
  await server.stop();
  await target.stop();
});

test("an import that is broken off goes on where it stopped", async () => {
  const { server, runId } = await filled();
  const target = await startMlflow();
  const source = serverSource(createRest(server.url, {}));
  const failing = {
    ...source,
    async *history() {
      yield [];
      throw new Error("the line is cut");
    },
  };
  await expect(importMlflow(failing, target)).rejects.toThrow("the line is cut");
  // The deleted run and the logged model came before the line was cut.
  expect(await importMlflow(source, target)).toMatchObject({ runs: 1, unchanged: 2, metrics: 991, left: [] });
  expect((await target.tracking.metricHistory(runId, "loss")).items.length).toBe(990);
  await server.stop();
  await expect(importMlflow(source, target)).rejects.toMatchObject({ code: "PEER_FAILED" });
  await target.stop();
});

test("everything is written back to a server, once", async () => {
  const { server, runId } = await filled();
  const target = await startMlflow();
  const go = () => exportMlflow(server, createRest(target.url, {}));
  // Of two versions with files of one run nothing is copied twice.
  expect(await go()).toMatchObject({
    experiments: 2,
    runs: 1,
    metrics: 991,
    traces: 2,
    files: 4,
    loggedModels: 1,
    models: 1,
    versions: 2,
  });
  const id = (await target.tracking.findExperiment("flights"))!.experimentId;
  const found = await target.tracking.searchRuns({ experimentIds: [id] });
  expect(found.items.length).toBe(1);
  const run = found.items[0]!;
  const original = await server.tracking.getRun(runId);
  expect({ name: run.name, user: run.userId, status: run.status, startMs: run.startMs, endMs: run.endMs }).toEqual({
    name: "best",
    user: "ann",
    status: "FINISHED",
    startMs: 5,
    endMs: 99,
  });
  expect([run.params, run.metrics, run.datasets]).toEqual([original.params, original.metrics, original.datasets]);
  expect((await target.tracking.metricHistory(run.runId, "loss")).items.length).toBe(990);
  expect(await textAt(target, `${id}/${run.runId}/artifacts/model/MLmodel`)).toBe("flavors: {}\n");
  const champion = await target.registry.getByAlias("m", "champion");
  expect(champion).toMatchObject({ version: 2, source: `${run.artifactUri}/model`, stage: "Production" });
  const traceId = `tr-${"1".repeat(32)}`;
  const [there, here] = [await target.tracking.getTrace(traceId), await server.tracking.getTrace(traceId)];
  expect(untied(there)).toEqual(untied(here));
  expect((await target.tracking.spansOf([traceId])).get(traceId)).toEqual(
    (await server.tracking.spansOf([traceId])).get(traceId)!,
  );
  const old = await target.tracking.getTrace("tr-old");
  expect(old).toMatchObject({
    experimentId: id,
    state: "ERROR",
    durationMs: 5,
    metadata: [{ key: "mlflow.sourceRun", value: run.runId }],
  });
  expect(await textAt(target, `${id}/traces/tr-old/artifacts/traces.json`)).toBe('{"spans": []}');
  await server.registry.transitionStage("m", 3, { stage: "Archived", archiveExisting: false });
  expect(await go()).toMatchObject({ runs: 1, versions: 0 });
  expect((await target.registry.getVersion("m", 2)).stage).toBe("Archived");
  expect((await target.tracking.searchTraces({ experimentIds: [id] })).items.length).toBe(2);
  expect((await target.tracking.searchRuns({ experimentIds: [id] })).items.length).toBe(1);
  expect((await target.tracking.metricHistory(run.runId, "loss")).items.length).toBe(990);
  await server.stop();
  await target.stop();
});

/** As MLflow 3.17's own server made it: one run with a model that is registered twice. */
function mlflowFile(): { folder: string; file: string } {
  const folder = tempFolder();
  const file = join(folder, "mlflow.db");
  const db = new Database(file);
  db.exec(readFileSync(join(import.meta.dir, "mlflow-3.17.sql"), "utf8"));
  db.close();
  const model = join(folder, "mlartifacts", "1", "aaaabbbbccccddddaaaabbbbccccdddd", "artifacts", "model");
  mkdirSync(model, { recursive: true });
  writeFileSync(join(model, "MLmodel"), "flavors: {}\n");
  return { folder, file };
}

test("MLflow's SQLite file is read directly", async () => {
  const { file } = mlflowFile();
  const target = await startMlflow();
  const source = fileSource(file);
  const counts = await importMlflow(source, target);
  source.close();
  expect(counts).toMatchObject({
    experiments: 2,
    runs: 2,
    metrics: 4,
    files: 1,
    traces: 1,
    models: 1,
    versions: 1,
    left: [],
  });
  const run = await target.tracking.getRun("aaaabbbbccccddddaaaabbbbccccdddd");
  expect(run).toMatchObject({
    name: "trained",
    status: "FINISHED",
    startMs: 1_700_000_000_000,
    endMs: 1_700_000_060_000,
    userId: "ann",
    params: [{ key: "depth", value: "3" }],
    metrics: [
      { key: "loss", value: 0.25, step: 2 },
      { key: "odd", value: Number.NaN, step: 0 },
    ],
    datasets: [
      { dataset: { name: "flights", digest: "d1" }, tags: [{ key: "mlflow.data.context", value: "training" }] },
    ],
  });
  expect((await target.tracking.metricHistory(run.runId, "loss")).items.map((m) => m.value)).toEqual([1, 0.5, 0.25]);
  expect((await target.tracking.getRun("0".repeat(32))).lifecycle).toBe("deleted");
  expect(await target.registry.getByAlias("flights", "champion")).toMatchObject({
    version: 2,
    runId: run.runId,
    stage: "Production",
    storageUri: `${run.artifactUri}/model`,
    tags: [{ key: "by", value: "ann" }],
  });
  const id = `tr-${"1".repeat(32)}`;
  expect(await target.tracking.getTrace(id)).toMatchObject({
    state: "OK",
    requestMs: 1_700_000_000_123,
    durationMs: 100,
    requestPreview: "why",
  });
  const [root, child] = (await target.tracking.spansOf([id])).get(id) as {
    name: string;
    startTimeUnixNano: string;
    attributes: object[];
  }[];
  expect(root).toMatchObject({ name: "answer", startTimeUnixNano: "1700000000123456789" });
  expect(root!.attributes).toContainEqual({ key: "mlflow.spanType", value: { stringValue: "LLM" } });
  expect(child).toMatchObject({ name: "look up", status: { code: 2, message: "no" } });
  const spans = await target.tracking.searchTraces({ experimentIds: ["1"], filter: "span.type = 'LLM'" });
  expect(spans.items.length).toBe(1);
  expect(await textAt(target, `${run.artifactUri.slice("mlflow-artifacts:/".length)}/model/MLmodel`)).toBe(
    "flavors: {}\n",
  );
  await target.stop();
});

test("what is no MLflow store is refused", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "text.db"), "this is not a database, however long one looks at it".repeat(50));
  new Database(join(folder, "other.db")).exec("CREATE TABLE things (x)");
  expect(() => fileSource(join(folder, "none.db"))).toThrow("there is no such file");
  expect(() => fileSource(join(folder, "text.db"))).toThrow("not a SQLite database");
  expect(() => fileSource(join(folder, "other.db"))).toThrow("no tables of MLflow");
  const target = await startMlflow();
  const nobody = serverSource(createRest("http://127.0.0.1:1", {}));
  await expect(importMlflow(nobody, target)).rejects.toMatchObject({ code: "PEER_FAILED" });
  await target.stop();
});

test("credentials are sent as MLflow's client sends them, and never shown", async () => {
  const seen: (string | null)[] = [];
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      return new Response("no", { status: 401 });
    },
  });
  const basic = createRest(`http://ann:s3cret-word@127.0.0.1:${server.port}/`, {});
  expect(basic.url).toBe(`http://127.0.0.1:${server.port}`);
  await expect(basic.get("/x")).rejects.toMatchObject({ code: "PEER_FAILED" });
  await expect(createRest(basic.url, { MLFLOW_TRACKING_TOKEN: "token-word" }).get("/x")).rejects.toThrow();
  const env = { MLFLOW_TRACKING_USERNAME: "bob", MLFLOW_TRACKING_PASSWORD: "pass-word", MLFLOW_TRACKING_TOKEN: "t" };
  await expect(createRest(basic.url, env).get("/x")).rejects.toThrow();
  expect(seen).toEqual([`Basic ${btoa("ann:s3cret-word")}`, "Bearer token-word", `Basic ${btoa("bob:pass-word")}`]);
  await server.stop(true);
});
