/**
 * A staged MLmodel folder becomes a version: models/<name>/<YYYYMMDD_HHMMSS>_v<N>.
 *
 * 1. The number is taken in the database, durably. 2. The folder is synced and renamed into place. 3. The row is written.
 * Whoever reads goes by the row, so a version is whole or absent. A crash between 1 and 3 loses the number (the next
 * version has a higher one, numbers are never reused) and between 2 and 3 leaves a folder that no row names:
 * `sweepOrphans` removes those once they are old enough not to belong to a publication under way.
 */

import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import { publish } from "../base/files.ts";
import { hashText } from "../base/hash.ts";
import { takeNumber } from "../db/models.ts";
import { knownFolders, putVersionTag, setVersionFolder } from "../db/versions.ts";
import { journal } from "./journal.ts";
import { mustFindModel, mustFindVersion, readVersions } from "./read.ts";
import type { ModelVersion, Pair, RegistryOptions, Who } from "./types.ts";
import { checkRegistryTag } from "./validate.ts";
import { insertVersion, type NewVersion } from "./versions.ts";

/** Longest name that every file system takes, less room for a hash. */
const FOLDER_CHARS = 200;

/** A model's name as a folder's: plain names stay as they are, others are percent-encoded, very long ones are cut and hashed. */
function folderName(name: string): string {
  const plain = encodeURIComponent(name).replace(/^\.+$/, (dots) => dots.replaceAll(".", "%2E"));
  return plain.length <= FOLDER_CHARS ? plain : `${plain.slice(0, FOLDER_CHARS)}-${hashText("md5", name)}`;
}

/** 2001-03-04T05:06:07Z → "20010304_050607". */
const stampOf = (timeMs: number): string =>
  new Date(timeMs).toISOString().slice(0, 19).replace("T", "_").replaceAll(/[-:]/g, "");

/** The place of published folders in the artifact proxy's tree; no experiment is called so, their names are numbers. */
const PUBLISHED_ROOT = "mlflow-artifacts:/models";

export type PublishedVersion = Omit<NewVersion, "source" | "storageUri" | "folder">;

export function createPublishing(options: RegistryOptions) {
  const { db, clock, modelsDir } = options;
  return {
    /**
     * Moves the staged folder (on the same file system) into place and registers it; the model must exist.
     * MODEL_INVALID when the folder holds no MLmodel; what base/files throws when the disk refuses.
     */
    async publishVersionFolder(
      name: string,
      staging: string,
      made: PublishedVersion = {},
      who?: Who,
    ): Promise<ModelVersion & { folder: string }> {
      for (const tag of made.tags ?? []) checkRegistryTag(tag);
      if (!(await stat(join(staging, "MLmodel")).catch(() => undefined)))
        throw fail("MODEL_INVALID", { what: "the staged folder has no MLmodel file", place: staging });
      const number = await db.write(async (sql) => {
        await mustFindModel(sql, name);
        return takeNumber(sql, name);
      });
      const folder = join(folderName(name), `${stampOf(clock.nowMs())}_v${number}`);
      await publish(staging, join(modelsDir, folder));
      const source = `${PUBLISHED_ROOT}/${folder}`;
      const version = await db.write(async (sql) => {
        await mustFindModel(sql, name);
        return insertVersion(sql, options, name, number, { ...made, source, folder }, who);
      });
      return { ...version, folder: join(modelsDir, folder) };
    },

    /**
     * Moves the staged folder into place as the files of a version that was registered without. What its clients download stays
     * what was registered. NOT_FOUND when the version is gone; of two that attach at once the first is kept.
     */
    async attachFolder(
      { name, version: number }: Pick<ModelVersion, "name" | "version">,
      staging: string,
      tags: readonly Pair[],
      who?: Who,
    ): Promise<ModelVersion> {
      await mustFindVersion(db, name, number);
      const folder = join(folderName(name), `${stampOf(clock.nowMs())}_v${number}`);
      await publish(staging, join(modelsDir, folder));
      return db.write(async (sql) => {
        const row = await mustFindVersion(sql, name, number);
        if (row.folder === null) {
          await setVersionFolder(sql, name, number, folder);
          for (const tag of tags) await putVersionTag(sql, name, number, tag);
          await journal(sql, clock, "version.adopted", `${name}/${number}`, who, { folder });
        }
        return (await readVersions(sql, modelsDir, [{ ...row, folder: row.folder ?? folder }]))[0]!;
      });
    },

    /** Removes published folders that no row names and that are older than `minAgeMs`; resolves to their paths. */
    async sweepOrphans(minAgeMs: number): Promise<string[]> {
      const known = await knownFolders(db);
      const removed: string[] = [];
      for (const model of await readdir(modelsDir).catch(() => [])) {
        for (const entry of await readdir(join(modelsDir, model)).catch(() => [])) {
          const path = join(modelsDir, model, entry);
          if (known.has(join(model, entry)) || !/^\d{8}_\d{6}_v\d+$/.test(entry)) continue;
          if (clock.nowMs() - (await stat(path)).mtimeMs < minAgeMs) continue;
          await rm(path, { recursive: true, force: true });
          removed.push(path);
        }
      }
      return removed;
    },
  };
}
