/** Versions: immutable but for description, tags, stage and the aliases that point at them. */

import { checkKey, invalid } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import { loggedModelById, loggedModelTag, putLoggedModelTags } from "../db/logged_models.ts";
import { aliasRow, deleteAlias, putAlias, takeNumber, touchModel } from "../db/models.ts";
import * as rows from "../db/versions.ts";
import { journal } from "./journal.ts";
import { mustFindModel, mustFindVersion, readVersions } from "./read.ts";
import { resolveSource } from "./source.ts";
import type { ModelVersion, Pair, RegistryOptions, Who } from "./types.ts";
import { checkAlias, checkRegistryTag, stageOf } from "./validate.ts";

export interface NewVersion {
  source: string;
  /** Where the bytes are, when it is not the source. */
  storageUri?: string;
  /** Relative to the folder of models. */
  folder?: string;
  runId?: string;
  runLink?: string;
  modelId?: string;
  description?: string;
  userId?: string;
  tags?: readonly Pair[];
}

/** Inserts the row of a version whose number is taken; part of the caller's transaction. */
export async function insertVersion(
  sql: Sql,
  options: RegistryOptions,
  name: string,
  version: number,
  made: NewVersion,
  who?: Who,
): Promise<ModelVersion> {
  const nowMs = options.clock.nowMs();
  const row: rows.VersionRow = {
    name,
    version,
    source: made.source,
    storage_uri: made.storageUri ?? made.source,
    folder: made.folder ?? null,
    run_id: made.runId ?? null,
    run_link: made.runLink ?? null,
    model_id: made.modelId ?? null,
    description: made.description ?? null,
    user_id: made.userId ?? null,
    status: "READY",
    status_message: null,
    stage: "None",
    created_ms: nowMs,
    updated_ms: nowMs,
  };
  await rows.insertVersion(sql, row);
  for (const tag of made.tags ?? []) await rows.putVersionTag(sql, name, version, tag);
  await touchModel(sql, name, nowMs);
  await journal(sql, options.clock, "version.created", `${name}/${version}`, who, {
    source: made.source,
    run_id: made.runId ?? null,
    description: made.description ?? null,
    tags: Object.fromEntries((made.tags ?? []).map(({ key, value }) => [key, value])),
  });
  return (await readVersions(sql, options.modelsDir, [row]))[0]!;
}

/** MLflow keeps prompts as versions whose source means nothing. */
const isPrompt = (made: NewVersion): boolean =>
  made.tags?.some((tag) => tag.key === "mlflow.prompt.is_prompt" && tag.value.toLowerCase() === "true") ?? false;

async function resolvedVersion(sql: Sql, made: NewVersion): Promise<NewVersion> {
  if (isPrompt(made) || made.storageUri !== undefined) return made;
  const { runId, modelId } = made;
  const owner = { ...(runId ? { runId } : {}), ...(modelId ? { modelId } : {}) };
  return { ...(await resolveSource(sql, made.source, owner)), ...made };
}

/** Adds the version to the list that MLflow 3 keeps in the logged model's tags. */
async function noteVersion(sql: Sql, modelId: string, { name, version }: ModelVersion): Promise<void> {
  const row = await loggedModelById(sql, modelId);
  if (!row) return;
  const known = (await loggedModelTag(sql, row.seq, "mlflow.modelVersions")) ?? "[]";
  const list = JSON.stringify([...(JSON.parse(known) as unknown[]), { name, version }]);
  await putLoggedModelTags(sql, row.seq, [{ key: "mlflow.modelVersions", value: list }]);
}

