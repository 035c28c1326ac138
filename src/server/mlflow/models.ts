/** MLflow's calls about registered models and their aliases. */

import { invalid } from "../../base/keys.ts";
import { integer, list, pair, required, text } from "./fields.ts";
import { modelJson, pageJson, versionJson } from "./json.ts";
import { type Call, onlyIn, type Route, route } from "./route.ts";

export const versionNumber = (version: string): number => {
  if (!/^\d{1,15}$/.test(version)) throw invalid(`Model version must be an integer, got '${version}'`);
  return Number(version);
};

const isChampion = (alias: string): boolean => alias.toLowerCase() === "champion";

const answer = async ({ registry }: Call, name: string) => ({
  registered_model: modelJson(await registry.getModel(name)),
});

export const MODEL_ROUTES: readonly Route[] = [
  route("POST /mlflow/registered-models/create", {
    says: "Makes a registered model.",
    fields: { name: required(text), tags: list(pair), description: text },
    async handle({ registry, who }, { name, tags, description }) {
      const made = { name, tags, ...(description ? { description } : {}) };
      return { registered_model: modelJson(await registry.createModel(made, who)) };
    },
  }),
  route("GET /mlflow/registered-models/get", {
    says: "One registered model.",
    fields: { name: required(text) },
    handle: (call, { name }) => answer(call, name),
  }),
  route("PATCH /mlflow/registered-models/update", {
    says: "Replaces the description, also by none.",
    fields: { name: required(text), description: text },
    async handle(call, { name, description }) {
      await call.registry.describeModel(name, description);
      return answer(call, name);
    },
  }),
  route("POST /mlflow/registered-models/rename", {
    says: "Renames a model with its versions.",
    differs: "With deploy.approve a pipeline's model keeps its name.",
    fields: { name: required(text), new_name: required(text) },
    async handle(call, { name, new_name }) {
      for (const either of [name, new_name]) await call.checkClaim(either, undefined);
      await call.registry.renameModel(name, new_name, call.who);
      return answer(call, new_name);
    },
  }),
  route("DELETE /mlflow/registered-models/delete", {
    says: "Deletes a model with its versions.",
    differs: "Its version numbers are not given again, should the name come back.",
    fields: { name: required(text) },
    async handle({ registry, who }, { name }) {
      await registry.deleteModel(name, who);
      return {};
    },
  }),
  route("GET /mlflow/registered-models/search", {
    says: "Searches registered models; prompts are hidden unless the filter speaks of them.",
    fields: { filter: text, max_results: integer, order_by: list(text), page_token: text },
    async handle({ registry }, { filter, max_results, order_by, page_token, ...rest }) {
      const page = await registry.searchModels({
        ...onlyIn(rest),
        filter: filter ?? "",
        orderBy: order_by,
        pageToken: page_token ?? "",
        ...(max_results === undefined ? {} : { maxResults: max_results }),
      });
      return pageJson("registered_models", page.items.map(modelJson), page.nextPageToken);
    },
  }),
  route("POST|GET /mlflow/registered-models/get-latest-versions", {
    says: "The newest version of each stage.",
    fields: { name: required(text), stages: list(text) },
    async handle({ registry }, { name, stages }) {
      return pageJson("model_versions", (await registry.latestVersions(name, stages)).map(versionJson), undefined);
    },
  }),
  route("POST /mlflow/registered-models/set-tag", {
    says: "Sets a tag of a model.",
    fields: { name: required(text), key: required(text), value: text },
    async handle({ registry }, { name, key, value }) {
      await registry.setModelTag(name, { key, value: value ?? "" });
      return {};
    },
  }),
  route("DELETE /mlflow/registered-models/delete-tag", {
    says: "Deletes a tag of a model; one that is not there is no error.",
    fields: { name: required(text), key: required(text) },
    async handle({ registry }, { name, key }) {
      await registry.deleteModelTag(name, key);
      return {};
    },
  }),
  route("POST /mlflow/registered-models/alias", {
    says: "Points an alias at a version.",
    differs: "With deploy.approve, champion only at the version that serves.",
    fields: { name: required(text), alias: required(text), version: required(text) },
    async handle({ registry, who, checkClaim }, { name, alias, version }) {
      if (isChampion(alias)) await checkClaim(name, versionNumber(version));
      await registry.setAlias(name, alias, versionNumber(version), who);
      return {};
    },
  }),
  route("DELETE /mlflow/registered-models/alias", {
    says: "Deletes an alias.",
    fields: { name: required(text), alias: required(text) },
    async handle({ registry, who, checkClaim }, { name, alias }) {
      if (isChampion(alias)) await checkClaim(name, undefined);
      await registry.deleteAlias(name, alias, who);
      return {};
    },
  }),
  route("GET /mlflow/registered-models/alias", {
    says: "The version that an alias points at; `latest` is the newest.",
    fields: { name: required(text), alias: required(text) },
    async handle({ registry }, { name, alias }) {
      const version = await registry.getByAlias(name, alias);
      // 400, not 404: clients take it for "no such alias" only so.
      if (!version) throw invalid(`Registered model alias ${alias} not found.`);
      return { model_version: versionJson(version) };
    },
  }),
];
