/** Runs: begun, ended, renamed, deleted softly, restored, fetched. */

import { fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { invalid } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { putRunTags } from "../db/run_values.ts";
import { insertRun, type RunRow, runsByIds, setRunLifecycle, updateRunRow } from "../db/runs.ts";
import { mustBeActive } from "./experiments.ts";
import { randomName } from "./names.ts";
import { infoOf, mustBeWritable, mustFindRun, ownersOf, readRuns } from "./read.ts";
import {
  type Lifecycle,
  type Pair,
  type Run,
  type RunInfo,
  type RunStatus,
  TAGS,
  type TrackingOptions,
  type Who,
} from "./types.ts";
import { checkedFirstTag, checkedRunName, checkRunId } from "./validate.ts";

export interface NewRun {
  experimentId: string;
  name?: string;
  user?: string;
  startMs?: number;
  tags?: readonly Pair[];
  parentRunId?: string;
}

export interface RunChange {
  status?: RunStatus;
  endMs?: number;
  name?: string;
}

/** The run's name from the field or the tag; they must not disagree. */
function chosenName(made: NewRun): string {
  const tagged = made.tags?.find((tag) => tag.key === TAGS.runName)?.value;
  if (made.name && tagged && made.name !== tagged)
    throw invalid(
      `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${made.name}', mlflow.runName='${tagged}')`,
    );
  return checkedRunName(made.name || tagged || randomName());
}

/** Tags of a new run: the given ones, its name and its parent; the last of one key counts. */
function tagsOfNew(made: NewRun, name: string): Pair[] {
  const all = new Map((made.tags ?? []).map((tag) => [tag.key, checkedFirstTag(tag).value]));
  all.set(TAGS.runName, name);
  if (made.parentRunId !== undefined) all.set(TAGS.parentRun, made.parentRunId);
  return [...all].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

const ENDED = new Set<RunStatus>(["FINISHED", "FAILED", "KILLED"]);

export function createRuns({ db, clock }: TrackingOptions) {
  async function insert(sql: Sql, made: NewRun): Promise<Run> {
    const experiment = await mustBeActive(sql, made.experimentId);
    const runId = randomId();
    const name = chosenName(made);
    const row = {
      run_id: runId,
      experiment_id: experiment.experiment_id,
      name,
      user_id: made.user ?? "",
      status: "RUNNING" as const,
      start_ms: made.startMs ?? clock.nowMs(),
      end_ms: null,
      artifact_uri: `${experiment.artifact_location.replace(/\/+$/, "")}/${runId}/artifacts`,
      lifecycle: "active" as const,
    };
    const seq = await insertRun(sql, row);
    const tags = tagsOfNew(made, name);
    await putRunTags(sql, { seq, experiment_id: experiment.experiment_id }, tags);
    const none = { metrics: [], params: [], datasets: [], modelInputs: [], modelOutputs: [] };
    return { ...infoOf({ ...row, seq }), ...none, tags };
  }

  async function setLifecycle(runId: string, to: Lifecycle, who?: Who): Promise<void> {
    await db.write(async (sql) => {
      const row = await mustFindRun(sql, runId);
      if (row.lifecycle === to) return;
      await setRunLifecycle(sql, row.seq, to, clock.nowMs());
      const kind = to === "deleted" ? "run.deleted" : "run.restored";
      await appendEvent(
        sql,
        { kind, subject: `run/${runId}`, actor: who?.actor ?? "local", reason: who?.reason ?? "" },
        clock.nowMs(),
      );
    });
  }

  /** One line in the journal a run: what webhooks tell. */
  const noteEnd = (sql: Sql, row: RunRow, who: Who | undefined) =>
    appendEvent(
      sql,
      {
        kind: "run.ended",
        subject: `run/${row.run_id}`,
        actor: (who?.actor ?? row.user_id) || "local",
        reason: who?.reason ?? "",
        data: { status: row.status, name: row.name, experiment_id: String(row.experiment_id) },
      },
      clock.nowMs(),
    );

  return {
    createRun: (made: NewRun): Promise<Run> => db.write((sql) => insert(sql, made), "logged"),

    /** Changes what is given; resolves to the run's new face. NOT_ACTIVE when it is deleted. */
    async updateRun(runId: string, change: RunChange, who?: Who): Promise<RunInfo> {
      return db.write(async (sql) => {
        const row = await mustBeWritable(sql, runId);
        const next = {
          ...row,
          name: change.name ? checkedRunName(change.name) : row.name,
          status: change.status ?? row.status,
          end_ms: change.endMs ?? row.end_ms,
        };
        await updateRunRow(sql, row.seq, next);
        if (change.name) await putRunTags(sql, row, [{ key: TAGS.runName, value: change.name }]);
        if (next.status !== row.status && ENDED.has(next.status)) await noteEnd(sql, next, who);
        return infoOf(next);
      }, "logged");
    },

    /** Also a deleted one; NOT_FOUND. */
    async getRun(runId: string): Promise<Run> {
      checkRunId(runId);
      return (await readRuns(db, [await mustFindRun(db, runId)]))[0]!;
    },

    /** Ids of the experiments that own those runs, logged models and traces; what does not exist is left out. */
    experimentsOf: (things: Parameters<typeof ownersOf>[1]): Promise<string[]> => ownersOf(db, things),

    /** The runs of those ids, in that order; NOT_FOUND names the first that is missing. */
    async getRuns(runIds: readonly string[]): Promise<Run[]> {
      const found = new Map((await readRuns(db, await runsByIds(db, runIds))).map((run) => [run.runId, run]));
      return runIds.map((id) => {
        const run = found.get(id);
        if (!run) throw fail("NOT_FOUND", { what: `Run with id=${id} not found` });
        return run;
      });
    },

    deleteRun: (runId: string, who?: Who) => setLifecycle(runId, "deleted", who),
    restoreRun: (runId: string, who?: Who) => setLifecycle(runId, "active", who),
  };
}
