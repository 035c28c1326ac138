/** What tracking and the registry know, as the protocol's messages: snake case, absent fields left out, NaN as text. */

import type { ModelVersion, RegisteredModel } from "../../registry/types.ts";
import type { Dataset, Experiment, MetricPoint, Pair, Run, RunInfo } from "../../tracking/types.ts";

export const numberJson = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

export const metricJson = (metric: MetricPoint) => ({
  key: metric.key,
  value: numberJson(metric.value),
  timestamp: metric.timestampMs,
  step: metric.step,
});

export const experimentJson = (experiment: Experiment) => ({
  experiment_id: experiment.experimentId,
  name: experiment.name,
  artifact_location: experiment.artifactLocation,
  lifecycle_stage: experiment.lifecycle,
  last_update_time: experiment.updatedMs,
  creation_time: experiment.createdMs,
  ...filledList("tags", experiment.tags),
});

/** A field that is left out when it has nothing. */
export const filledList = (name: string, items: readonly object[] | readonly string[]) =>
  items.length === 0 ? {} : { [name]: items };

export const runInfoJson = (info: RunInfo) => ({
  run_uuid: info.runId,
  experiment_id: info.experimentId,
  run_name: info.name,
  user_id: info.userId,
  status: info.status,
  start_time: info.startMs,
  ...(info.endMs === undefined ? {} : { end_time: info.endMs }),
  artifact_uri: info.artifactUri,
  lifecycle_stage: info.lifecycle,
  run_id: info.runId,
});

const datasetJson = (dataset: Dataset) => ({
  name: dataset.name,
  digest: dataset.digest,
  source_type: dataset.sourceType,
  source: dataset.source,
  ...(dataset.schema === undefined ? {} : { schema: dataset.schema }),
  ...(dataset.profile === undefined ? {} : { profile: dataset.profile }),
});

export const runJson = (run: Run) => ({
  info: runInfoJson(run),
  data: {
    ...filledList("metrics", run.metrics.map(metricJson)),
    ...filledList("params", run.params),
    ...filledList("tags", run.tags),
  },
  inputs: {
    ...filledList(
      "dataset_inputs",
      run.datasets.map(({ dataset, tags }) => ({ ...filledList("tags", tags), dataset: datasetJson(dataset) })),
    ),
    ...filledList(
      "model_inputs",
      run.modelInputs.map((id) => ({ model_id: id })),
    ),
  },
  ...(run.modelOutputs.length === 0
    ? {}
    : { outputs: { model_outputs: run.modelOutputs.map(({ modelId, step }) => ({ model_id: modelId, step })) } }),
});

export const versionJson = (version: ModelVersion) => ({
  name: version.name,
  version: String(version.version),
  creation_timestamp: version.createdMs,
  last_updated_timestamp: version.updatedMs,
  ...(version.userId === undefined ? {} : { user_id: version.userId }),
  current_stage: version.stage,
  description: version.description ?? "",
  source: version.source,
  run_id: version.runId ?? "",
  status: version.status,
  ...(version.statusMessage === undefined ? {} : { status_message: version.statusMessage }),
  ...filledList("tags", version.tags),
  run_link: version.runLink ?? "",
  ...filledList("aliases", version.aliases),
  ...(version.modelId === undefined ? {} : { model_id: version.modelId }),
});

export const modelJson = (model: RegisteredModel) => ({
  name: model.name,
  creation_timestamp: model.createdMs,
  last_updated_timestamp: model.updatedMs,
  description: model.description ?? "",
  ...filledList("latest_versions", model.latest.map(versionJson)),
  ...filledList("tags", model.tags),
  ...filledList(
    "aliases",
    model.aliases.map(({ alias, version }) => ({ alias, version: String(version) })),
  ),
});

/** A page of items under the name that the call gives them. */
export const pageJson = (name: string, items: readonly object[], nextPageToken: string | undefined) => ({
  ...filledList(name, items),
  ...(nextPageToken === undefined ? {} : { next_page_token: nextPageToken }),
});

/** Tags as a map; the last of one key counts. */
export const pairsOf = (pairs: readonly Pair[]): Map<string, string> =>
  new Map(pairs.map(({ key, value }) => [key, value]));
