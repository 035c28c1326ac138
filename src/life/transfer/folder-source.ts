/**
 * MLflow's file store (`mlruns`, what MLflow 2 writes when nobody tells it where), read directly and never written. Artifacts
 * are read from where its files say, or from the same place below this folder when it was moved here.
 */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../../base/errors.ts";
import type { ModelVersion, Stage } from "../../registry/types.ts";
import { openArtifactStore } from "../../store/artifacts.ts";
import type { DatasetInput, LoggedModel, Run, RunStatus, Trace } from "../../tracking/types.ts";
import {
  foldersIn,
  keysIn,
  latestOf,
  lifecycleOf,
  linesIn,
  type Meta,
  metaAt,
  number,
  pairsIn,
  text,
  texts,
} from "./folder-files.ts";
import type { MlflowSource, SourceFiles } from "./source.ts";

const RUN_STATUS: readonly RunStatus[] = ["RUNNING", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
const MODEL_STATUS: readonly LoggedModel["status"][] = [
  "LOGGED_MODEL_READY",
  "LOGGED_MODEL_PENDING",
  "LOGGED_MODEL_READY",
  "LOGGED_MODEL_UPLOAD_FAILED",
];
const TRACE_STATES: readonly Trace["state"][] = ["OK", "ERROR", "IN_PROGRESS"];

const META = "meta.yaml";

/** PEER_FAILED when the folder holds no experiment of MLflow. */
export function folderSource(path: string): MlflowSource {
  const root = resolve(path);
  const homes = new Map<string, string>();
  for (const parent of [root, join(root, ".trash")])
    for (const id of foldersIn(parent))
      if (/^\d+$/.test(id) && existsSync(join(parent, id, META))) homes.set(id, join(parent, id));
  if (homes.size === 0)
    throw fail("PEER_FAILED", {
      what: "the folder has no experiments of MLflow",
      place: path,
      mend: "name the folder mlruns, MLflow's SQLite file or its server's URL",
    });
  return {
    name: root,
    async *experiments() {
      for (const [experimentId, home] of homes) {
        const meta = metaAt(join(home, META))!;
        yield {
          experimentId,
          name: text(meta.name),
          artifactLocation: text(meta.artifact_location),
          lifecycle: lifecycleOf(meta.lifecycle_stage),
          createdMs: number(meta.creation_time),
          updatedMs: number(meta.last_update_time),
          tags: pairsIn(join(home, "tags")),
        };
      }
    },
    async *runs(experimentId) {
      const home = homes.get(experimentId)!;
      for (const id of foldersIn(home)) {
        const meta = metaAt(join(home, id, META));
        if (meta?.run_id !== undefined) yield runOf(meta, id, home, experimentId);
      }
    },
    async *history(runId, key) {
      for (const home of homes.values()) {
        const metrics = join(home, runId, "metrics");
        if (existsSync(join(metrics, key))) yield linesIn(metrics, key).map(({ rest: _, ...point }) => point);
      }
    },
    async *loggedModels(experimentId) {
      const models = join(homes.get(experimentId)!, "models");
      for (const id of foldersIn(models)) {
        const meta = metaAt(join(models, id, META));
        if (meta) yield loggedModelOf(meta, id, join(models, id), experimentId);
      }
    },
    async *traces(experimentId) {
      const traces = join(homes.get(experimentId)!, "traces");
      for (const id of foldersIn(traces)) {
        const meta = metaAt(join(traces, id, "trace_info.yaml"));
        if (meta) yield { trace: traceOf(meta, id, join(traces, id), experimentId), spans: [] };
      }
    },
    async *models() {
      const models = join(root, "models");
      for (const name of foldersIn(models)) {
        const meta = metaAt(join(models, name, META));
        if (!meta) continue;
        yield {
          name,
          ...texts({ description: meta.description }),
          createdMs: number(meta.creation_timestamp),
          updatedMs: number(meta.last_updated_timestamp),
          tags: pairsIn(join(models, name, "tags")),
          aliases: pairsIn(join(models, name, "aliases")).map(({ key, value }) => ({
            alias: key,
            version: Number(value),
          })),
          latest: [],
        };
      }
    },
    async *versions(model) {
      const home = join(root, "models", model.name);
      const numbers = foldersIn(home).flatMap((name) => /^version-(\d+)$/.exec(name)?.[1] ?? []);
      for (const version of numbers.map(Number).sort((a, b) => a - b)) {
        const meta = metaAt(join(home, `version-${version}`, META));
        if (meta && meta.current_stage !== "Deleted_Internal")
          yield versionOf(meta, { name: model.name, version }, join(home, `version-${version}`));
      }
    },
    files(_owner, uri) {
      if (uri.startsWith("file:")) return filesAt(fileURLToPath(uri), homes);
      return /^[a-z][a-z0-9+.-]+:/i.test(uri) ? undefined : filesAt(resolve(root, "..", uri), homes);
    },
    close() {},
  };
}

/** The folder, or what has its place below the experiment now: /old/mlruns/1/… when the store was moved. */
function filesAt(folder: string, homes: ReadonlyMap<string, string>): SourceFiles {
  const moved = () => {
    for (const [id, home] of homes) {
      const at = folder.lastIndexOf(`/${id}/`);
      if (at >= 0) return join(home, folder.slice(at + id.length + 2));
    }
    return folder;
  };
  const store = openArtifactStore(existsSync(folder) ? folder : moved());
  return { list: (path) => store.list(path), read: (path) => store.get(path) };
}

const metasIn = (folder: string): Meta[] =>
  foldersIn(folder)
    .map((name) => metaAt(join(folder, name, META)))
    .filter((meta) => meta !== undefined);

function runOf(meta: Meta, runId: string, home: string, experimentId: string): Run {
  const folder = join(home, runId);
  const metrics = join(folder, "metrics");
  const inputs = metasIn(join(folder, "inputs"));
  return {
    runId,
    experimentId,
    name: text(meta.run_name),
    userId: text(meta.user_id),
    status: RUN_STATUS[number(meta.status)] ?? "RUNNING",
    startMs: number(meta.start_time),
    ...(meta.end_time === null || meta.end_time === undefined ? {} : { endMs: number(meta.end_time) }),
    artifactUri: text(meta.artifact_uri),
    lifecycle: lifecycleOf(meta.lifecycle_stage),
    metrics: keysIn(metrics).flatMap((key) => latestOf(linesIn(metrics, key))),
    params: pairsIn(join(folder, "params")),
    tags: pairsIn(join(folder, "tags")),
    datasets: inputs.filter((input) => input.source_type === "DATASET").flatMap((input) => datasetOf(input, home)),
    modelInputs: inputs.filter((input) => input.source_type !== "DATASET").map((input) => text(input.source_id)),
    modelOutputs: metasIn(join(folder, "outputs")).map((out) => ({
      modelId: text(out.destination_id),
      step: number(out.step),
    })),
  };
}

function datasetOf(input: Meta, home: string): DatasetInput[] {
  const meta = metaAt(join(home, "datasets", text(input.source_id), META));
  if (!meta) return [];
  const tags = Object.entries((input.tags ?? {}) as Meta).map(([key, value]) => ({ key, value: text(value) }));
  const dataset = {
    name: text(meta.name),
    digest: text(meta.digest),
    sourceType: text(meta.source_type),
    source: text(meta.source),
    ...texts({ schema: meta.schema, profile: meta.profile }),
  };
  return [{ tags, dataset }];
}

function loggedModelOf(meta: Meta, modelId: string, folder: string, experimentId: string): LoggedModel {
  const metrics = join(folder, "metrics");
  return {
    modelId,
    experimentId,
    name: text(meta.name),
    artifactUri: text(meta.artifact_location),
    status: MODEL_STATUS[number(meta.status)] ?? "LOGGED_MODEL_READY",
    modelType: text(meta.model_type),
    sourceRunId: text(meta.source_run_id),
    lifecycle: lifecycleOf(meta.lifecycle_stage),
    createdMs: number(meta.creation_timestamp),
    updatedMs: number(meta.last_updated_timestamp),
    tags: pairsIn(join(folder, "tags")),
    params: pairsIn(join(folder, "params")),
    metrics: keysIn(metrics).flatMap((key) =>
      linesIn(metrics, key).map(({ rest: [runId = "", datasetName, datasetDigest], ...point }) => ({
        ...point,
        runId,
        ...texts({ datasetName, datasetDigest }),
      })),
    ),
  };
}

/** Of MLflow 3, or of 2 with other names for the same. */
function traceOf(meta: Meta, traceId: string, folder: string, experimentId: string): Trace {
  const [state, durationMs] = [meta.state ?? meta.status, meta.execution_duration_ms ?? meta.execution_time_ms];
  const assessments = join(folder, "assessments");
  return {
    traceId,
    experimentId,
    requestMs: meta.request_time === undefined ? number(meta.timestamp_ms) : Date.parse(text(meta.request_time)),
    state: TRACE_STATES.find((one) => one === state) ?? "STATE_UNSPECIFIED",
    ...(durationMs === null || durationMs === undefined ? {} : { durationMs: number(durationMs) }),
    ...texts({
      clientRequestId: meta.client_request_id,
      requestPreview: meta.request_preview,
      responsePreview: meta.response_preview,
    }),
    tags: pairsIn(join(folder, "tags")),
    metadata: pairsIn(join(folder, "request_metadata")),
    assessments: keysIn(assessments).map((name) => ({ ...metaAt(join(assessments, name)) })),
  };
}

const versionOf = (meta: Meta, { name, version }: { name: string; version: number }, folder: string): ModelVersion => ({
  name,
  version,
  source: text(meta.source),
  storageUri: text(meta.storage_location) || text(meta.source),
  ...texts({
    runId: meta.run_id,
    runLink: meta.run_link,
    modelId: meta.model_id,
    description: meta.description,
    userId: meta.user_id,
    statusMessage: meta.status_message,
  }),
  status: text(meta.status) || "READY",
  stage: (text(meta.current_stage) || "None") as Stage,
  createdMs: number(meta.creation_timestamp),
  updatedMs: number(meta.last_updated_timestamp),
  tags: pairsIn(join(folder, "tags")),
  aliases: [],
});
