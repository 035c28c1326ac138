/** What the control process looks after: live windows, new data, alerts, retention. Each call is one look and ends. */

import { automationOn } from "../base/automation.ts";
import { parseDurationMs } from "../base/units.ts";
import { listDatasets } from "../db/datasets.ts";
import { hasReadDataset } from "../db/run_inputs.ts";
import { unjudgedVersions } from "../db/versions.ts";
import { createMonitor, type Monitor } from "../monitor/monitor.ts";
import { currentDeployment } from "../serving/deployment.ts";
import { retainPredictions } from "../serving/retention.ts";
import type { Pipeline } from "../spec/types.ts";
import { leaveToPerson } from "./automation.ts";
import type { Life } from "./context.ts";
import { gateKey, queueGate, queueRun } from "./jobs.ts";
import { evaluateOf } from "./package.ts";

/** The monitor of a workspace; one a process. */
export const openMonitor = (life: Life): Monitor =>
  createMonitor({
    db: life.db,
    clock: life.clock,
    workspace: life.workspace,
    env: life.env,
    async versions(model) {
      const deployment = await currentDeployment(life.workspace.deploy, model);
      const serving = new Set(deployment?.models.filter((served) => served.weight > 0).map((served) => served.version));
      const versions = await life.registry.listVersions(model).catch(() => []);
      return versions.flatMap(({ version, folder }) =>
        folder ? [{ version, folder, serving: serving.has(version) }] : [],
      );
    },
  });

/** Queues a run when a data source holds content that no run of the pipeline has read; once for each content. */
export async function lookForNewData(life: Life, pipeline: Pipeline): Promise<void> {
  if (!pipeline.retrain.when.newData) return;
  const experiment = await life.tracking.findPipelineExperiment(pipeline.model);
  // Before the first run there is nothing to retrain.
  if (experiment === undefined) return;
  for (const { name, uri } of Object.values(pipeline.data)) {
    const [newest] = await listDatasets(life.db, name, 1);
    if (!newest || newest.createdMs + pipeline.retrain.cooldownMs > life.clock.nowMs()) continue;
    const hash = await life.hashData(uri);
    // Another pipeline may have read it already, or this one before it held something else.
    if (await hasReadDataset(life.db, Number(experiment), name, hash)) continue;
    const reason = `${name} holds new data (${hash.slice(0, 8)})`;
    const onceKey = `new_data:${pipeline.model}:${hash}`;
    if (automationOn(life.env, "retrain"))
      await queueRun(life, { pipeline: pipeline.model, trigger: "new_data", reason, onceKey });
    else await leaveToPerson(life, `pipeline/${pipeline.model}`, reason, onceKey);
  }
}

/**
 * Queues the gate for versions that a client registered of the pipeline's model, once for each; resolves to whether it queued
 * one. Without rules there is no gate to meet, and such a version waits for a person.
 */
export async function lookForVersions(life: Life, pipeline: Pipeline): Promise<boolean> {
  if (pipeline.gate.length === 0 || !evaluateOf(pipeline)) return false;
  const { model } = pipeline;
  let queued = false;
  for (const [place, version] of (await unjudgedVersions(life.db, model, gateKey(model))).entries()) {
    const reason = `version ${version} was registered`;
    if (!automationOn(life.env, "gate"))
      await leaveToPerson(life, `model/${model}/${version}`, `${reason} and waits for the gate`, `gate:${version}`);
    else if ((await queueGate(life, { model, version, reason, place })) !== undefined) queued = true;
  }
  return queued;
}

/** Removes what `retention` does not keep: captured predictions, and runs of the pipelines' experiments. */
export async function applyRetention(life: Life, pipelines: readonly Pipeline[]): Promise<void> {
  await retainRuns(life, pipelines);
  await retainCaptured(life, pipelines);
}

/** Runs that no living version was made of; and what was deleted in any experiment, when TRIMTAB_PURGE_DELETED says so. */
async function retainRuns(life: Life, pipelines: readonly Pipeline[]): Promise<void> {
  const nowMs = life.clock.nowMs();
  const by = { actor: life.actor, reason: "retention" };
  for (const { model, retention } of pipelines) {
    const id = retention.runsMs === undefined ? undefined : await life.tracking.findPipelineExperiment(model);
    if (id === undefined) continue;
    await life.tracking.purge({ experimentId: Number(id), endedBeforeMs: nowMs - retention.runsMs! }, by);
  }
  const deletedMs = parseDurationMs(life.env.TRIMTAB_PURGE_DELETED ?? "");
  if (deletedMs !== undefined) await life.tracking.purge({ deletedBeforeMs: nowMs - deletedMs }, by);
}

async function retainCaptured(life: Life, pipelines: readonly Pipeline[]): Promise<void> {
  // Where no pipeline is looked after, nobody has said how long: all of it stays.
  if (pipelines.length === 0) return;
  const ages = pipelines.flatMap(({ retention }) => retention.predictionsMs ?? []);
  const sizes = pipelines.flatMap(({ retention }) => retention.bytes ?? []);
  // The folder is shared: the pipeline that keeps longest decides, so that none loses what it asked for.
  const ageMs = ages.length === pipelines.length ? Math.max(...ages) : undefined;
  const bytes = sizes.length === pipelines.length ? Math.max(...sizes) : undefined;
  if (ageMs === undefined && bytes === undefined) return;
  await retainPredictions({
    predictionsDir: life.workspace.predictions,
    clock: life.clock,
    ...(ageMs === undefined ? {} : { ageMs }),
    ...(bytes === undefined ? {} : { bytes }),
  });
}
