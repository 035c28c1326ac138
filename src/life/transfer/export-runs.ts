/** One run on the other server, which gives it an id of its own. */

import { type MetricPoint, type Run, TAGS } from "../../tracking/types.ts";
import { chunks, type ExportContext, type ThereRun } from "./export-context.ts";
import { exportFiles } from "./export-files.ts";
import { EXPORTED, IS_EXPORTED, markOf, tagChanges } from "./marks.ts";
import { API, historyOf, runsOf } from "./peer.ts";
import { pointFrom, runFrom, type WireExperiment, type WireRun } from "./wire.ts";

/** What one log-batch of MLflow holds. */
const BATCH = { metrics: 1000, params: 100, tags: 100 };

/** A point as the protocol writes it. */
export const pointJson = ({ key, value, timestampMs, step }: MetricPoint) => ({
  key,
  value: Number.isNaN(value) ? "NaN" : value,
  timestamp: timestampMs,
  step,
});

const thereRun = ({ info }: WireRun): ThereRun => ({
  id: info.run_id,
  artifactUri: info.artifact_uri ?? "",
  experimentId: info.experiment_id,
  isDeleted: info.lifecycle_stage === "deleted",
});

/** All runs that exports have made there, by our ids. */
export async function runsThere(
  { rest }: ExportContext,
  experiments: readonly WireExperiment[],
): Promise<Map<string, ThereRun>> {
  const found = new Map<string, ThereRun>();
  for (const { experiment_id } of experiments)
    for await (const wire of runsOf(rest, experiment_id, IS_EXPORTED)) {
      const id = markOf(runFrom(wire).tags)!;
      // One that was moved here is there twice: once deleted.
      if (found.get(id)?.isDeleted ?? true) found.set(id, thereRun(wire));
    }
  return found;
}

/** The run there, made, restored or, when it is in another experiment by now, made anew. */
export async function homeOfRun(
  out: ExportContext,
  run: Pick<Run, "runId" | "name" | "userId" | "startMs">,
  experimentId: string,
): Promise<ThereRun> {
  const known = out.runs.get(run.runId);
  if (known?.experimentId === experimentId) {
    if (known.isDeleted) await out.rest.post(`${API}/runs/restore`, { run_id: known.id });
    known.isDeleted = false;
    return known;
  }
  if (known) await removeRun(out, run.runId);
  const { run: made } = await out.rest.post<{ run: WireRun }>(`${API}/runs/create`, {
    experiment_id: experimentId,
    user_id: run.userId,
    run_name: run.name,
    start_time: run.startMs,
    tags: [{ key: EXPORTED, value: run.runId }],
  });
  const there = thereRun(made);
  out.runs.set(run.runId, there);
  return there;
}

/** Takes a run away that an earlier export made. */
export async function removeRun(out: ExportContext, runId: string): Promise<void> {
  const known = out.runs.get(runId);
  if (!known || known.isDeleted) return;
  await out.rest.post(`${API}/runs/delete`, { run_id: known.id });
  known.isDeleted = true;
}

const readRun = async ({ rest }: ExportContext, id: string): Promise<Run> =>
  runFrom((await rest.get<{ run: WireRun }>(`${API}/runs/get`, { run_id: id })).run);

/** Without what names other runs and logged models: that is for linkRun, when all of them are there. */
export async function exportRun(out: ExportContext, run: Run, experimentId: string): Promise<void> {
  const there = await homeOfRun(out, run, experimentId);
  const known = await readRun(out, there.id);
  const log = (batch: object) => out.rest.post(`${API}/runs/log-batch`, { run_id: there.id, ...batch });
  for (const params of chunks(run.params, BATCH.params)) await log({ params });
  const { set, drop } = tagChanges(withoutParent(run, there.id), known.tags);
  for (const tags of chunks(set, BATCH.tags)) await log({ tags });
  for (const key of drop) await out.rest.post(`${API}/runs/delete-tag`, { run_id: there.id, key });
  for (const { key } of run.metrics) {
    const has = known.metrics.some((metric) => metric.key === key) ? await pointsThere(out, there.id, key) : new Set();
    await exportHistory(out, run.runId, { key, has, log });
  }
  await exportDatasets(out, run, there.id);
  await exportFiles(out, run.artifactUri, there.artifactUri);
  const end = run.endMs === undefined ? {} : { end_time: run.endMs };
  if (known.status !== run.status || known.endMs !== run.endMs || known.name !== run.name)
    await out.rest.post(`${API}/runs/update`, { run_id: there.id, status: run.status, run_name: run.name, ...end });
  out.counts.runs++;
  out.done();
}

