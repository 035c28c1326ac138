/**
 * What a run logs. Everything here is committed in groups and survives the death of the process once it is answered
 * ("logged"); only a power cut may take the last moments.
 */

import { fail } from "../base/errors.ts";
import { checkKey, invalid } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import { type ModelMetricRow, modelMetricRow, putModelMetrics } from "../db/logged_models.ts";
import { insertMetrics } from "../db/metrics.ts";
import { ensureDataset, insertRunInput, insertRunModels } from "../db/run_inputs.ts";
import { deleteRunTag, insertParams, putRunTags, runTag } from "../db/run_values.ts";
import { type RunRow, updateRunRow } from "../db/runs.ts";
import { mustFindLoggedModel } from "./logged-models.ts";
import { mustBeWritable } from "./read.ts";
import {
  type DatasetInput,
  type LoggedMetric,
  type ModelOutput,
  type Pair,
  TAGS,
  type TrackingOptions,
} from "./types.ts";
import {
  checkBatchSize,
  checkDatasetInput,
  checkedMetric,
  checkedParam,
  checkedRunName,
  checkedRunTag,
  checkUniqueParams,
} from "./validate.ts";

export interface LogBatch {
  metrics?: readonly LoggedMetric[];
  params?: readonly Pair[];
  tags?: readonly Pair[];
}

async function writeParams(sql: Sql, run: RunRow, params: readonly Pair[]): Promise<void> {
  const [changed] = await insertParams(sql, run, params);
  if (changed)
    throw invalid(
      `Changing param values is not allowed. Param with key='${changed.key}' was already logged with value='${changed.was}' for run ID='${run.run_id}'. Attempted logging new value '${changed.now}'.`,
    );
}

async function writeTags(sql: Sql, run: RunRow, tags: readonly Pair[]): Promise<void> {
  await putRunTags(sql, run, tags);
  const name = tags.findLast((tag) => tag.key === TAGS.runName);
  if (name) await updateRunRow(sql, run.seq, { ...run, name: checkedRunName(name.value) });
}

/** Names datasets as what a run read. */
export async function writeDatasets(
  sql: Sql,
  run: { seq: number; experiment_id: number },
  inputs: readonly DatasetInput[],
): Promise<void> {
  for (const { dataset, tags } of inputs) {
    const seq = await ensureDataset(sql, run.experiment_id, {
      name: dataset.name,
      digest: dataset.digest,
      source_type: dataset.sourceType,
      source: dataset.source,
      schema_json: dataset.schema ?? null,
      profile_json: dataset.profile ?? null,
    });
    const context = tags.find((tag) => tag.key === TAGS.datasetContext)?.value ?? "";
    await insertRunInput(sql, run.seq, seq, context, JSON.stringify(tags));
  }
}

/** A client may have set the tag to anything; what is no list is replaced. */
function listIn(text: string): unknown[] {
  try {
    const known: unknown = JSON.parse(text);
    return Array.isArray(known) ? known : [];
  } catch {
    return [];
  }
}

/** Points that also belong to logged models. NOT_FOUND when there is no such model. */
async function writeModelMetrics(sql: Sql, run: RunRow, metrics: readonly LoggedMetric[]): Promise<void> {
  const seqs = new Map<string, number>();
  const rows: ModelMetricRow[] = [];
  for (const metric of metrics) {
    if (metric.modelId === undefined) continue;
    const seq = seqs.get(metric.modelId) ?? (await mustFindLoggedModel(sql, metric.modelId)).seq;
    seqs.set(metric.modelId, seq);
    rows.push(modelMetricRow(seq, run.run_id, metric));
  }
  if (rows.length > 0) await putModelMetrics(sql, rows);
}

export function createLogging({ db }: TrackingOptions) {
  return {
    /**
     * Params, then metrics, then tags, in one transaction: all of it or nothing. (MLflow's server may keep the params
     * of a batch whose metrics fail.) A param that is there with another value is INVALID.
     */
    async logBatch(runId: string, batch: LogBatch): Promise<void> {
      const params = (batch.params ?? []).map(checkedParam);
      const metrics = (batch.metrics ?? []).map(checkedMetric);
      const tags = (batch.tags ?? []).map(checkedRunTag);
      checkBatchSize(metrics.length, params.length, tags.length);
      checkUniqueParams(params);
      await db.write(async (sql) => {
        const run = await mustBeWritable(sql, runId);
        if (params.length > 0) await writeParams(sql, run, params);
        if (metrics.length > 0) await insertMetrics(sql, run, metrics);
        await writeModelMetrics(sql, run, metrics);
        if (tags.length > 0) await writeTags(sql, run, tags);
      }, "logged");
    },

    /** NOT_FOUND when the run has no such tag. */
    async deleteTag(runId: string, key: string): Promise<void> {
      checkKey("tag", key);
      await db.write(async (sql) => {
        const run = await mustBeWritable(sql, runId);
        if ((await deleteRunTag(sql, run.seq, key)) === 0)
          throw fail("NOT_FOUND", { what: `No tag with name: ${key} in run with id ${runId}` });
      }, "logged");
    },

    /** Names datasets and logged models as what the run read; the same again changes nothing. */
    async logInputs(
      runId: string,
      inputs: { datasets?: readonly DatasetInput[]; modelIds?: readonly string[] },
    ): Promise<void> {
      for (const input of inputs.datasets ?? []) checkDatasetInput(input);
      await db.write(async (sql) => {
        const run = await mustBeWritable(sql, runId);
        await writeDatasets(sql, run, inputs.datasets ?? []);
        await insertRunModels(
          sql,
          (inputs.modelIds ?? []).map((id) => ({
            run_seq: run.seq,
            direction: "input" as const,
            model_id: id,
            step: 0,
          })),
        );
      }, "logged");
    },

    /** Adds a model's description to the run's list of models that 2.x clients wrote; the list is never cut. */
    async recordModel(runId: string, model: Readonly<Record<string, unknown>>): Promise<void> {
      await db.write(async (sql) => {
        const run = await mustBeWritable(sql, runId);
        const known = listIn((await runTag(sql, run.seq, TAGS.models)) ?? "[]");
        await putRunTags(sql, run, [{ key: TAGS.models, value: JSON.stringify([...known, model]) }]);
      }, "logged");
    },

    async logOutputs(runId: string, outputs: readonly ModelOutput[]): Promise<void> {
      await db.write(async (sql) => {
        const run = await mustBeWritable(sql, runId);
        await insertRunModels(
          sql,
          outputs.map((o) => ({ run_seq: run.seq, direction: "output" as const, model_id: o.modelId, step: o.step })),
        );
      }, "logged");
    },
  };
}
