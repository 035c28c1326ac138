/** MLflow 3's logged models on the other server, which gives them ids of its own. A server of MLflow 2 has none: they are left. */

import type { LoggedModel } from "../../tracking/types.ts";
import { chunks, type ExportContext, type OwnedModel } from "./export-context.ts";
import { exportFiles } from "./export-files.ts";
import { pointJson } from "./export-runs.ts";
import { EXPORTED, IS_EXPORTED, markOf, tagChanges } from "./marks.ts";
import { API, loggedModelsOf } from "./peer.ts";
import { isStatus } from "./rest.ts";
import { loggedModelFrom, type WireLoggedModel } from "./wire.ts";

const PARAMS = 100;
const POINTS = 1000;
/** The server notes there itself what was registered. */
const VERSIONS = "mlflow.modelVersions";

/** After the experiment's runs, whose ids they name. */
export async function exportLoggedModels(out: ExportContext, from: string, to: string): Promise<void> {
  let known: Map<string, LoggedModel> | undefined;
  let pageToken = "";
  do {
    const page = await out.from.tracking.searchLoggedModels({ experimentIds: [from], pageToken });
    pageToken = page.nextPageToken ?? "";
    if (page.items.length === 0) break;
    known ??= await modelsThere(out, to);
    if (known === undefined) {
      out.counts.left.push(`logged models of experiment ${from}: that server is of MLflow 2, which has none`);
      return;
    }
    for (const model of page.items) await exportModel(out, model, to, known.get(model.modelId));
  } while (pageToken !== "");
  for (const [id, there] of known ?? (await modelsThere(out, to)) ?? [])
    if (!out.loggedModels.has(id) && (await isDeletedHere(out, id)))
      await out.rest.change("DELETE", `${API}/logged-models/${there.modelId}`, {});
}

async function isDeletedHere({ from }: ExportContext, modelId: string): Promise<boolean> {
  const model = await from.tracking.getLoggedModel(modelId, { deletedToo: true }).catch(() => undefined);
  return model?.lifecycle === "deleted";
}

/** Those that exports have made, by our ids; undefined when the server knows no logged models. */
async function modelsThere({ rest }: ExportContext, to: string): Promise<Map<string, LoggedModel> | undefined> {
  const found = new Map<string, LoggedModel>();
  try {
    for await (const wire of loggedModelsOf(rest, to, IS_EXPORTED)) {
      const model = loggedModelFrom(wire);
      found.set(markOf(model.tags)!, model);
    }
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
  return found;
}

async function exportModel(
  out: ExportContext,
  model: LoggedModel,
  to: string,
  known: LoggedModel | undefined,
): Promise<void> {
  const there = known ?? (await createModel(out, model, to));
  const home: OwnedModel = { id: there.modelId, artifactUri: there.artifactUri, from: model.artifactUri };
  out.loggedModels.set(model.modelId, home);
  const path = `${API}/logged-models/${home.id}`;
  const has = new Set(there.params.map((param) => param.key));
  for (const params of chunks(
    model.params.filter(({ key }) => !has.has(key)),
    PARAMS,
  ))
    await out.rest.post(`${path}/params`, { params });
  await exportTags(out, path, model, there);
  await exportMetrics(out, model, there);
  await exportFiles(out, model.artifactUri, home.artifactUri);
  if (there.status !== model.status) await out.rest.change("PATCH", path, { model_id: home.id, status: model.status });
  out.counts.loggedModels++;
  out.done();
}

async function createModel({ rest, runs }: ExportContext, model: LoggedModel, to: string): Promise<LoggedModel> {
  const made = await rest.post<{ model: WireLoggedModel }>(`${API}/logged-models`, {
    experiment_id: to,
    name: model.name,
    model_type: model.modelType,
    source_run_id: runs.get(model.sourceRunId)?.id,
    params: model.params.slice(0, PARAMS),
    tags: [{ key: EXPORTED, value: model.modelId }],
  });
  return loggedModelFrom(made.model);
}

async function exportTags({ rest }: ExportContext, path: string, model: LoggedModel, there: LoggedModel) {
  const { set, drop } = tagChanges(
    model.tags.filter(({ key }) => key !== VERSIONS),
    there.tags,
  );
  if (set.length > 0) await rest.change("PATCH", `${path}/tags`, { tags: set });
  for (const key of drop) await rest.send("DELETE", `${path}/tags/${encodeURIComponent(key)}`);
}

/** They are logged by a run, there as here. */
async function exportMetrics(out: ExportContext, model: LoggedModel, there: LoggedModel): Promise<void> {
  const nameOf = (key: string, step: number, timestampMs: number, runId: string) =>
    JSON.stringify([key, step, timestampMs, runId]);
  const known = new Set(there.metrics.map((m) => nameOf(m.key, m.step, m.timestampMs, m.runId)));
  const byRun = Map.groupBy(model.metrics, (metric) => out.runs.get(metric.runId));
  for (const [run, metrics] of byRun) {
    if (run === undefined || run.isDeleted) {
      out.counts.left.push(`${metrics.length} metrics of logged model ${model.modelId}, whose run is deleted`);
      continue;
    }
    const missing = metrics.filter((m) => !known.has(nameOf(m.key, m.step, m.timestampMs, run.id)));
    for (const points of chunks(missing, POINTS)) await logPoints(out, run.id, there.modelId, points);
  }
}

async function logPoints(
  { rest }: ExportContext,
  run_id: string,
  model_id: string,
  points: LoggedModel["metrics"],
): Promise<void> {
  const metrics = points.map((point) => ({
    ...pointJson(point),
    model_id,
    dataset_name: point.datasetName,
    dataset_digest: point.datasetDigest,
  }));
  await rest.post(`${API}/runs/log-batch`, { run_id, metrics });
}
