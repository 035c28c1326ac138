/** Registered models: made, described, renamed, deleted, tagged. */

import { fail } from "../base/errors.ts";
import { checkKey } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import * as rows from "../db/models.ts";
import { versionsOfModels } from "../db/versions.ts";
import { journal } from "./journal.ts";
import { latestOf, mustFindModel, readModels, readVersions } from "./read.ts";
import { type ModelVersion, type Pair, type RegisteredModel, type RegistryOptions, STAGES, type Who } from "./types.ts";
import { checkModelName, checkRegistryTag, stageOf } from "./validate.ts";

export interface NewModel {
  name: string;
  description?: string;
  tags?: readonly Pair[];
}

export function createModels({ db, clock, modelsDir }: RegistryOptions) {
  /** False when the name is taken. */
  async function insert(sql: Sql, made: NewModel, who?: Who): Promise<boolean> {
    if ((await rows.insertModel(sql, made.name, made.description ?? null, clock.nowMs())) === 0) return false;
    for (const tag of made.tags ?? []) await rows.putModelTag(sql, made.name, tag);
    await journal(sql, clock, "model.created", made.name, who, {
      description: made.description ?? null,
      tags: Object.fromEntries((made.tags ?? []).map(({ key, value }) => [key, value])),
    });
    return true;
  }

  /** Changes an existing model in one transaction and writes it in the journal when `kind` is given. */
  const change = (name: string, work: (sql: Sql, nowMs: number) => Promise<unknown>, kind?: string, who?: Who) =>
    db.write(async (sql) => {
      await mustFindModel(sql, name);
      await work(sql, clock.nowMs());
      if (kind !== undefined) await journal(sql, clock, kind, name, who);
    });

  return {
    /** ALREADY_EXISTS when the name is taken. */
    async createModel(made: NewModel, who?: Who): Promise<RegisteredModel> {
      checkModelName(made.name);
      for (const tag of made.tags ?? []) checkRegistryTag(tag);
      return db.write(async (sql) => {
        if (!(await insert(sql, made, who)))
          throw fail("ALREADY_EXISTS", { what: `Registered Model (name=${made.name}) already exists.` });
        return (await readModels(sql, modelsDir, [await mustFindModel(sql, made.name)]))[0]!;
      });
    },

    /** Makes the model unless it is there. */
    async ensureModel(name: string, who?: Who): Promise<void> {
      checkModelName(name);
      await db.write((sql) => insert(sql, { name }, who));
    },

    async getModel(name: string): Promise<RegisteredModel> {
      return (await readModels(db, modelsDir, [await mustFindModel(db, name)]))[0]!;
    },

    async describeModel(name: string, description: string | undefined): Promise<void> {
      await change(name, (sql, nowMs) => rows.describeModel(sql, name, description ?? null, nowMs));
    },

    /** With its versions, tags and aliases; the folders of published versions keep the old name. */
    async renameModel(name: string, next: string, who?: Who): Promise<void> {
      checkModelName(next);
      await db.write(async (sql) => {
        await mustFindModel(sql, name);
        if (next === name) return;
        if (await rows.modelByName(sql, next))
          throw fail("ALREADY_EXISTS", { what: `Registered Model (name=${next}) already exists.` });
        await rows.renameModelRow(sql, name, next, clock.nowMs());
        await journal(sql, clock, "model.renamed", name, who, { to: next });
      });
    },

    /** With its versions. Their numbers are not given again, should the name come back. */
    async deleteModel(name: string, who?: Who): Promise<void> {
      await change(name, (sql) => rows.deleteModelRows(sql, name), "model.deleted", who);
    },

    async setModelTag(name: string, tag: Pair): Promise<void> {
      checkRegistryTag(tag);
      await change(name, (sql) => rows.putModelTag(sql, name, tag));
    },

    /** A tag that is not there is no error. */
    async deleteModelTag(name: string, key: string): Promise<void> {
      checkKey("tag", key);
      await change(name, (sql) => rows.deleteModelTag(sql, name, key));
    },

    /** The newest version of each of those stages (all of them unless told). */
    async latestVersions(name: string, stages: readonly string[] = []): Promise<ModelVersion[]> {
      const wanted = stages.length === 0 ? STAGES : stages.map(stageOf);
      await mustFindModel(db, name);
      return latestOf(await readVersions(db, modelsDir, await versionsOfModels(db, [name])), wanted);
    },
  };
}
