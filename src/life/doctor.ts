/** Is everything sound? Each examination is one function; none changes anything. */

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { diskFreeBytes } from "../base/disk.ts";
import { asTrimtabError, fail } from "../base/errors.ts";
import { showBytes } from "../base/units.ts";
import { VERSION } from "../base/version.ts";
import { type Workspace, workspaceAt } from "../base/workspace.ts";
import { verifyJournal } from "../db/events.ts";
import { modelNames } from "../db/names.ts";
import type { ModelVersion } from "../registry/types.ts";
import { currentDeployment } from "../serving/deployment.ts";
import { findPython } from "../serving/python/find.ts";
import { readMlmodel } from "../spec/mlmodel.ts";
import { openStatCache } from "../store/stat-cache.ts";
import { readPipeline, withLife } from "./context.ts";
import { TAGS } from "./recorder.ts";

export interface Finding {
  state: "ok" | "warn" | "bad";
  what: string;
  found: string;
  mend: string;
}

/** Earlier than status, which says only what needs a person now. */
const DISK_SOON_LOW_BYTES = 1 << 30;

const EXAMINATIONS: readonly ((workspace: Workspace, env: Record<string, string | undefined>) => Promise<Finding[]>)[] =
  [examineProgram, examinePipeline, examineJournal, examineVersions, examineDeployments, examineDisk];

/** Every finding, in order; an examination that fails is a finding. */
export async function examine(root: string, env: Record<string, string | undefined>): Promise<Finding[]> {
  const workspace = workspaceAt(root, env);
  const findings: Finding[] = [];
  for (const look of EXAMINATIONS) {
    try {
      findings.push(...(await look(workspace, env)));
    } catch (error) {
      const known = asTrimtabError(error);
      findings.push({
        state: "bad",
        what: look.name.replace("examine", "").toLowerCase(),
        found: known.message,
        mend: known.mend,
      });
    }
  }
  return findings;
}

const ok = (what: string, found: string): Finding => ({ state: "ok", what, found, mend: "" });

async function examineProgram({ root }: Workspace, env: Record<string, string | undefined>): Promise<Finding[]> {
  const python = Bun.which(findPython(root, env));
  return [
    ok("program", `trimtab ${VERSION}, bun ${Bun.version}, ${process.platform}-${process.arch}`),
    python
      ? ok("python", python)
      : { state: "warn", what: "python", found: "none", mend: "needed for pickled models only: python3 -m venv .venv" },
  ];
}

async function examinePipeline({ root }: Workspace, env: Record<string, string | undefined>): Promise<Finding[]> {
  const pipeline = await readPipeline(root, { env });
  return [ok("pipeline", `${pipeline.model}: ${Object.keys(pipeline.steps).length} steps`)];
}

async function examineJournal({ root, db }: Workspace, env: Record<string, string | undefined>): Promise<Finding[]> {
  if (!/^postgres/.test(db) && !existsSync(db))
    return [{ state: "warn", what: "database", found: "not made yet", mend: "trimtab run" }];
  const { events, brokenAtSeq } = await withLife({ root, env }, (life) => verifyJournal(life.db));
  if (brokenAtSeq === undefined) return [ok("journal", `${events} events, the chain of hashes holds`)];
  return [
    {
      state: "bad",
      what: "journal",
      found: `the chain breaks at event ${brokenAtSeq}`,
      mend: "something edited the journal: restore a backup",
    },
  ];
}

/** Every registered version's folder must be there and hold a readable MLmodel. */
async function examineVersions({ root, db }: Workspace, env: Record<string, string | undefined>): Promise<Finding[]> {
  if (!/^postgres/.test(db) && !existsSync(db)) return [];
  return withLife({ root, env }, async (life) => {
    const names = await modelNames(life.db);
    const versions = (await Promise.all(names.map((name) => life.registry.listVersions(name)))).flat();
    const broken: Finding[] = [];
    for (const version of versions) {
      if (version.folder === undefined) continue;
      const error = await readMlmodel(version.folder)
        .then(() => checkFiles(version))
        .catch(asTrimtabError);
      if (error)
        broken.push({
          state: "bad",
          what: `version ${version.name} ${version.version}`,
          found: error.message,
          mend: "train again; do not deploy it",
        });
    }
    return broken.length > 0 ? broken : [ok("versions", `${versions.length} registered, every folder is whole`)];
  });
}

/** Throws MODEL_INVALID when the folder does not hold what was published. Reads every byte: sizes and times can lie. */
async function checkFiles({ folder, tags }: ModelVersion): Promise<undefined> {
  const published = tags.find((tag) => tag.key === TAGS.files)?.value;
  if (published === undefined || (await openStatCache().hashPath(folder!)).digest === published) return undefined;
  throw fail("MODEL_INVALID", { what: "its files are not those that were published", place: folder! });
}

async function examineDeployments({ deploy }: Workspace): Promise<Finding[]> {
  const models = existsSync(deploy) ? await readdir(deploy) : [];
  const findings: Finding[] = [];
  for (const model of models) {
    const deployment = await currentDeployment(deploy, model);
    if (!deployment) continue;
    const missing = deployment.models.find((served) => !existsSync(join(served.folder, "MLmodel")));
    findings.push(
      missing
        ? {
            state: "bad",
            what: `deployment of ${model}`,
            found: `the files of version ${missing.version} are gone`,
            mend: "trimtab rollback",
          }
        : ok(`deployment of ${model}`, `version ${deployment.models.map((served) => served.version).join(", ")}`),
    );
  }
  return findings;
}

async function examineDisk({ root }: Workspace): Promise<Finding[]> {
  const freeBytes = await diskFreeBytes(root);
  const found = `${showBytes(freeBytes)} free`;
  return [
    freeBytes < DISK_SOON_LOW_BYTES
      ? { state: "warn", what: "disk", found, mend: "free some space" }
      : ok("disk", found),
  ];
}