export function createVersions(options: RegistryOptions) {
  const { db, clock, modelsDir } = options;

  /** Changes an existing version in one transaction and writes it in the journal when `kind` is given. */
  const change = (
    name: string,
    version: number,
    work: (sql: Sql, nowMs: number) => Promise<unknown>,
    event?: { kind: string; who?: Who | undefined; data?: Record<string, unknown> },
  ) =>
    db.write(async (sql) => {
      await mustFindVersion(sql, name, version);
      await work(sql, clock.nowMs());
      await touchModel(sql, name, clock.nowMs());
      if (event) await journal(sql, clock, event.kind, `${name}/${version}`, event.who, event.data);
    });

  const read = async (name: string, version: number): Promise<ModelVersion> =>
    (await readVersions(db, modelsDir, [await mustFindVersion(db, name, version)]))[0]!;

  return {
    /**
     * Gives the next number of the model. What the source names is resolved now: its place, its run, its logged model.
     * NOT_FOUND when there is no such model, or nothing where the source points; INVALID for a source that is not allowed.
     */
    async createVersion(name: string, made: NewVersion, who?: Who): Promise<ModelVersion> {
      for (const tag of made.tags ?? []) checkRegistryTag(tag);
      return db.write(async (sql) => {
        await mustFindModel(sql, name);
        const known = await resolvedVersion(sql, made);
        const version = await insertVersion(sql, options, name, await takeNumber(sql, name), known, who);
        if (known.modelId !== undefined) await noteVersion(sql, known.modelId, version);
        return version;
      });
    },

    getVersion: read,

    /** Oldest first; NOT_FOUND when there is no such model. */
    async listVersions(name: string): Promise<ModelVersion[]> {
      await mustFindModel(db, name);
      return readVersions(db, modelsDir, await rows.versionsOfModels(db, [name]));
    },

    /** Whether the number was given, also to a version that is deleted by now. */
    hadVersion: (name: string, version: number): Promise<boolean> => rows.versionExists(db, name, version),

    async describeVersion(name: string, version: number, description: string | undefined): Promise<void> {
      await change(name, version, (sql, nowMs) => rows.describeVersion(sql, name, version, description ?? null, nowMs));
    },

    /** Hides the version and drops its aliases; its number is never given again. */
    async deleteVersion(name: string, version: number, who?: Who): Promise<void> {
      await change(name, version, (sql, nowMs) => rows.deleteVersionRow(sql, name, version, nowMs), {
        kind: "version.deleted",
        who,
      });
    },

    async setVersionTag(name: string, version: number, tag: Pair, who?: Who): Promise<void> {
      checkRegistryTag(tag);
      const event = { kind: "version.tag_set", who, data: { ...tag } };
      await change(name, version, (sql) => rows.putVersionTag(sql, name, version, tag), event);
    },

    /** A tag that is not there is no error. */
    async deleteVersionTag(name: string, version: number, key: string, who?: Who): Promise<void> {
      checkKey("tag", key);
      const event = { kind: "version.tag_deleted", who, data: { key } };
      await change(name, version, (sql) => rows.deleteVersionTag(sql, name, version, key), event);
    },

    /** Moves a version to a stage; with `archiveExisting` the versions that were there become Archived. */
    async transitionStage(
      name: string,
      version: number,
      to: { stage: string; archiveExisting?: boolean },
      who?: Who,
    ): Promise<ModelVersion> {
      const stage = stageOf(to.stage);
      if (to.archiveExisting && stage !== "Staging" && stage !== "Production")
        throw invalid(
          "Model version transition cannot archive existing model versions because 'archive_existing_versions' is only valid for stages Staging and Production",
        );
      const move = async (sql: Sql, nowMs: number) => {
        const others = to.archiveExisting ? await rows.versionsOfModels(sql, [name]) : [];
        for (const other of others.filter((row) => row.stage === stage && Number(row.version) !== version))
          await rows.setVersionStage(sql, name, Number(other.version), "Archived", nowMs);
        await rows.setVersionStage(sql, name, version, stage, nowMs);
      };
      await change(name, version, move, { kind: "version.stage", who, data: { stage } });
      return read(name, version);
    },

    /** Points the alias at the version, away from wherever it pointed. */
    async setAlias(name: string, alias: string, version: number, who?: Who): Promise<void> {
      checkAlias(alias);
      await change(name, version, (sql) => putAlias(sql, { name, alias, version }), {
        kind: "alias.set",
        who,
        data: { alias },
      });
    },

    /** An alias that is not there is no error. */
    async deleteAlias(name: string, alias: string, who?: Who): Promise<void> {
      await db.write(async (sql) => {
        await mustFindModel(sql, name);
        if ((await deleteAlias(sql, name, alias)) > 0) await journal(sql, clock, "alias.deleted", name, who, { alias });
      });
    },

    /** The version that the alias points at; "latest" is the newest. Undefined when there is none. */
    async getByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
      await mustFindModel(db, name);
      if (alias.toLowerCase() === "latest") {
        const newest = (await rows.versionsOfModels(db, [name])).at(-1);
        return newest && read(name, Number(newest.version));
      }
      const row = await aliasRow(db, name, alias);
      return row && read(name, Number(row.version));
    },
  };
}
