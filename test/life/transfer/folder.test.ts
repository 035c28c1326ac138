/** MLflow's file store, as MLflow 2.22 and 3 write it, also when it was moved. */

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { folderSource } from "../../../src/life/transfer/folder-source.ts";
import { importMlflow } from "../../../src/life/transfer/import.ts";
import { trimtab } from "../../program.ts";
import { startMlflow } from "../../server/mlflow/start.ts";
import { tempFolder } from "../../temp.ts";

const RUN = "aaaabbbbccccddddaaaabbbbccccdddd";
const MODEL = `m-${"1".repeat(32)}`;
/** Where the store was before it was moved. */
const OLD = "file:///home/ann/mlruns/122804420527536393";

function store(): string {
  const root = join(tempFolder(), "mlruns");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const experiment = (id: string, name: string, stage: string) =>
    `artifact_location: ${OLD}\ncreation_time: 5\nexperiment_id: '${id}'\nlast_update_time: 6\nlifecycle_stage: ${stage}\nname: ${name}\n`;
  const run = (id: string, stage: string) =>
    `artifact_uri: ${OLD}/${id}/artifacts\nend_time: 9\nlifecycle_stage: ${stage}\nrun_id: ${id}\nrun_name: best\nstart_time: 7\nstatus: 3\nuser_id: ann\n`;
  const home = "122804420527536393";
  write(`${home}/meta.yaml`, experiment(home, "flights", "active"));
  write(`${home}/tags/team`, "a");
  write(`.trash/9/meta.yaml`, experiment("9", "gone", "deleted"));
  write(`${home}/${RUN}/meta.yaml`, run(RUN, "active"));
  write(`${home}/${"0".repeat(32)}/meta.yaml`, run("0".repeat(32), "deleted"));
  write(`${home}/${RUN}/params/deep/er`, "3");
  write(`${home}/${RUN}/params/empty`, "");
  write(`${home}/${RUN}/tags/mlflow.note.content`, "two\nlines");
  write(`${home}/${RUN}/metrics/loss`, "1 0.5 2\n2 1.5 1\n3 nan 0\n");
  write(`${home}/${RUN}/metrics/odd`, "1 inf 0\n4 -inf 0\n");
  write(`${home}/${RUN}/artifacts/model/MLmodel`, "flavors: {}\n");
  write(
    `${home}/${RUN}/inputs/i/meta.yaml`,
    "source_id: d\nsource_type: DATASET\ntags:\n  mlflow.data.context: training\n",
  );
  write(`${home}/${RUN}/outputs/${MODEL}/meta.yaml`, `destination_id: ${MODEL}\nsource_type: RUN_OUTPUT\nstep: 4\n`);
  write(
    `${home}/datasets/d/meta.yaml`,
    "digest: d1\nname: data\nprofile: null\nschema: '{}'\nsource: s\nsource_type: local\n",
  );
  write(
    `${home}/models/${MODEL}/meta.yaml`,
    `artifact_location: ${OLD}/models/${MODEL}/artifacts\ncreation_timestamp: 5\nlifecycle_stage: active\nname: lm\nsource_run_id: ${RUN}\nstatus: 2\n`,
  );
  write(`${home}/models/${MODEL}/metrics/auc`, `1 0.5 0 ${RUN} data d1\n`);
  write(`${home}/models/${MODEL}/artifacts/MLmodel`, "flavors: {}\n");
  write(
    `${home}/traces/tr-1/trace_info.yaml`,
    "execution_duration_ms: 2\nrequest_time: '1970-01-01T00:00:01.000Z'\nstate: OK\n",
  );
  write(`${home}/traces/tr-1/tags/mlflow.artifactLocation`, `${OLD}/traces/tr-1/artifacts`);
  write(`${home}/traces/tr-1/artifacts/traces.json`, '{"spans": []}');
  write(
    `${home}/traces/tr-1/assessments/a.yaml`,
    "assessment_id: a\nassessment_name: nice\nfeedback:\n  value: true\n",
  );
  write("models/m/meta.yaml", "creation_timestamp: 5\ndescription: about\nlast_updated_timestamp: 6\n");
  write("models/m/aliases/champion", "3");
  const version = (number: number, stage: string, at: string) =>
    write(
      `models/m/version-${number}/meta.yaml`,
      `creation_timestamp: 5\ncurrent_stage: ${stage}\nlast_updated_timestamp: 6\nrun_id: ${RUN}\nsource: ${at}\nstatus: READY\nstorage_location: ${at}\n`,
    );
  version(1, "Staging", `${OLD}/${RUN}/artifacts/model`);
  version(2, "Deleted_Internal", `${OLD}/${RUN}/artifacts/model`);
  version(3, "None", `${OLD}/models/${MODEL}/artifacts`);
  return root;
}

test("a folder of runs is brought over whole, and again without doubling anything", async () => {
  const source = folderSource(store());
  const target = await startMlflow();
  expect(await importMlflow(source, target)).toMatchObject({
    ...{ experiments: 2, runs: 2, metrics: 5, loggedModels: 1, traces: 1, files: 3, models: 1, versions: 2, left: [] },
  });
  expect((await target.tracking.findExperiment("gone"))?.lifecycle).toBe("deleted");
  const run = await target.tracking.getRun(RUN);
  expect(run).toMatchObject({
    ...{ name: "best", status: "FINISHED", startMs: 7, endMs: 9, userId: "ann" },
    params: [
      { key: "deep/er", value: "3" },
      { key: "empty", value: "" },
    ],
    tags: [{ key: "mlflow.note.content", value: "two\nlines" }],
    metrics: [
      { key: "loss", value: 0.5, step: 2 },
      { key: "odd", value: -Number.MAX_VALUE },
    ],
    datasets: [{ dataset: { name: "data", digest: "d1" }, tags: [{ key: "mlflow.data.context", value: "training" }] }],
    modelOutputs: [{ modelId: MODEL, step: 4 }],
  });
  expect((await target.tracking.getRun("0".repeat(32))).lifecycle).toBe("deleted");
  expect((await target.tracking.getLoggedModel(MODEL)).metrics).toMatchObject([
    { key: "auc", value: 0.5, runId: RUN, datasetName: "data" },
  ]);
  expect(await target.tracking.getTrace("tr-1")).toMatchObject({ state: "OK", requestMs: 1000, durationMs: 2 });
  expect(await target.registry.getVersion("m", 1)).toMatchObject({
    stage: "Staging",
    storageUri: `${run.artifactUri}/model`,
  });
  expect(await target.registry.getByAlias("m", "champion")).toMatchObject({ version: 3, modelId: MODEL });
  expect(await importMlflow(source, target)).toMatchObject({ runs: 0, unchanged: 4, files: 0, versions: 0 });
  await target.stop();
});

test("the command takes the folder, and the journal says from where and how much", async () => {
  const [cwd, from] = [tempFolder(), store()];
  const done = await trimtab(["import", "mlflow", from, "--json"], { cwd });
  expect(JSON.parse(done.stdout)).toMatchObject({ runs: 2, versions: 2 });
  const { stdout } = await trimtab(["events", "--json"], { cwd });
  const { events } = JSON.parse(stdout) as { events: { kind: string; reason: string; data: { runs: number } }[] };
  expect(events.find((event) => event.kind === "import.done")).toMatchObject({
    reason: `from ${from}`,
    data: { runs: 2 },
  });
}, 60_000);

test("another folder is refused", () => {
  expect(() => folderSource(tempFolder())).toThrow("no experiments of MLflow");
});
