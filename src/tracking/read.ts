/** Rows of the database as runs: a fixed number of queries however many runs. */

import { fail } from "../base/errors.ts";
import type { Sql } from "../db/db.ts";
import { groupBy } from "../db/lists.ts";
import { loggedModelById } from "../db/logged_models.ts";
import { latestMetrics, pointOf } from "../db/metrics.ts";
import { datasetsOf, modelsOf, type RunDatasetRow } from "../db/run_inputs.ts";
import { paramsOf, tagsOf } from "../db/run_values.ts";
import { type RunRow, runById, runsByIds } from "../db/runs.ts";
import { type TraceRow, traceById, tracesByIds } from "../db/traces.ts";
import type { DatasetInput, Pair, Run, RunInfo } from "./types.ts";

export const infoOf = (row: RunRow): RunInfo => ({
  runId: row.run_id,
  name: row.name,
  experimentId: String(row.experiment_id),
  userId: row.user_id,
  status: row.status,
  startMs: Number(row.start_ms),
  ...(row.end_ms === null ? {} : { endMs: Number(row.end_ms) }),
  artifactUri: row.artifact_uri,
  lifecycle: row.lifecycle,
});

export const datasetInput = (row: RunDatasetRow): DatasetInput => ({
  dataset: {
    name: row.name,
    digest: row.digest,
    sourceType: row.source_type,
    source: row.source,
    ...(row.schema_json === null ? {} : { schema: row.schema_json }),
    ...(row.profile_json === null ? {} : { profile: row.profile_json }),
  },
  tags: JSON.parse(row.tags) as Pair[],
});

const bySeq = (row: { run_seq: number }): number => Number(row.run_seq);

/** The runs of these rows, in their order, with all that hangs on them. */
export async function readRuns(sql: Sql, found: readonly RunRow[]): Promise<Run[]> {
  if (found.length === 0) return [];
  const seqs = found.map((row) => row.seq);
  const metrics = groupBy(await latestMetrics(sql, seqs), bySeq);
  const params = groupBy(await paramsOf(sql, seqs), bySeq);
  const tags = groupBy(await tagsOf(sql, seqs), bySeq);
  const datasets = groupBy(await datasetsOf(sql, seqs), bySeq);
  const models = groupBy(await modelsOf(sql, seqs), bySeq);
  const pairs = (rows: readonly Pair[] = []): Pair[] => rows.map(({ key, value }) => ({ key, value }));
  return found.map((row) => {
    const seq = Number(row.seq);
    const linked = models.get(seq) ?? [];
    return {
      ...infoOf(row),
      metrics: (metrics.get(seq) ?? []).map(pointOf),
      params: pairs(params.get(seq)),
      tags: pairs(tags.get(seq)),
      datasets: (datasets.get(seq) ?? []).map(datasetInput),
      modelInputs: linked.filter((m) => m.direction === "input").map((m) => m.model_id),
      modelOutputs: linked
        .filter((m) => m.direction === "output")
        .map((m) => ({ modelId: m.model_id, step: Number(m.step) })),
    };
  });
}

/** The row, deleted or not; NOT_FOUND. */
export async function mustFindRun(sql: Sql, runId: string): Promise<RunRow> {
  const row = await runById(sql, runId);
  if (!row) throw fail("NOT_FOUND", { what: `Run with id=${runId} not found` });
  return row;
}

/** NOT_FOUND. */
export async function mustFindTrace(sql: Sql, traceId: string): Promise<TraceRow> {
  const row = await traceById(sql, traceId);
  if (!row) throw fail("NOT_FOUND", { what: `Trace with ID '${traceId}' not found.` });
  return row;
}

/** The row of a run that may be written to; NOT_FOUND, NOT_ACTIVE. */
export async function mustBeWritable(sql: Sql, runId: string): Promise<RunRow> {
  const row = await mustFindRun(sql, runId);
  if (row.lifecycle !== "active")
    throw fail("NOT_ACTIVE", {
      what: `The run ${runId} must be in the 'active' state. Current state is ${row.lifecycle}.`,
    });
  return row;
}

/** Ids of the experiments that own those things; what does not exist is left out. */
export async function ownersOf(
  sql: Sql,
  things: { runIds: readonly string[]; modelIds: readonly string[]; traceIds: readonly string[] },
): Promise<string[]> {
  const rows: { experiment_id: number }[] = [
    ...(things.runIds.length > 0 ? await runsByIds(sql, things.runIds) : []),
    ...(things.traceIds.length > 0 ? await tracesByIds(sql, things.traceIds) : []),
  ];
  for (const modelId of things.modelIds) {
    const row = await loggedModelById(sql, modelId);
    if (row) rows.push(row);
  }
  return [...new Set(rows.map((row) => String(row.experiment_id)))];
}
