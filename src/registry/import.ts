/** Models and versions of another store, brought over with their numbers and times. May be repeated. */

import { insertModel, modelByName, putAlias, putModelTag, raiseNumber } from "../db/models.ts";
import { insertVersion, putVersionTag, versionExists } from "../db/versions.ts";
import type { ModelVersion, RegisteredModel, RegistryOptions } from "./types.ts";
import { checkModelName } from "./validate.ts";

export function createImports({ db }: RegistryOptions) {
  return {
    /** The model without its versions; one of that name keeps its description. */
    async importModel(model: RegisteredModel): Promise<void> {
      checkModelName(model.name);
      await db.write(async (sql) => {
        if (!(await modelByName(sql, model.name)))
          await insertModel(sql, model.name, model.description ?? null, model.createdMs);
        for (const tag of model.tags) await putModelTag(sql, model.name, tag);
      });
    },

    /** False when the number is taken: by an earlier import, or by another version of that name. */
    async importVersion(version: ModelVersion): Promise<boolean> {
      return db.write(async (sql) => {
        if (await versionExists(sql, version.name, version.version)) return false;
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
        for (const tag of version.tags) await putVersionTag(sql, version.name, version.version, tag);
        for (const alias of version.aliases)
          await putAlias(sql, { name: version.name, alias, version: version.version });
        await raiseNumber(sql, version.name, version.version);
        return true;
      });
    },
  };
}
