/**
 * A version that a client registered becomes one that can be measured and served: its files are fetched from the artifact store
 * into a folder of their own, which nobody can write over any more, and what serving must know is added from the pipeline.
 *
 * Its signature says what it takes. Names of the pipeline's features: it is given these, computed as for training. Columns of
 * the holdout: it is given the raw rows. Anything else is refused.
 */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { randomId } from "../base/hash.ts";
import type { Duck } from "../data/duckdb.ts";
import type { FittedFeatures } from "../data/features/fitted.ts";
import { proxiedPath } from "../registry/source.ts";
import type { ModelVersion } from "../registry/types.ts";
import { flavorOf, readMlmodel, type TrimtabFlavor } from "../spec/mlmodel.ts";
import type { EvaluateStep, Pipeline } from "../spec/types.ts";
import { downloadFolder } from "../store/download.ts";
import { openStatCache } from "../store/stat-cache.ts";
import type { Life } from "./context.ts";
import { proveVersion } from "./deploy.ts";
import { assembleVersion, fittedPath, type Parts, servedInputs, taskOf, trainPath, transformOf } from "./package.ts";
import { TAGS } from "./recorder.ts";
import { readFitted, referenceProfile, takeSamples } from "./references.ts";
import { trainedOn } from "./register.ts";
import { rowsAt } from "./sources.ts";

/** The version with its folder: fetched, assembled and proven now when it has none yet. MODEL_INVALID, and what proving throws. */
export async function adopt(
  life: Life,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  version: ModelVersion,
): Promise<ModelVersion> {
  if (version.folder !== undefined) return version;
  const on = join(pipeline.root, evaluate.on);
  if (!existsSync(on))
    throw fail("FILE_NOT_FOUND", { what: "the holdout rows are not here yet", place: on, mend: "trimtab run" });
  const scratch = join(life.workspace.tmp, `adopt-${randomId()}`);
  try {
    const model = join(scratch, "fetched");
    await fetchFiles(life, version, model);
    const staging = join(scratch, "version");
    await assembleVersion(await life.duck(), await partsOf(life, pipeline, evaluate, { model, on, scratch }), staging);
    await proveVersion(staging, pipeline.root);
    const files = { key: TAGS.files, value: (await openStatCache().hashPath(staging)).digest };
    return await life.registry.attachFolder(version, staging, [files], {
      actor: life.actor,
      reason: "fetched to be measured and served",
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fetchFiles(life: Life, { name, version, storageUri }: ModelVersion, folder: string): Promise<void> {
  const path = proxiedPath(storageUri);
  if (path === undefined)
    throw fail("MODEL_INVALID", {
      what: `the files of ${name} ${version} are not in this server's artifacts`,
      place: storageUri,
      mend: "log the model in an experiment whose artifacts this server keeps",
    });
  if ((await downloadFolder(life.artifacts, path, folder)) === 0)
    throw fail("MODEL_INVALID", { what: `${name} ${version} has no files`, place: storageUri });
}

async function partsOf(
  life: Life,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  at: { model: string; on: string; scratch: string },
): Promise<Parts> {
  const duck = await life.duck();
  if (!existsSync(join(at.model, "MLmodel")))
    throw fail("MODEL_INVALID", { what: "there is no MLmodel file among its files", place: at.model });
  const flavor = flavorOf(await readMlmodel(at.model), at.model);
  const transform = transformOf(pipeline, evaluate);
  const train = transform ? { train: join(pipeline.root, trainPath(transform)) } : {};
  const base = {
    model: at.model,
    on: at.on,
    ...train,
    target: evaluate.target,
    task: taskOf(evaluate),
    root: pipeline.root,
  };
  // A copy of a version that Trimtab made brings all of it along.
  if (flavor.reference !== undefined && flavor.samples !== undefined) return base;
  const fitted = await featuresFor(duck, pipeline, evaluate, flavor, at);
  const features = fitted && join(at.scratch, "features.json");
  if (fitted && features) await writeFileAtomic(features, JSON.stringify(fitted));
  const inputs = (fitted ? servedInputs(fitted) : flavor.inputs).map((input) => input.name);
  const rows = await trainedOn(duck, pipeline, transform, at.on);
  return {
    ...base,
    ...(fitted && features ? { features, fitted } : {}),
    extra: {
      reference: await referenceProfile(duck, rows, inputs),
      samples: await takeSamples(duck, rows, inputs, fitted),
    },
  };
}

/** The pipeline's features in the order of the model's inputs; undefined for a model that takes raw columns. MODEL_INVALID. */
async function featuresFor(
  duck: Duck,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  { inputs }: TrimtabFlavor,
  { model, on }: { model: string; on: string },
): Promise<FittedFeatures | undefined> {
  const transform = transformOf(pipeline, evaluate);
  const fitted = transform ? await readFitted(join(pipeline.root, fittedPath(transform))) : undefined;
  const names = inputs.map((input) => input.name);
  const places = names.map((name) => fitted?.outputs.indexOf(name) ?? -1);
  if (fitted && places.every((place) => place >= 0))
    return { ...fitted, outputs: names, roots: places.map((place) => fitted.roots[place]!) };
  const columns = (await duck.columns(await rowsAt(duck, on))).map((column) => column.name);
  const known = new Set(columns.filter((name) => name !== evaluate.target));
  const strange = names.filter((name) => !known.has(name));
  if (strange.length === 0) return undefined;
  throw fail("MODEL_INVALID", {
    what: `the model takes ${strange.slice(0, 5).join(", ")}, which ${fitted ? "are neither features of the pipeline nor" : "are no"} columns of ${evaluate.on}`,
    place: model,
    mend: "train on the columns of the pipeline's data or of its features, and log the model with that signature",
  });
}
