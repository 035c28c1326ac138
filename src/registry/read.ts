/** Rows of the database as models and versions: a fixed number of queries however many there are. */

import { join } from "node:path";
import { fail } from "../base/errors.ts";
import { invalid } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import { type ModelRow, modelAliases, modelByName, modelTags } from "../db/models.ts";
import { type VersionRow, versionRow, versionsOfModels, versionTags } from "../db/versions.ts";
import { type ModelVersion, type RegisteredModel, STAGES, type Stage } from "./types.ts";

/** Leaves out members that are null. */
const present = <T extends object>(fields: { [K in keyof T]: T[K] | null }): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Partial<T>;

export async function readVersions(sql: Sql, modelsDir: string, rows: readonly VersionRow[]): Promise<ModelVersion[]> {
  const names = [...new Set(rows.map((row) => row.name))];
  const at = (row: { name: string; version: number }) => `${row.version}/${row.name}`;
  const tags = Map.groupBy(await versionTags(sql, names), at);
  const aliases = Map.groupBy(await modelAliases(sql, names), at);
  return rows.map((row) => ({
    name: row.name,
    version: Number(row.version),
    source: row.source,
    storageUri: row.storage_uri,
    ...present<
      Pick<ModelVersion, "folder" | "runId" | "runLink" | "modelId" | "description" | "userId" | "statusMessage">
    >({
      folder: row.folder === null ? null : join(modelsDir, row.folder),
      runId: row.run_id,
      runLink: row.run_link,
      modelId: row.model_id,
      description: row.description,
      userId: row.user_id,
      statusMessage: row.status_message,
    }),
    status: row.status,
    stage: row.stage as Stage,
    createdMs: Number(row.created_ms),
    updatedMs: Number(row.updated_ms),
    tags: (tags.get(at(row)) ?? []).map(({ key, value }) => ({ key, value })),
    aliases: (aliases.get(at(row)) ?? []).map((row) => row.alias),
  }));
}

export async function readModels(sql: Sql, modelsDir: string, rows: readonly ModelRow[]): Promise<RegisteredModel[]> {
  const names = rows.map((row) => row.name);
  const tags = Map.groupBy(await modelTags(sql, names), (row) => row.name);
  const aliases = Map.groupBy(await modelAliases(sql, names), (row) => row.name);
  const versions = Map.groupBy(
    await readVersions(sql, modelsDir, await versionsOfModels(sql, names)),
    (version) => version.name,
  );
  return rows.map((row) => ({
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    createdMs: Number(row.created_ms),
    updatedMs: Number(row.updated_ms),
    tags: (tags.get(row.name) ?? []).map(({ key, value }) => ({ key, value })),
    aliases: (aliases.get(row.name) ?? []).map((a) => ({ alias: a.alias, version: Number(a.version) })),
    latest: latestOf(versions.get(row.name) ?? [], STAGES),
  }));
}

/** The newest version of each of the stages; `versions` oldest first. */
export const latestOf = (versions: readonly ModelVersion[], stages: readonly Stage[]): ModelVersion[] =>
  stages.flatMap((stage) => versions.findLast((version) => version.stage === stage) ?? []);

export async function mustFindModel(sql: Sql, name: string): Promise<ModelRow> {
  const row = await modelByName(sql, name);
  if (!row) throw fail("NOT_FOUND", { what: `Registered Model with name=${name} not found` });
  return row;
}

/** INVALID when the version is no number, NOT_FOUND when there is none or it is deleted. */
export async function mustFindVersion(sql: Sql, name: string, version: number): Promise<VersionRow> {
  if (!Number.isSafeInteger(version)) throw invalid(`Model version must be an integer, got '${version}'`);
  const row = await versionRow(sql, name, version);
  if (!row) throw fail("NOT_FOUND", { what: `Model Version (name=${name}, version=${version}) not found` });
  return row;
}
