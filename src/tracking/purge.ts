/**
 * Real deletion, and moves between experiments. A purge takes away files first and rows last, so that one that is broken off is
 * simply done again; what a living model version was made of stays.
 */

import { asTrimtabError, fail } from "../base/errors.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import * as rows from "../db/purge.ts";
import { datasetsOf } from "../db/run_inputs.ts";
import { type RunRow, runsByIds } from "../db/runs.ts";
import { deleteTraceRows } from "../db/traces.ts";
import { storePathOf } from "./artifacts.ts";
import { mustBeActive } from "./experiments.ts";
import { writeDatasets } from "./logging.ts";
import { datasetInput } from "./read.ts";
import { traceLocation } from "./spans.ts";
import type { TrackingOptions, Who } from "./types.ts";

export type { PurgeRule } from "../db/purge.ts";

export interface Purged {
  runs: number;
  loggedModels: number;
  /** Names that are free again. */
  experiments: string[];
}

const PLAIN_ID = /^[\w-]+$/;

/** Runs taken away in one transaction; their files are removed before it. */
const BATCH = 100;

export function createPurge(options: TrackingOptions) {
  const { db, clock, artifacts } = options;

  const note = (sql: Sql, kind: string, subject: string, who: Who | undefined, data: Record<string, unknown>) =>
    appendEvent(sql, { kind, subject, actor: who?.actor ?? "local", reason: who?.reason ?? "", data }, clock.nowMs());

  /** Removes the files that this server keeps; those elsewhere are their owner's. */
  async function removeFiles(uri: string): Promise<void> {
    const path = storePathOf(uri);
    if (path === undefined) return;
    // Rows that are gone while their files stay are files that nobody finds again.
    if (artifacts === undefined) throw fail("INTERNAL", { what: "a purge was asked for without a store of artifacts" });
    await artifacts.delete(path).catch((error: unknown) => {
      // A place that the store keeps from being written (published models) holds no file of a run; its client named it all the same.
      if (asTrimtabError(error).code !== "INVALID") throw error;
    });
  }

  async function purgeBatch(found: readonly RunRow[], who: Who | undefined): Promise<Purged> {
    const models = await rows.modelsToPurge(
      db,
      found.map((row) => row.run_id),
    );
    for (const { artifact_uri } of [...found, ...models]) await removeFiles(artifact_uri);
    await db.write(async (sql) => {
      await rows.deleteRunRows(
        sql,
        found.map((row) => row.seq),
      );
      await rows.deleteLoggedModelRows(
        sql,
        models.map((row) => row.seq),
      );
      await note(sql, "runs.purged", "runs", who, { runs: found.map((row) => row.run_id) });
    });
    return { runs: found.length, loggedModels: models.length, experiments: [] };
  }

  /** Logged models that nobody's run takes along; resolves to how many. */
  async function purgeModels(beforeMs: number, who: Who | undefined): Promise<number> {
    for (let total = 0; ; ) {
      const found = await rows.deletedModels(db, beforeMs, BATCH);
      if (found.length === 0) return total;
      for (const { artifact_uri } of found) await removeFiles(artifact_uri);
      const seqs = found.map((row) => Number(row.seq));
      await db.write(async (sql) => {
        await rows.deleteLoggedModelRows(sql, seqs);
        await note(sql, "logged_models.purged", "logged_models", who, { models: found.map((row) => row.model_id) });
      });
      total += found.length;
    }
  }

  /** Traces have no end of their own: they go with their experiment. */
  async function purgeTraces(beforeMs: number): Promise<void> {
    for (;;) {
      const found = await rows.tracesOfDeleted(db, beforeMs, BATCH);
      if (found.length === 0) return;
      // Not by the tag that names the place: a client may have set it to a place of others. Nor by an id that is a path.
      for (const trace of found)
        if (PLAIN_ID.test(trace.trace_id)) await removeFiles(traceLocation(trace, trace.trace_id));
      const seqs = found.map((row) => Number(row.seq));
      await db.write((sql) => deleteTraceRows(sql, seqs));
    }
  }

  return {
    /** Takes away for good what the rule names, with its files; experiments when nothing is left of them. */
    async purge(rule: rows.PurgeRule, who?: Who): Promise<Purged> {
      const total: Purged = { runs: 0, loggedModels: 0, experiments: [] };
      for (;;) {
        const found = await rows.runsToPurge(db, rule, BATCH);
        if (found.length === 0) break;
        const done = await purgeBatch(found, who);
        total.runs += done.runs;
        total.loggedModels += done.loggedModels;
      }
      const { deletedBeforeMs } = rule;
      if (deletedBeforeMs === undefined || rule.experimentId !== undefined) return total;
      total.loggedModels += await purgeModels(deletedBeforeMs, who);
      await purgeTraces(deletedBeforeMs);
      total.experiments = await db.write((sql) => rows.deleteEmptyExperiments(sql, deletedBeforeMs));
      return total;
    },

    /** What a purge by that rule would take away, at most a thousand. */
    async purgeable(rule: rows.PurgeRule): Promise<{ runId: string; name: string }[]> {
      const found = await rows.runsToPurge(db, rule, 1000);
      return found.map((row) => ({ runId: row.run_id, name: row.name }));
    },

    /** Puts runs into another experiment, with their datasets. Their artifacts stay where they are. NOT_FOUND, NOT_ACTIVE. */
    async moveRuns(runIds: readonly string[], experimentId: string, who?: Who): Promise<void> {
      await db.write(async (sql) => {
        const { experiment_id } = await mustBeActive(sql, experimentId);
        const found = await runsByIds(sql, runIds);
        const lacking = runIds.find((id) => !found.some((row) => row.run_id === id));
        if (lacking !== undefined) throw fail("NOT_FOUND", { what: `Run with id=${lacking} not found` });
        for (const row of found) await mustBeActive(sql, String(row.experiment_id));
        const seqs = found.map((row) => row.seq);
        const datasets = await datasetsOf(sql, seqs);
        await rows.moveRunRows(sql, seqs, experiment_id);
        await rows.forgetInputs(sql, seqs);
        for (const row of datasets)
          await writeDatasets(sql, { seq: Number(row.run_seq), experiment_id }, [datasetInput(row)]);
        await note(sql, "runs.moved", `experiment/${experimentId}`, who, { runs: runIds });
      });
    },
  };
}
