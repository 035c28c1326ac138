/** Models and versions on the other server, which counts versions for itself. */

import { fail } from "../../base/errors.ts";
import type { ModelVersion, RegisteredModel } from "../../registry/types.ts";
import { storePathOf } from "../../tracking/artifacts.ts";
import type { ExportContext, OwnedModel, ThereRun } from "./export-context.ts";
import type { ExportedExperiment } from "./export-experiments.ts";
import { exportFiles } from "./export-files.ts";
import { homeOfRun } from "./export-runs.ts";
import { marked, markOf, tagChanges } from "./marks.ts";
import { API, modelOf, versionsOf } from "./peer.ts";
import { pairs, type WireModel, type WireVersion } from "./wire.ts";

const PROMPTS = "tag.`mlflow.prompt.is_prompt` = 'true'";

export interface RegistryExport extends ExportContext {
  /** An experiment there for the runs that hold the files of versions. */
  experimentFor(experiment: ExportedExperiment): Promise<string | undefined>;
}

export async function exportRegistry(out: RegistryExport): Promise<void> {
  for (const filter of ["", PROMPTS]) {
    let pageToken = "";
    do {
      const page = await out.from.registry.searchModels({ filter, pageToken });
      for (const model of page.items) await exportModel(out, model);
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
  }
}

async function exportModel(out: RegistryExport, model: RegisteredModel): Promise<void> {
  const { name } = model;
  const there = (await modelOf(out.rest, name)) ?? (await createModel(out, model));
  await followModel(out, model, there);
  out.counts.models++;
  const known = new Map<string, WireVersion>();
  for await (const wire of versionsOf(out.rest, name)) {
    const mark = markOf(pairs(wire.tags));
    if (mark !== undefined) known.set(mark, wire);
  }
  /** Our numbers → theirs. */
  const numbers = new Map<number, string>();
  for (const version of await out.from.registry.listVersions(name))
    numbers.set(version.version, await exportVersion(out, version, known.get(`${name}/${version.version}`)));
  await removeVersions(out, name, known, numbers);
  await exportAliases(out, model, there, numbers);
}

async function createModel({ rest }: ExportContext, model: RegisteredModel): Promise<WireModel> {
  const { name, description } = model;
  const tags = marked(model.tags, name);
  await rest.post(`${API}/registered-models/create`, { name, description, tags });
  return { name, tags, ...(description === undefined ? {} : { description }) };
}

/** A model that was there before keeps its description, and its tags but for those that are here too. */
async function followModel({ rest }: ExportContext, model: RegisteredModel, there: WireModel): Promise<void> {
  const { name, description = "" } = model;
  const theirs = pairs(there.tags);
  const isOurs = markOf(theirs) !== undefined;
  const has = there.description ?? "";
  if (has !== description && (isOurs || has === ""))
    await rest.change("PATCH", `${API}/registered-models/update`, { name, description });
  const { set, drop } = tagChanges(model.tags, theirs);
  for (const tag of set) await rest.post(`${API}/registered-models/set-tag`, { name, ...tag });
  if (!isOurs) return;
  for (const key of drop) await rest.change("DELETE", `${API}/registered-models/delete-tag`, { name, key });
}

/** Resolves to its number there. */
async function exportVersion(
  out: RegistryExport,
  version: ModelVersion,
  known: WireVersion | undefined,
): Promise<string> {
  const there = known ?? (await createVersion(out, version));
  await followVersion(out, version, there);
  return String(there.version);
}

async function followVersion({ rest }: ExportContext, here: ModelVersion, there: WireVersion): Promise<void> {
  const version = { name: here.name, version: String(there.version) };
  const { description = "" } = here;
  if ((there.description ?? "") !== description)
    await rest.change("PATCH", `${API}/model-versions/update`, { ...version, description });
  const { set, drop } = tagChanges(here.tags, pairs(there.tags));
  for (const tag of set) await rest.post(`${API}/model-versions/set-tag`, { ...version, ...tag });
  for (const key of drop) await rest.change("DELETE", `${API}/model-versions/delete-tag`, { ...version, key });
  if ((there.current_stage || "None") === here.stage) return;
  const move = { ...version, stage: here.stage, archive_existing_versions: false };
  await rest.post(`${API}/model-versions/transition-stage`, move);
}

async function createVersion(out: RegistryExport, version: ModelVersion): Promise<WireVersion> {
  const { name, description, tags } = version;
  const answer = await out.rest.post<{ model_version: WireVersion }>(`${API}/model-versions/create`, {
    name,
    ...(await sourceThere(out, version)),
    description,
    tags: marked(tags, `${name}/${version.version}`),
  });
  out.counts.versions++;
  out.done();
  return answer.model_version;
}

/** The version's files where they are already, with its run or logged model, else copied to a run there. */
async function sourceThere(
  out: RegistryExport,
  version: ModelVersion,
): Promise<{ source: string; run_id?: string; model_id?: string }> {
  const { storageUri } = version;
  const run = version.runId === undefined ? undefined : livingRun(out, version.runId);
  const runId = run && { run_id: run.id };
  // A client fetches from object stores itself, and a prompt has no files.
  if (storePathOf(storageUri) === undefined) return { source: version.source, ...runId };
  const logged = loggedOf(out, storageUri);
  if (logged) {
    const inside = storageUri.slice(logged.from.length);
    const source = inside === "" ? `models:/${logged.id}` : `${logged.artifactUri}${inside}`;
    return { source, model_id: logged.id, ...runId };
  }
  const from = run && (await out.from.tracking.getRun(version.runId!)).artifactUri;
  if (from !== undefined && storageUri.startsWith(`${from}/`))
    return { source: `${run!.artifactUri}${storageUri.slice(from.length)}`, ...runId };
  const home = run ?? (await homeOfVersion(out, version));
  const source = `${home.artifactUri}/versions/${version.version}`;
  await exportFiles(out, storageUri, source);
  return { source, run_id: home.id };
}

function livingRun({ runs }: ExportContext, runId: string): ThereRun | undefined {
  const run = runs.get(runId);
  return run?.isDeleted ? undefined : run;
}

function loggedOf({ loggedModels }: ExportContext, storageUri: string): OwnedModel | undefined {
  const id = /\/models\/(m-[^/]+)\/artifacts(?:\/|$)/.exec(storageUri)?.[1];
  const model = id === undefined ? undefined : loggedModels.get(id);
  return model && `${storageUri}/`.startsWith(`${model.from}/`) ? model : undefined;
}

/** A run made for the purpose of holding the version's files. */
async function homeOfVersion(out: RegistryExport, version: ModelVersion): Promise<ThereRun> {
  const id = `${version.name}/${version.version}`;
  const name = `models/${version.name}`;
  const experimentId = await out.experimentFor({ experimentId: name, name, createdMs: 0, tags: [] });
  if (experimentId === undefined)
    throw fail("PEER_FAILED", {
      what: `that server has deleted its experiment ${name}, which holds the files of versions`,
      mend: "restore it there, or delete it for good",
    });
  const run = { runId: `version ${id}`, name: id, userId: version.userId ?? "", startMs: version.createdMs };
  const there = await homeOfRun(out, run, experimentId);
  await out.rest.post(`${API}/runs/update`, { run_id: there.id, status: "FINISHED", end_time: version.createdMs });
  return there;
}

/** Versions that exports made and that were deleted here. */
async function removeVersions(
  { from, rest }: ExportContext,
  name: string,
  known: ReadonlyMap<string, WireVersion>,
  numbers: ReadonlyMap<number, string>,
): Promise<void> {
  for (const [mark, there] of known) {
    const number = Number(mark.slice(mark.lastIndexOf("/") + 1));
    if (numbers.has(number) || mark !== `${name}/${number}` || !(await from.registry.hadVersion(name, number)))
      continue;
    await rest.change("DELETE", `${API}/model-versions/delete`, { name, version: String(there.version) });
  }
}

/** Names that stand at exported versions follow; others are not ours. */
async function exportAliases(
  { rest }: ExportContext,
  { name, aliases }: RegisteredModel,
  there: WireModel,
  numbers: ReadonlyMap<number, string>,
): Promise<void> {
  const theirs = new Map((there.aliases ?? []).map(({ alias, version }) => [alias, String(version)]));
  const path = `${API}/registered-models/alias`;
  for (const { alias, version } of aliases) {
    const number = numbers.get(version);
    if (number !== undefined && theirs.get(alias) !== number) await rest.post(path, { name, alias, version: number });
    theirs.delete(alias);
  }
  const ours = new Set(numbers.values());
  for (const [alias, version] of theirs) if (ours.has(version)) await rest.change("DELETE", path, { name, alias });
}
