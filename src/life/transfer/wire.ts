/** MLflow's JSON as what tracking and the registry speak of. Absent fields are empty; numbers may come as text. */

import type { ModelVersion, RegisteredModel, Stage } from "../../registry/types.ts";
import type { Experiment, LoggedModel, MetricPoint, Pair, Run, RunStatus } from "../../tracking/types.ts";

export interface WirePair {
  key: string;
  value?: string;
}
export interface WireMetric {
  key: string;
  value: number | string;
  timestamp: number | string;
  step?: number | string;
  run_id?: string;
  dataset_name?: string;
  dataset_digest?: string;
}
export interface WireExperiment {
  experiment_id: string;
  name: string;
  artifact_location?: string;
  lifecycle_stage?: string;
  creation_time?: number | string;
  last_update_time?: number | string;
  tags?: WirePair[];
}
export interface WireRun {
  info: {
    run_id: string;
    run_name?: string;
    experiment_id: string;
    user_id?: string;
    status?: string;
    start_time?: number | string;
    end_time?: number | string;
    artifact_uri?: string;
    lifecycle_stage?: string;
  };
  data?: { metrics?: WireMetric[]; params?: WirePair[]; tags?: WirePair[] };
  inputs?: {
    dataset_inputs?: { tags?: WirePair[]; dataset?: Record<string, string> }[];
    model_inputs?: { model_id: string }[];
  };
  outputs?: { model_outputs?: { model_id: string; step?: number | string }[] };
}
export interface WireLoggedModel {
  info: {
    model_id: string;
    experiment_id: string;
    name?: string;
    creation_timestamp_ms?: number | string;
    last_updated_timestamp_ms?: number | string;
    artifact_uri?: string;
    status?: string;
    model_type?: string;
    source_run_id?: string;
    tags?: WirePair[];
  };
  data?: { params?: WirePair[]; metrics?: WireMetric[] };
}
export interface WireModel {
  name: string;
  creation_timestamp?: number | string;
  last_updated_timestamp?: number | string;
  description?: string;
  tags?: WirePair[];
  aliases?: { alias: string; version: string | number }[];
}
export interface WireVersion {
  name: string;
  version: string | number;
  creation_timestamp?: number | string;
  last_updated_timestamp?: number | string;
  user_id?: string;
  current_stage?: string;
  description?: string;
  source?: string;
  run_id?: string;
  run_link?: string;
  status?: string;
  status_message?: string;
  model_id?: string;
  tags?: WirePair[];
}

const number = (value: number | string | undefined): number => Number(value ?? 0);
export const pairs = (list: readonly WirePair[] = []): Pair[] =>
  list.map(({ key, value }) => ({ key, value: value ?? "" }));
const lifecycle = (stage: string | undefined) => (stage === "deleted" ? ("deleted" as const) : ("active" as const));

/** Only the members that have a text. */
const texts = <K extends string>(members: Record<K, string | undefined | null>): { [P in K]?: string } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value)) as { [P in K]?: string };

export const pointFrom = (metric: WireMetric): MetricPoint => ({
  key: metric.key,
  // "NaN", "Infinity" and "-Infinity" are texts, and Number knows them.
  value: Number(metric.value),
  timestampMs: number(metric.timestamp),
  step: number(metric.step),
});

export const experimentFrom = (wire: WireExperiment): Experiment => ({
  experimentId: wire.experiment_id,
  name: wire.name,
  artifactLocation: wire.artifact_location ?? "",
  lifecycle: lifecycle(wire.lifecycle_stage),
  createdMs: number(wire.creation_time),
  updatedMs: number(wire.last_update_time),
  tags: pairs(wire.tags),
});

export const runFrom = ({ info, data = {}, inputs = {}, outputs = {} }: WireRun): Run => ({
  runId: info.run_id,
  name: info.run_name ?? "",
  experimentId: info.experiment_id,
  userId: info.user_id ?? "",
  status: (info.status ?? "RUNNING") as RunStatus,
  startMs: number(info.start_time),
  ...(info.end_time ? { endMs: number(info.end_time) } : {}),
  artifactUri: info.artifact_uri ?? "",
  lifecycle: lifecycle(info.lifecycle_stage),
  metrics: (data.metrics ?? []).map(pointFrom),
  params: pairs(data.params),
  tags: pairs(data.tags),
  datasets: (inputs.dataset_inputs ?? []).map(({ tags, dataset = {} }) => ({
    tags: pairs(tags),
    dataset: {
      name: dataset.name ?? "",
      digest: dataset.digest ?? "",
      sourceType: dataset.source_type ?? "",
      source: dataset.source ?? "",
      ...texts({ schema: dataset.schema, profile: dataset.profile }),
    },
  })),
  modelInputs: (inputs.model_inputs ?? []).map((input) => input.model_id),
  modelOutputs: (outputs.model_outputs ?? []).map((out) => ({ modelId: out.model_id, step: number(out.step) })),
});

export const loggedModelFrom = ({ info, data = {} }: WireLoggedModel): LoggedModel => ({
  modelId: info.model_id,
  experimentId: info.experiment_id,
  name: info.name ?? "",
  artifactUri: info.artifact_uri ?? "",
  status: (info.status ?? "LOGGED_MODEL_READY") as LoggedModel["status"],
  modelType: info.model_type ?? "",
  sourceRunId: info.source_run_id ?? "",
  lifecycle: "active",
  createdMs: number(info.creation_timestamp_ms),
  updatedMs: number(info.last_updated_timestamp_ms),
  tags: pairs(info.tags),
  params: pairs(data.params),
  metrics: (data.metrics ?? []).map((metric) => ({
    ...pointFrom(metric),
    runId: metric.run_id ?? info.source_run_id ?? "",
    ...texts({ datasetName: metric.dataset_name, datasetDigest: metric.dataset_digest }),
  })),
});

export const modelFrom = (wire: WireModel): RegisteredModel => ({
  name: wire.name,
  ...texts({ description: wire.description }),
  createdMs: number(wire.creation_timestamp),
  updatedMs: number(wire.last_updated_timestamp),
  tags: pairs(wire.tags),
  aliases: (wire.aliases ?? []).map(({ alias, version }) => ({ alias, version: Number(version) })),
  latest: [],
});

/** `storageUri`: where a client would download it from. */
export const versionFrom = (wire: WireVersion, model: RegisteredModel, storageUri: string): ModelVersion => ({
  name: wire.name,
  version: Number(wire.version),
  source: wire.source ?? "",
  storageUri,
  ...texts({
    runId: wire.run_id,
    runLink: wire.run_link,
    modelId: wire.model_id,
    description: wire.description,
    userId: wire.user_id,
    statusMessage: wire.status_message,
  }),
  status: wire.status ?? "READY",
  stage: (wire.current_stage ?? "None") as Stage,
  createdMs: number(wire.creation_timestamp),
  updatedMs: number(wire.last_updated_timestamp),
  tags: pairs(wire.tags),
  aliases: model.aliases.filter((alias) => alias.version === Number(wire.version)).map((alias) => alias.alias),
});
