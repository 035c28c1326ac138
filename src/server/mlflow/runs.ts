/** MLflow's calls about runs and what they log. */

import { invalid } from "../../base/keys.ts";
import type { LoggedMetric } from "../../tracking/types.ts";
import { lifecycleOf, viewType } from "./experiments.ts";
import { choice, filled, float, integer, list, message, named, pair, required, text, type ValuesOf } from "./fields.ts";
import { pageJson, runInfoJson, runJson } from "./json.ts";
import { type Route, route } from "./route.ts";
import { checkInWorkspace } from "./workspaces.ts";

export const runId = named(required(text), "run_uuid");
const status = choice("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED");

const metricFields = {
  key: required(text),
  value: required(float),
  timestamp: required(integer),
  step: integer,
  model_id: text,
  dataset_name: text,
  dataset_digest: text,
};

const metricOf = (m: ValuesOf<typeof metricFields>): LoggedMetric => ({
  key: m.key,
  value: m.value,
  timestampMs: m.timestamp,
  step: m.step ?? 0,
  ...(m.model_id ? { modelId: m.model_id } : {}),
  ...(m.dataset_name ? { datasetName: m.dataset_name } : {}),
  ...(m.dataset_digest ? { datasetDigest: m.dataset_digest } : {}),
});

const datasetInput = message({
  tags: list(pair),
  dataset: required(
    message({ name: text, digest: text, source_type: text, source: text, schema: text, profile: text }),
  ),
});

