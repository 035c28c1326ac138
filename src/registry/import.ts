/** Models and versions of another store, brought over with their numbers and times. May be repeated. */

import type { Sql } from "../db/db.ts";
import { aliasRow, describeModel, insertModel, modelByName, putAlias, putModelTag, raiseNumber } from "../db/models.ts";
import {
  describeVersion,
  insertVersion,
  putVersionTag,
  setVersionStage,
  versionExists,
  versionRow,
} from "../db/versions.ts";
import type { Alias, ModelVersion, RegisteredModel, RegistryOptions } from "./types.ts";
import { checkModelName } from "./validate.ts";

/** `taken`: the number is another version's, or was. */
export type Brought = "made" | "followed" | "taken";

async function insert(sql: Sql, version: ModelVersion): Promise<void> {
  await insertVersion(sql, {
    name: version.name,
    version: version.version,
    source: version.source,
    storage_uri: version.storageUri,
    folder: null,
    run_id: version.runId ?? null,
    run_link: version.runLink ?? null,
    model_id: version.modelId ?? null,
    description: version.description ?? null,
    user_id: version.userId ?? null,
    status: version.status,
    status_message: version.statusMessage ?? null,
    stage: version.stage,
    created_ms: version.createdMs,
    updated_ms: version.updatedMs,
  });
  await raiseNumber(sql, version.name, version.version);
}

export function createImports({ db }: RegistryOptions) {
  return {
    /** The model without its versions; one of that name keeps its description unless it was `brought` over before. */
    async importModel(model: RegisteredModel, { brought = false } = {}): Promise<void> {
      checkModelName(model.name);
      await db.write(async (sql) => {
        const description = model.description ?? null;
        if (!(await modelByName(sql, model.name))) await insertModel(sql, model.name, description, model.createdMs);
        else if (brought) await describeModel(sql, model.name, description, model.updatedMs);
        for (const tag of model.tags) await putModelTag(sql, model.name, tag);
      });
    },

    /** Without its aliases. One that is here, told by its number and birth, gets the description, stage and tags of the other. */
    async importVersion(version: ModelVersion): Promise<Brought> {
      const { name, version: number } = version;
      return db.write(async (sql) => {
        const known = await versionRow(sql, name, number);
        if (known ? Number(known.created_ms) !== version.createdMs : await versionExists(sql, name, number))
          return "taken";
        if (known) {
          await describeVersion(sql, name, number, version.description ?? null, version.updatedMs);
          await setVersionStage(sql, name, number, version.stage, version.updatedMs);
        } else await insert(sql, version);
        for (const tag of version.tags) await putVersionTag(sql, name, number, tag);
        return known ? "followed" : "made";
      });
    },

    /** False when the alias stands at a version here that is none of those `brought` over: then it stays there. */
    async importAlias(name: string, { alias, version }: Alias, brought: ReadonlySet<number>): Promise<boolean> {
      return db.write(async (sql) => {
        const known = await aliasRow(sql, name, alias);
        if (known && !brought.has(Number(known.version))) return false;
        await putAlias(sql, { name, alias, version });
        return true;
      });
    },
  };
}
