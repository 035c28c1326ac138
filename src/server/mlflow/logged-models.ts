/** MLflow 3's calls about logged models. */

import type { LoggedModel } from "../../tracking/types.ts";
import { listJson } from "./artifact-files.ts";
import { bool, choice, given, integer, list, message, pair, required, text } from "./fields.ts";
import { filledList, metricJson, pageJson } from "./json.ts";
import { type Route, route } from "./route.ts";

const status = choice("LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED");

const loggedModelJson = (model: LoggedModel) => ({
  info: {
    model_id: model.modelId,
    experiment_id: model.experimentId,
    name: model.name,
    creation_timestamp_ms: model.createdMs,
    last_updated_timestamp_ms: model.updatedMs,
    artifact_uri: model.artifactUri,
    status: model.status,
    ...(model.modelType === "" ? {} : { model_type: model.modelType }),
    ...(model.sourceRunId === "" ? {} : { source_run_id: model.sourceRunId }),
    ...filledList("tags", model.tags),
  },
  data: {
    ...filledList("params", model.params),
    ...filledList(
      "metrics",
      model.metrics.map((metric) => ({
        ...metricJson(metric),
        model_id: model.modelId,
        run_id: metric.runId,
        ...(metric.datasetName === undefined ? {} : { dataset_name: metric.datasetName }),
        ...(metric.datasetDigest === undefined ? {} : { dataset_digest: metric.datasetDigest }),
      })),
    ),
  },
});

export const LOGGED_MODEL_ROUTES: readonly Route[] = [
  route("POST /mlflow/logged-models", {
    says: "Makes a logged model, pending until its files are there.",
    fields: {
      experiment_id: required(text),
      name: text,
      model_type: text,
      source_run_id: text,
      params: list(pair),
      tags: list(pair),
    },
    async handle({ tracking }, { experiment_id, name, model_type, source_run_id, params, tags }) {
      const model = await tracking.createLoggedModel({
        experimentId: experiment_id,
        params,
        tags,
        ...(name ? { name } : {}),
        ...(model_type ? { modelType: model_type } : {}),
        ...(source_run_id ? { sourceRunId: source_run_id } : {}),
      });
      return { model: loggedModelJson(model) };
    },
  }),
  route("POST /mlflow/logged-models/search", {
    says: "Searches logged models; metrics may be confined to datasets.",
    differs: "NaN meets no comparison but `!=`. An unknown attribute is 400, not 500.",
    fields: {
      experiment_ids: given(list(text)),
      filter: text,
      datasets: list(message({ dataset_name: required(text), dataset_digest: text })),
      max_results: integer,
      order_by: list(
        message({ field_name: required(text), ascending: bool, dataset_name: text, dataset_digest: text }),
      ),
      page_token: text,
    },
    async handle({ tracking }, { experiment_ids, filter, datasets, max_results, order_by, page_token }) {
      const page = await tracking.searchLoggedModels({
        experimentIds: experiment_ids,
        filter: filter ?? "",
        datasets: datasets.map(({ dataset_name, dataset_digest }) => ({
          name: dataset_name,
          ...(dataset_digest ? { digest: dataset_digest } : {}),
        })),
        orderBy: order_by.map(({ field_name, ascending, dataset_name, dataset_digest }) => ({
          field: field_name,
          descending: ascending === false,
          dataset: {
            ...(dataset_name ? { name: dataset_name } : {}),
            ...(dataset_digest ? { digest: dataset_digest } : {}),
          },
        })),
        pageToken: page_token ?? "",
        ...(max_results ? { maxResults: max_results } : {}),
      });
      return pageJson("models", page.items.map(loggedModelJson), page.nextPageToken);
    },
  }),
  route("GET /mlflow/logged-models/{model_id}", {
    says: "One logged model; a deleted one with `allow_deleted=true`.",
    fields: { allow_deleted: bool },
    handle: async ({ tracking, params }, { allow_deleted }) => ({
      model: loggedModelJson(await tracking.getLoggedModel(params.model_id!, { deletedToo: allow_deleted ?? false })),
    }),
  }),
  route("PATCH /mlflow/logged-models/{model_id}", {
    says: "Says that its files are there, or that they failed.",
    fields: { status: required(status) },
    handle: async ({ tracking, params }, { status }) => ({
      model: loggedModelJson(await tracking.finishLoggedModel(params.model_id!, status)),
    }),
  }),
  route("DELETE /mlflow/logged-models/{model_id}", {
    says: "Deletes a logged model, softly.",
    async handle({ tracking, params, who }) {
      await tracking.deleteLoggedModel(params.model_id!, who);
      return {};
    },
  }),
  route("POST /mlflow/logged-models/{model_id}/params", {
    says: "Logs params of a logged model.",
    fields: { params: list(pair) },
    async handle(call, { params }) {
      await call.tracking.logModelParams(call.params.model_id!, params);
      return {};
    },
  }),
  route("PATCH /mlflow/logged-models/{model_id}/tags", {
    says: "Sets tags of a logged model.",
    fields: { tags: list(pair) },
    async handle({ tracking, params }, { tags }) {
      await tracking.setLoggedModelTags(params.model_id!, tags);
      return {};
    },
  }),
  route("DELETE /mlflow/logged-models/{model_id}/tags/{key...}", {
    says: "Deletes a tag of a logged model; the key may hold slashes.",
    async handle({ tracking, params }) {
      await tracking.deleteLoggedModelTag(params.model_id!, params.key!);
      return {};
    },
  }),
  route("GET /mlflow/logged-models/{model_id}/artifacts/directories", {
    says: "Files of a logged model, one folder at a time.",
    fields: { artifact_directory_path: text },
    async handle({ tracking, artifacts, params }, { artifact_directory_path }) {
      const { artifactUri } = await tracking.getLoggedModel(params.model_id!);
      return listJson(artifacts, artifactUri, artifact_directory_path ?? "");
    },
  }),
];