export const RUN_ROUTES: readonly Route[] = [
  route("POST /mlflow/runs/create", {
    says: "Begins a run.",
    differs: "Without experiment_id the run goes to experiment 0; without start_time it begins now.",
    fields: { experiment_id: text, user_id: text, run_name: text, start_time: integer, tags: list(pair) },
    async handle(call, { experiment_id, user_id, run_name, start_time, tags }) {
      await checkInWorkspace(call, experiment_id || "0");
      const run = await call.tracking.createRun({
        experimentId: experiment_id || "0",
        user: user_id ?? "",
        tags,
        ...(run_name ? { name: run_name } : {}),
        ...(start_time ? { startMs: start_time } : {}),
      });
      return { run: runJson(run) };
    },
  }),
  route("POST /mlflow/runs/update", {
    says: "Sets status, end time or name of a run.",
    fields: { run_id: runId, status, end_time: integer, run_name: text },
    async handle({ tracking, who }, { run_id, status, end_time, run_name }) {
      const change = {
        ...(status ? { status } : {}),
        ...(end_time === undefined ? {} : { endMs: end_time }),
        ...(run_name ? { name: run_name } : {}),
      };
      return { run_info: runInfoJson(await tracking.updateRun(run_id, change, who)) };
    },
  }),
  route("GET /mlflow/runs/get", {
    says: "One run with all it logged, deleted or not.",
    fields: { run_id: runId },
    handle: async ({ tracking }, { run_id }) => ({ run: runJson(await tracking.getRun(run_id)) }),
  }),
  route("POST /mlflow/runs/delete", {
    says: "Deletes a run, softly.",
    fields: { run_id: runId },
    async handle({ tracking, who }, { run_id }) {
      await tracking.deleteRun(run_id, who);
      return {};
    },
  }),
  route("POST /mlflow/runs/restore", {
    says: "Restores a deleted run.",
    fields: { run_id: runId },
    async handle({ tracking, who }, { run_id }) {
      await tracking.restoreRun(run_id, who);
      return {};
    },
  }),
  route("POST /mlflow/runs/log-metric", {
    says: "Logs one point of a metric.",
    fields: { run_id: runId, ...metricFields },
    async handle({ tracking }, { run_id, ...metric }) {
      await tracking.logBatch(run_id, { metrics: [metricOf(metric)] });
      return {};
    },
  }),
  route("POST /mlflow/runs/log-parameter", {
    says: "Logs a param, which never changes afterwards.",
    fields: { run_id: runId, key: required(text), value: text },
    async handle({ tracking }, { run_id, key, value }) {
      await tracking.logBatch(run_id, { params: [{ key, value: value ?? "" }] });
      return {};
    },
  }),
  route("POST /mlflow/runs/set-tag", {
    says: "Sets a tag of a run.",
    fields: { run_id: runId, key: required(text), value: text },
    async handle({ tracking }, { run_id, key, value }) {
      await tracking.logBatch(run_id, { tags: [{ key, value: value ?? "" }] });
      return {};
    },
  }),
  route("POST /mlflow/runs/delete-tag", {
    says: "Deletes a tag of a run.",
    fields: { run_id: runId, key: required(text) },
    async handle({ tracking }, { run_id, key }) {
      await tracking.deleteTag(run_id, key);
      return {};
    },
  }),
  route("POST /mlflow/runs/log-batch", {
    says: "Logs metrics (up to 1000), params (100) and tags (100) at once.",
    differs: "All of it or nothing; MLflow's server may keep the params of a batch whose metrics it refuses.",
    fields: { run_id: runId, metrics: list(message(metricFields)), params: list(pair), tags: list(pair) },
    async handle({ tracking }, { run_id, metrics, params, tags }) {
      await tracking.logBatch(run_id, { metrics: metrics.map(metricOf), params, tags });
      return {};
    },
  }),
  route("POST /mlflow/runs/log-inputs", {
    says: "Names datasets and logged models that a run read.",
    fields: {
      run_id: runId,
      datasets: list(datasetInput),
      models: list(message({ model_id: required(text) })),
    },
    async handle({ tracking }, { run_id, datasets, models }) {
      await tracking.logInputs(run_id, {
        datasets: datasets.map(({ tags, dataset }) => ({
          tags,
          dataset: {
            name: dataset.name ?? "",
            digest: dataset.digest ?? "",
            sourceType: dataset.source_type ?? "",
            source: dataset.source ?? "",
            ...(dataset.schema === undefined ? {} : { schema: dataset.schema }),
            ...(dataset.profile === undefined ? {} : { profile: dataset.profile }),
          },
        })),
        modelIds: models.map((model) => model.model_id),
      });
      return {};
    },
  }),
  route("POST /mlflow/runs/outputs", {
    says: "Names logged models that a run made.",
    fields: { run_id: runId, models: filled(list(message({ model_id: required(text), step: integer }))) },
    async handle({ tracking }, { run_id, models }) {
      await tracking.logOutputs(
        run_id,
        models.map(({ model_id, step }) => ({ modelId: model_id, step: step ?? 0 })),
      );
      return {};
    },
  }),
  route("POST /mlflow/runs/log-model", {
    says: "Notes in the run's tags that a 2.x client wrote a model folder.",
    fields: { run_id: runId, model_json: required(text) },
    async handle({ tracking }, { run_id, model_json }) {
      await tracking.recordModel(run_id, modelOf(model_json));
      return {};
    },
  }),
  route("POST /mlflow/runs/search", {
    says: "Searches runs with MLflow's filter and order_by language.",
    differs:
      "Page tokens are positions, not offsets. NaN meets no comparison but `!=` (MLflow's server compares it as 0). A list after IN is accepted for every text attribute.",
    fields: {
      experiment_ids: list(text),
      filter: text,
      run_view_type: viewType,
      max_results: integer,
      order_by: list(text),
      page_token: text,
    },
    async handle({ tracking }, { experiment_ids, filter, run_view_type, max_results, order_by, page_token }) {
      const page = await tracking.searchRuns({
        experimentIds: experiment_ids,
        filter: filter ?? "",
        lifecycle: lifecycleOf(run_view_type),
        maxResults: max_results ?? 1000,
        orderBy: order_by,
        pageToken: page_token ?? "",
      });
      return pageJson("runs", page.items.map(runJson), page.nextPageToken);
    },
  }),
];

const MODEL_KEYS = ["artifact_path", "flavors", "utc_time_created", "run_id"];

function modelOf(text: string): Record<string, unknown> {
  let model: unknown;
  try {
    model = JSON.parse(text);
  } catch {
    throw invalid(`Malformed model info. \n ${text} \n is not a valid JSON.`);
  }
  if (typeof model !== "object" || model === null || Array.isArray(model))
    throw invalid("Malformed model info: it is not an object");
  const lacking = MODEL_KEYS.filter((key) => !(key in model));
  if (lacking.length > 0)
    throw invalid(`Model json is missing mandatory fields: {${lacking.map((key) => `'${key}'`).join(", ")}}`);
  return model as Record<string, unknown>;
}
