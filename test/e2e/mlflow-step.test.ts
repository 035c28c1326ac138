/** A step that calls MLflow lands in the pipeline's run, without any server. Spoken as the client does: with the variables it reads. */

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";

const STEP = `
const { MLFLOW_TRACKING_URI: uri, MLFLOW_RUN_ID: run_id } = process.env;
const call = async (path, body) => {
  const answer = await fetch(uri + "/api/2.0/mlflow/" + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
};
await call("runs/log-metric", { run_id, key: "loss", value: 0.25, timestamp: Date.now(), step: 3 });
await call("runs/log-parameter", { run_id, key: "optimizer", value: "sgd" });
await Bun.write("out.txt", "done");`;

test("metrics and params of a step are the run's own", async () => {
  const folder = freshFolder("mlflow-step");
  writeFileSync(join(folder.path, "step.ts"), STEP);
  writeFileSync(
    join(folder.path, "pipeline.yaml"),
    "model: m\nsteps:\n  train:\n    cmd: bun step.ts\n    deps: [step.ts]\n    outs: [out.txt]\n",
  );
  const ran = await trimtabJson<{ runId: string }>(["run"], { cwd: folder.path });
  const run = await trimtabJson<{ metrics: Record<string, number>; params: Record<string, string>; status: string }>(
    ["runs", "show", ran.runId],
    { cwd: folder.path },
  );
  expect(run).toMatchObject({ metrics: { loss: 0.25 }, params: { optimizer: "sgd" }, status: "FINISHED" });
  expect((await trimtab(["run"], { cwd: folder.path })).stdout).toContain("nothing to do");
  folder.remove();
}, 30_000);
