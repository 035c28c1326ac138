/** Experiments: made, renamed, deleted softly, restored. A deleted experiment keeps its name taken, as in MLflow. */

import { fail } from "../base/errors.ts";
import { checkKey } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import * as rows from "../db/experiments.ts";
import { type Experiment, type Lifecycle, type Pair, TAGS, type TrackingOptions, type Who } from "./types.ts";
import { checkExperimentName, checkExperimentTag, checkLocation, experimentNumber } from "./validate.ts";

export interface NewExperiment {
  name: string;
  artifactLocation?: string;
  tags?: readonly Pair[];
}

/** Rows with their tags. */
export async function withTags(sql: Sql, found: readonly rows.ExperimentRow[]): Promise<Experiment[]> {
  const tags = await rows.experimentTags(
    sql,
    found.map((row) => row.experiment_id),
  );
  return found.map((row) => ({
    experimentId: String(row.experiment_id),
    name: row.name,
    artifactLocation: row.artifact_location,
    lifecycle: row.lifecycle,
    createdMs: Number(row.created_ms),
    updatedMs: Number(row.updated_ms),
    tags: tags
      .filter((tag) => Number(tag.experiment_id) === Number(row.experiment_id))
      .map(({ key, value }) => ({ key, value })),
  }));
}

/** The row, or NOT_FOUND. */
export async function mustFindExperiment(sql: Sql, id: string): Promise<rows.ExperimentRow> {
  const row = await rows.experimentById(sql, experimentNumber(id));
  if (!row) throw fail("NOT_FOUND", { what: `No Experiment with id=${id} exists` });
  return row;
}

/** The row, NOT_FOUND, or NOT_ACTIVE when it is deleted. */
export async function mustBeActive(sql: Sql, id: string): Promise<rows.ExperimentRow> {
  const row = await mustFindExperiment(sql, id);
  if (row.lifecycle !== "active")
    throw fail("NOT_ACTIVE", {
      what: `The experiment ${id} must be in the 'active' state. Current state is ${row.lifecycle}.`,
    });
  return row;
}

export function createExperiments({ db, clock, artifactRoot = "mlflow-artifacts:" }: TrackingOptions) {
  const journal = (sql: Sql, kind: string, id: string | number, who: Who | undefined, data?: Record<string, unknown>) =>
    appendEvent(
      sql,
      {
        kind: `experiment.${kind}`,
        subject: `experiment/${id}`,
        actor: who?.actor ?? "local",
        reason: who?.reason ?? "",
        ...(data ? { data } : {}),
      },
      clock.nowMs(),
    );

  async function insert(sql: Sql, made: NewExperiment, who?: Who): Promise<string> {
    const taken = await rows.experimentByName(sql, made.name);
    if (taken)
      throw fail("ALREADY_EXISTS", {
        what: `Experiment '${made.name}' already exists${taken.lifecycle === "deleted" ? " in deleted state. You can restore the experiment, or permanently delete the experiment to create a new one" : ""}.`,
      });
    const place = (id: number) => made.artifactLocation || `${artifactRoot}/${id}`;
    const id = await rows.insertExperiment(sql, made.name, place, clock.nowMs());
    for (const tag of made.tags ?? []) await rows.putExperimentTag(sql, id, tag.key, tag.value);
    await journal(sql, "created", id, who, { name: made.name });
    return String(id);
  }

  async function ensure(sql: Sql, name: string, who?: Who): Promise<string> {
    const known = await rows.experimentByName(sql, name);
    if (!known) return insert(sql, { name }, who);
    return String((await mustBeActive(sql, String(known.experiment_id))).experiment_id);
  }

  async function setLifecycle(id: string, from: Lifecycle, to: Lifecycle, who?: Who): Promise<void> {
    await db.write(async (sql) => {
      const row = await mustFindExperiment(sql, id);
      if (row.lifecycle !== from)
        throw fail("NOT_FOUND", { what: `No Experiment with id=${id} exists in the '${from}' state` });
      await rows.setExperimentLifecycle(sql, row.experiment_id, to, clock.nowMs());
      await journal(sql, to === "deleted" ? "deleted" : "restored", id, who);
    });
  }

  return {
    /** Resolves to the id; ALREADY_EXISTS also for the name of a deleted one. */
    async createExperiment(made: NewExperiment, who?: Who): Promise<string> {
      checkExperimentName(made.name);
      if (made.artifactLocation) checkLocation(made.artifactLocation);
      for (const tag of made.tags ?? []) checkExperimentTag(tag);
      return db.write((sql) => insert(sql, made, who));
    },

    /** The id of the experiment of that name, made when it is missing. NOT_ACTIVE when it is deleted. */
    async ensureExperiment(name: string, who?: Who): Promise<string> {
      checkExperimentName(name);
      return db.write((sql) => ensure(sql, name, who));
    },

    /** Also a deleted one; NOT_FOUND. */
    async getExperiment(id: string): Promise<Experiment> {
      const row = await mustFindExperiment(db, id);
      return (await withTags(db, [row]))[0]!;
    },

    /**
     * The id of the experiment that a pipeline's runs go to: named after it at first, and known by a tag, so that it may be
     * renamed or moved to a project.
     */
    async ensurePipelineExperiment(pipeline: string, who?: Who): Promise<string> {
      return db.write(async (sql) => {
        const known = await rows.experimentTagged(sql, TAGS.pipelineExperiment, pipeline);
        if (known) return String(known.experiment_id);
        const id = await ensure(sql, pipeline, who);
        await rows.putExperimentTag(sql, Number(id), TAGS.pipelineExperiment, pipeline);
        return id;
      });
    },

    /** That experiment's id, when it is there and not deleted. */
    async findPipelineExperiment(pipeline: string): Promise<string | undefined> {
      const row =
        (await rows.experimentTagged(db, TAGS.pipelineExperiment, pipeline)) ??
        (await rows.experimentByName(db, pipeline));
      return row?.lifecycle === "active" ? String(row.experiment_id) : undefined;
    },

    async findExperiment(name: string): Promise<Experiment | undefined> {
      const row = await rows.experimentByName(db, name);
      return row && (await withTags(db, [row]))[0];
    },

    async renameExperiment(id: string, name: string, who?: Who): Promise<void> {
      checkExperimentName(name);
      await db.write(async (sql) => {
        const row = await mustBeActive(sql, id);
        const taken = await rows.experimentByName(sql, name);
        if (taken && taken.experiment_id !== row.experiment_id)
          throw fail("ALREADY_EXISTS", { what: `Experiment '${name}' already exists.` });
        await rows.renameExperiment(sql, row.experiment_id, name, clock.nowMs());
        await journal(sql, "renamed", id, who, { from: row.name, to: name });
      });
    },

    deleteExperiment: (id: string, who?: Who) => setLifecycle(id, "active", "deleted", who),
    restoreExperiment: (id: string, who?: Who) => setLifecycle(id, "deleted", "active", who),

    async setExperimentTag(id: string, tag: Pair): Promise<void> {
      checkExperimentTag(tag);
      await db.write(async (sql) => {
        const row = await mustBeActive(sql, id);
        await rows.putExperimentTag(sql, row.experiment_id, tag.key, tag.value);
      });
    },

    async deleteExperimentTag(id: string, key: string): Promise<void> {
      checkKey("tag", key);
      await db.write(async (sql) => {
        const row = await mustBeActive(sql, id);
        if ((await rows.deleteExperimentTag(sql, row.experiment_id, key)) === 0)
          throw fail("NOT_FOUND", { what: `No tag with name: ${key}` });
      });
    },
  };
}
