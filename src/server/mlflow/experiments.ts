/** MLflow's calls about experiments. */

import { fail } from "../../base/errors.ts";
import type { Lifecycle } from "../../tracking/types.ts";
import { choice, integer, list, pair, required, text } from "./fields.ts";
import { pageJson } from "./json.ts";
import { onlyIn, type Route, route } from "./route.ts";
import { shownExperiment, workspaceOf } from "./workspaces.ts";

export const viewType = choice("ACTIVE_ONLY", "DELETED_ONLY", "ALL");
export const lifecycleOf = (view: "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL" | undefined): Lifecycle | "all" =>
  view === "ALL" ? "all" : view === "DELETED_ONLY" ? "deleted" : "active";

export const EXPERIMENT_ROUTES: readonly Route[] = [
  route("POST /mlflow/experiments/create", {
    says: "Makes an experiment.",
    fields: { name: required(text), artifact_location: text, tags: list(pair) },
    async handle({ tracking, who }, { name, artifact_location, tags }) {
      const made = { name, tags, ...(artifact_location ? { artifactLocation: artifact_location } : {}) };
      return { experiment_id: await tracking.createExperiment(made, who) };
    },
  }),
  route("GET /mlflow/experiments/get", {
    says: "One experiment by id, deleted or not.",
    fields: { experiment_id: required(text) },
    handle: async (call, { experiment_id }) => ({
      experiment: shownExperiment(call, await call.tracking.getExperiment(experiment_id)),
    }),
  }),
  route("GET /mlflow/experiments/get-by-name", {
    says: "One experiment by name, deleted or not.",
    fields: { experiment_name: required(text) },
    async handle(call, { experiment_name }) {
      const experiment = await call.tracking.findExperiment(experiment_name);
      if (!experiment) throw fail("NOT_FOUND", { what: `Could not find experiment with name '${experiment_name}'` });
      return { experiment: shownExperiment(call, experiment) };
    },
  }),
  route("POST /mlflow/experiments/update", {
    says: "Renames an active experiment.",
    fields: { experiment_id: required(text), new_name: required(text) },
    async handle({ tracking, who }, { experiment_id, new_name }) {
      await tracking.renameExperiment(experiment_id, new_name, who);
      return {};
    },
  }),
  route("POST /mlflow/experiments/delete", {
    says: "Deletes an experiment and its runs, softly.",
    fields: { experiment_id: required(text) },
    async handle({ tracking, who }, { experiment_id }) {
      await tracking.deleteExperiment(experiment_id, who);
      return {};
    },
  }),
  route("POST /mlflow/experiments/restore", {
    says: "Restores a deleted experiment and its runs.",
    fields: { experiment_id: required(text) },
    async handle({ tracking, who }, { experiment_id }) {
      await tracking.restoreExperiment(experiment_id, who);
      return {};
    },
  }),
  route("POST|GET /mlflow/experiments/search", {
    says: "Searches experiments.",
    differs: "Page tokens are positions, not offsets, and are good for the same query only.",
    fields: { view_type: viewType, max_results: integer, order_by: list(text), filter: text, page_token: text },
    async handle(call, { view_type, max_results, order_by, filter, page_token, ...rest }) {
      const project = workspaceOf(call.request);
      const page = await call.tracking.searchExperiments({
        ...onlyIn(rest),
        ...(project === undefined ? {} : { project }),
        lifecycle: lifecycleOf(view_type),
        maxResults: max_results ?? 0,
        orderBy: order_by,
        filter: filter ?? "",
        pageToken: page_token ?? "",
      });
      const shown = page.items.map((experiment) => shownExperiment(call, experiment));
      return pageJson("experiments", shown, page.nextPageToken);
    },
  }),
  route("POST /mlflow/experiments/set-experiment-tag", {
    says: "Sets a tag of an experiment.",
    fields: { experiment_id: required(text), key: required(text), value: text },
    async handle({ tracking }, { experiment_id, key, value }) {
      await tracking.setExperimentTag(experiment_id, { key, value: value ?? "" });
      return {};
    },
  }),
  route("POST /mlflow/experiments/delete-experiment-tag", {
    says: "Deletes a tag of an experiment.",
    fields: { experiment_id: required(text), key: required(text) },
    async handle({ tracking }, { experiment_id, key }) {
      await tracking.deleteExperimentTag(experiment_id, key);
      return {};
    },
  }),
  route("POST /mlflow/experiments/search-datasets", {
    says: "Datasets that the runs of some experiments (1 to 20) have named.",
    fields: { experiment_ids: list(text) },
    async handle({ tracking }, { experiment_ids }) {
      const found = await tracking.searchDatasets(experiment_ids);
      const json = found.map(({ experimentId, name, digest, context }) => ({
        experiment_id: experimentId,
        name,
        digest,
        ...(context === "" ? {} : { context }),
      }));
      return pageJson("dataset_summaries", json, undefined);
    },
  }),
];