/** Tags as they are to be there: the history of models names the run itself. */
const withoutParent = (run: Run, id: string) =>
  run.tags
    .filter(({ key }) => key !== TAGS.parentRun)
    .map((tag) => (tag.key === TAGS.models ? { ...tag, value: tag.value.replaceAll(run.runId, id) } : tag));

const nameOf = ({ step, timestampMs, value }: MetricPoint): string => `${step} ${timestampMs} ${value}`;

/** A server of MLflow 2 refuses a point that is NaN and there already, with all that come along. */
async function pointsThere({ rest }: ExportContext, id: string, key: string): Promise<Set<unknown>> {
  const names = new Set<string>();
  for await (const page of historyOf(rest, id, key)) for (const point of page) names.add(nameOf(pointFrom(point)));
  return names;
}

async function exportHistory(
  out: ExportContext,
  runId: string,
  to: { key: string; has: ReadonlySet<unknown>; log(batch: object): Promise<unknown> },
): Promise<void> {
  let pageToken = "";
  do {
    const page = await out.from.tracking.metricHistory(runId, to.key, { maxResults: 10_000, pageToken });
    const missing = page.items.filter((point) => !to.has.has(nameOf(point)));
    for (const points of chunks(missing, BATCH.metrics)) {
      await to.log({ metrics: points.map(pointJson) });
      out.counts.metrics += points.length;
    }
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
}

async function exportDatasets({ rest }: ExportContext, run: Run, id: string): Promise<void> {
  if (run.datasets.length === 0) return;
  const datasets = run.datasets.map(({ tags, dataset: { sourceType, ...dataset } }) => ({
    tags,
    dataset: { ...dataset, source_type: sourceType },
  }));
  await rest.post(`${API}/runs/log-inputs`, { run_id: id, datasets });
}

/** What names other runs and logged models, by their ids there. */
export type RunLinks = Pick<Run, "runId" | "modelInputs" | "modelOutputs"> & { parent?: string };

/** Undefined when there is nothing to link. */
export function linksOf({ runId, modelInputs, modelOutputs, tags }: Run): RunLinks | undefined {
  const parent = tags.find(({ key }) => key === TAGS.parentRun)?.value;
  if (modelInputs.length + modelOutputs.length === 0 && parent === undefined) return undefined;
  return { runId, modelInputs, modelOutputs, ...(parent === undefined ? {} : { parent }) };
}

export async function linkRun(out: ExportContext, links: RunLinks): Promise<void> {
  const run_id = out.runs.get(links.runId)!.id;
  const known = await readRun(out, run_id);
  if (links.parent !== undefined) {
    const value = out.runs.get(links.parent)?.id ?? links.parent;
    const tag = { key: TAGS.parentRun, value };
    if (tagChanges([tag], known.tags).set.length > 0) await out.rest.post(`${API}/runs/set-tag`, { run_id, ...tag });
  }
  const there = (modelId: string) => out.loggedModels.get(modelId)?.id;
  const inputs = links.modelInputs.map(there).filter((id) => id !== undefined && !known.modelInputs.includes(id));
  if (inputs.length > 0)
    await out.rest.post(`${API}/runs/log-inputs`, { run_id, models: inputs.map((model_id) => ({ model_id })) });
  const isKnown = (id: string, step: number) => known.modelOutputs.some((o) => o.modelId === id && o.step === step);
  const outputs = links.modelOutputs.flatMap(({ modelId, step }) => {
    const model_id = there(modelId);
    return model_id === undefined || isKnown(model_id, step) ? [] : [{ model_id, step }];
  });
  if (outputs.length > 0) await out.rest.post(`${API}/runs/outputs`, { run_id, models: outputs });
}
