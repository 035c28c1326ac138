/** Models, versions and aliases of another MLflow store, after the runs and logged models whose files they are. */

import type { Brought } from "../../registry/import.ts";
import type { ModelVersion, RegisteredModel } from "../../registry/types.ts";
import { storePathOf } from "../../tracking/artifacts.ts";
import { type ImportTarget, type Progress, printOf, type TransferCounts } from "./import-context.ts";
import type { MlflowSource } from "./source.ts";

export interface RegistryImport {
  source: MlflowSource;
  target: ImportTarget;
  counts: TransferCounts;
  progress: Progress;
}

export async function importRegistry(work: RegistryImport): Promise<void> {
  for await (const model of work.source.models()) await importModel(work, model);
}

async function importModel(work: RegistryImport, model: RegisteredModel): Promise<void> {
  const { source, target, counts } = work;
  const { latest: _, updatedMs: __, ...kept } = model;
  const print = printOf(kept);
  const noted = await target.tracking.findImport(source.name, "model", model.name);
  if (noted?.print !== print) await target.registry.importModel(model, { brought: noted !== undefined });
  counts.models++;
  const here = new Set<number>();
  for await (const version of source.versions(model))
    if ((await importVersion(work, version)) !== "taken") here.add(version.version);
  if (noted?.print === print) return;
  for (const alias of model.aliases)
    if (here.has(alias.version) && !(await target.registry.importAlias(model.name, alias, here)))
      counts.left.push(`alias ${alias.alias} of model ${model.name}, which stands at another version here`);
  await target.tracking.noteImport(source.name, "model", model.name, { root: "", print });
}

async function importVersion(work: RegistryImport, version: ModelVersion): Promise<Brought> {
  const { source, target, counts } = work;
  const id = `${version.name}/${version.version}`;
  const { aliases: _, updatedMs: __, ...kept } = version;
  const print = printOf(kept);
  const noted = await target.tracking.findImport(source.name, "version", id);
  if (noted?.print === print) return "followed";
  const home = await rehomed(work, version);
  const brought = await target.registry.importVersion(home.version);
  if (brought === "taken") counts.left.push(`version ${id}: the number is another version's here`);
  else await target.tracking.noteImport(source.name, "version", id, { root: version.storageUri, print });
  if (brought === "made") {
    counts.versions++;
    if (!home.isFound && storePathOf(version.storageUri) !== undefined)
      counts.left.push(`files of version ${id}, which belong to no run that was found`);
  }
  work.progress(counts);
  return brought;
}

interface Move {
  from: string;
  to: string;
  modelId?: string;
}

/** Where the artifacts of the runs and logged models were that the version speaks of, and where they are now. */
async function movesOf({ source, target }: RegistryImport, version: ModelVersion): Promise<Move[]> {
  const { tracking } = target;
  const said = `${version.source} ${version.storageUri}`;
  const moves: Move[] = [];
  const add = (from: string, move: Omit<Move, "from">) => moves.push({ from: from.replace(/\/+$/, ""), ...move });
  for (const modelId of new Set([version.modelId, ...(said.match(/\bm-[0-9a-f]{32}\b/g) ?? [])])) {
    const noted = modelId && (await tracking.findImport(source.name, "logged_model", modelId));
    if (!noted) continue;
    add(noted.root, { to: (await tracking.getLoggedModel(modelId, { deletedToo: true })).artifactUri, modelId });
  }
  for (const runId of new Set([version.runId, ...(said.match(/(?<=\/)[0-9a-f]{32}(?=\/)/g) ?? [])])) {
    const noted = runId && (await tracking.findImport(source.name, "run", runId));
    if (noted) add(noted.root, { to: (await tracking.getRun(runId)).artifactUri });
  }
  return moves.filter(({ from }) => from !== "");
}

/** The version with its source where its run's or logged model's artifacts are now. */
async function rehomed(
  work: RegistryImport,
  version: ModelVersion,
): Promise<{ version: ModelVersion; isFound: boolean }> {
  const moves = await movesOf(work, version);
  const moveOf = (uri: string) => moves.find(({ from }) => `${uri}/`.startsWith(`${from}/`));
  const moved = (uri: string): string => {
    const move = moveOf(uri);
    return move ? `${move.to}${uri.slice(move.from.length)}` : uri;
  };
  const home = moveOf(version.storageUri);
  const modelId = version.modelId ?? home?.modelId;
  const where = { source: moved(version.source), storageUri: moved(version.storageUri) };
  return {
    version: { ...version, ...(modelId === undefined ? {} : { modelId }), ...where },
    isFound: home !== undefined,
  };
}
