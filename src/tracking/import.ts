/**
 * Runs and logged models of another store, brought over as they are: with their ids, times and whole history, also the deleted
 * ones. Everything may be repeated: what is there already is completed, not doubled.
 */

import type { Sql } from "../db/db.ts";
import * as experimentRows from "../db/experiments.ts";
import { findImport, type ImportKind, type ImportRow, putImport } from "../db/imports.ts";
import * as modelRows from "../db/logged_models.ts";
import { insertMetrics, type MetricPoint } from "../db/metrics.ts";
import { insertRunModels } from "../db/run_inputs.ts";
import { insertParams, putRunTags } from "../db/run_values.ts";
import { insertRun, replaceRun, runById, setRunLifecycle } from "../db/runs.ts";
import { mustFindExperiment } from "./experiments.ts";
import { writeDatasets } from "./logging.ts";
import { mustFindRun } from "./read.ts";
import type { Experiment, LoggedModel, Run, TrackingOptions } from "./types.ts";

export function createImports({ db, clock, artifactRoot = "mlflow-artifacts:" }: TrackingOptions) {
  async function experimentId(sql: Sql, experiment: Experiment): Promise<number> {
    const known = await experimentRows.experimentByName(sql, experiment.name);
    if (known) return known.experiment_id;
    const id = await experimentRows.insertExperiment(
      sql,
      experiment.name,
      (made) => `${artifactRoot}/${made}`,
      experiment.createdMs,
    );
    if (experiment.lifecycle === "deleted")
      await experimentRows.setExperimentLifecycle(sql, id, "deleted", experiment.updatedMs);
    return id;
  }

  return {
    /** The experiment of that name, made when it is missing, with its tags; resolves to its id here. */
    async importExperiment(experiment: Experiment): Promise<string> {
      return db.write(async (sql) => {
        const id = await experimentId(sql, experiment);
        for (const tag of experiment.tags) await experimentRows.putExperimentTag(sql, id, tag.key, tag.value);
        return String(id);
      });
    },

    /** The run without its history, which importMetrics brings; `run.artifactUri` is where its artifacts are from now on. */
    async importRun(run: Run): Promise<void> {
      await db.write(async (sql) => {
        const experiment = await mustFindExperiment(sql, run.experimentId);
        const row = {
          run_id: run.runId,
          experiment_id: experiment.experiment_id,
          name: run.name,
          user_id: run.userId,
          status: run.status,
          start_ms: run.startMs,
          end_ms: run.endMs ?? null,
          artifact_uri: run.artifactUri,
          lifecycle: run.lifecycle,
        };
        const known = await runById(sql, run.runId);
        const seq = known ? Number(known.seq) : await insertRun(sql, row);
        if (known) await replaceRun(sql, seq, row);
        if (run.lifecycle === "deleted") await setRunLifecycle(sql, seq, "deleted", clock.nowMs());
        const key = { seq, experiment_id: known?.experiment_id ?? row.experiment_id };
        await insertParams(sql, key, run.params);
        await putRunTags(sql, key, run.tags);
        await writeDatasets(sql, key, run.datasets);
        await insertRunModels(sql, [
          ...run.modelInputs.map((id) => ({ run_seq: seq, direction: "input" as const, model_id: id, step: 0 })),
          ...run.modelOutputs.map((out) => ({
            run_seq: seq,
            direction: "output" as const,
            model_id: out.modelId,
            step: out.step,
          })),
        ]);
      }, "logged");
    },

    async importMetrics(runId: string, points: readonly MetricPoint[]): Promise<void> {
      await db.write(async (sql) => insertMetrics(sql, await mustFindRun(sql, runId), points), "logged");
    },

    async importLoggedModel(model: LoggedModel): Promise<void> {
      await db.write(async (sql) => {
        const experiment = await mustFindExperiment(sql, model.experimentId);
        const row = {
          model_id: model.modelId,
          experiment_id: experiment.experiment_id,
          name: model.name,
          artifact_uri: model.artifactUri,
          status: model.status,
          model_type: model.modelType,
          source_run_id: model.sourceRunId,
          lifecycle: model.lifecycle,
          created_ms: model.createdMs,
          updated_ms: model.updatedMs,
        };
        const known = await modelRows.loggedModelById(sql, model.modelId);
        const seq = known ? Number(known.seq) : await modelRows.insertLoggedModel(sql, row);
        await modelRows.setLoggedModelStatus(sql, seq, model.status, model.updatedMs);
        await modelRows.putLoggedModelParams(sql, seq, model.params);
        await modelRows.putLoggedModelTags(sql, seq, model.tags);
        await modelRows.putModelMetrics(
          sql,
          model.metrics.map((metric) => modelRows.modelMetricRow(seq, metric.runId, metric)),
        );
      }, "logged");
    },

    /** What an import from that source noted about the thing. */
    findImport: (source: string, kind: ImportKind, id: string): Promise<ImportRow | undefined> =>
      findImport(db, source, kind, id),

    /** Notes that all of the thing is here; after a power cut that took the note it is brought over again. */
    async noteImport(source: string, kind: ImportKind, id: string, row: ImportRow): Promise<void> {
      await db.write((sql) => putImport(sql, source, kind, id, row), "logged");
    },
  };
}
