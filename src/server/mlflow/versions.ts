/** MLflow's calls about model versions. */

import { bool, integer, list, pair, required, text } from "./fields.ts";
import { pageJson, versionJson } from "./json.ts";
import { versionNumber } from "./models.ts";
import { onlyIn, type Route, route } from "./route.ts";

const one = { name: required(text), version: required(text) };

export const VERSION_ROUTES: readonly Route[] = [
  route("POST /mlflow/model-versions/create", {
    says: "Registers a version. `models:/` and `runs:/` sources are resolved now.",
    fields: {
      name: required(text),
      source: required(text),
      run_id: text,
      tags: list(pair),
      run_link: text,
      description: text,
      model_id: text,
    },
    async handle({ registry, who }, { name, source, run_id, tags, run_link, description, model_id }) {
      const made = {
        source,
        tags,
        ...(run_id ? { runId: run_id } : {}),
        ...(run_link ? { runLink: run_link } : {}),
        ...(description ? { description } : {}),
        ...(model_id ? { modelId: model_id } : {}),
      };
      return { model_version: versionJson(await registry.createVersion(name, made, who)) };
    },
  }),
  route("GET /mlflow/model-versions/get", {
    says: "One version.",
    fields: one,
    handle: async ({ registry }, { name, version }) => ({
      model_version: versionJson(await registry.getVersion(name, versionNumber(version))),
    }),
  }),
  route("PATCH /mlflow/model-versions/update", {
    says: "Sets the description.",
    differs: "An absent description stays.",
    fields: { ...one, description: text },
    async handle({ registry }, { name, version, description }) {
      const number = versionNumber(version);
      if (description !== undefined) await registry.describeVersion(name, number, description);
      return { model_version: versionJson(await registry.getVersion(name, number)) };
    },
  }),
  route("POST /mlflow/model-versions/transition-stage", {
    says: "Moves a version to a stage, for old clients; aliases have taken their place.",
    differs: "With deploy.approve, to Production only the version that serves.",
    fields: { ...one, stage: required(text), archive_existing_versions: bool },
    async handle({ registry, who, checkClaim }, { name, version, stage, archive_existing_versions }) {
      if (stage.toLowerCase() === "production") await checkClaim(name, versionNumber(version));
      const to = { stage, archiveExisting: archive_existing_versions ?? false };
      return { model_version: versionJson(await registry.transitionStage(name, versionNumber(version), to, who)) };
    },
  }),
  route("DELETE /mlflow/model-versions/delete", {
    says: "Hides a version and drops its aliases; its number is never given again.",
    differs: "With deploy.approve, not the champion.",
    fields: one,
    async handle({ registry, who, checkClaim }, { name, version }) {
      const { aliases } = await registry.getVersion(name, versionNumber(version));
      if (aliases.includes("champion")) await checkClaim(name, undefined);
      await registry.deleteVersion(name, versionNumber(version), who);
      return {};
    },
  }),
  route("GET /mlflow/model-versions/get-download-uri", {
    says: "Where the version's files are.",
    fields: one,
    handle: async ({ registry }, { name, version }) => ({
      artifact_uri: (await registry.getVersion(name, versionNumber(version))).storageUri,
    }),
  }),
  route("GET /mlflow/model-versions/search", {
    says: "Searches versions; those of prompts are hidden unless the filter speaks of them.",
    fields: { filter: text, max_results: integer, order_by: list(text), page_token: text },
    async handle({ registry }, { filter, max_results, order_by, page_token, ...rest }) {
      const page = await registry.searchVersions({
        ...onlyIn(rest),
        filter: filter ?? "",
        orderBy: order_by,
        pageToken: page_token ?? "",
        ...(max_results === undefined ? {} : { maxResults: max_results }),
      });
      return pageJson("model_versions", page.items.map(versionJson), page.nextPageToken);
    },
  }),
  route("POST /mlflow/model-versions/set-tag", {
    says: "Sets a tag of a version.",
    fields: { ...one, key: required(text), value: text },
    async handle({ registry, who }, { name, version, key, value }) {
      await registry.setVersionTag(name, versionNumber(version), { key, value: value ?? "" }, who);
      return {};
    },
  }),
  route("DELETE /mlflow/model-versions/delete-tag", {
    says: "Deletes a tag of a version; one that is not there is no error.",
    fields: { ...one, key: required(text) },
    async handle({ registry, who }, { name, version, key }) {
      await registry.deleteVersionTag(name, versionNumber(version), key, who);
      return {};
    },
  }),
];
