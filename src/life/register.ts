/** A trained candidate becomes a version: assembled, proven to serve what was trained, and registered once. */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { hashValue, randomId } from "../base/hash.ts";
import type { Duck } from "../data/duckdb.ts";
import { splitRows } from "../data/features/split.ts";
import type { ModelVersion } from "../registry/types.ts";
import type { EvaluateStep, Pipeline, TransformStep } from "../spec/types.ts";
import { openStatCache } from "../store/stat-cache.ts";
import type { Life } from "./context.ts";
import { proveVersion } from "./deploy.ts";
import { assembleVersion, fittedPath, servedInputs, taskOf, trainPath, transformOf } from "./package.ts";
import { TAGS } from "./recorder.ts";
import { readFitted, referenceProfile, takeSamples } from "./references.ts";
import { openSubject, rowsAt } from "./sources.ts";

/** What makes two candidates the same: the model's bytes and the fitted features'. */
export async function candidateDigest(life: Life, pipeline: Pipeline, evaluate: EvaluateStep): Promise<string> {
  const transform = transformOf(pipeline, evaluate);
  const paths = [evaluate.subject, ...(transform ? [fittedPath(transform)] : [])];
  const digests = paths.map(async (path) => (await life.stats.hashPath(join(pipeline.root, path))).digest);
  return hashValue(await Promise.all(digests));
}

/** The version that was made of the same bytes and whose files are here; undefined when there is none, or no such model yet. */
export async function versionWithDigest(life: Life, model: string, digest: string): Promise<ModelVersion | undefined> {
  await life.registry.ensureModel(model, { actor: life.actor });
  const versions = await life.registry.listVersions(model);
  return versions.findLast(
    ({ folder, tags }) =>
      folder !== undefined &&
      existsSync(join(folder, "MLmodel")) &&
      tags.some((tag) => tag.key === TAGS.digest && tag.value === digest),
  );
}

/** Assembles the version's folder, proves that it serves what was trained, and registers it. */
export async function register(
  life: Life,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  digest: string,
  runId: string | undefined,
): Promise<number> {
  const duck = await life.duck();
  const root = pipeline.root;
  const transform = transformOf(pipeline, evaluate);
  const features = transform ? join(root, fittedPath(transform)) : undefined;
  const fitted = features ? await readFitted(features) : undefined;
  const parts = {
    model: join(root, evaluate.subject),
    ...(features ? { features } : {}),
    ...(fitted ? { fitted } : {}),
    on: join(root, evaluate.on),
    ...(transform ? { train: join(root, trainPath(transform)) } : {}),
    target: evaluate.target,
    task: taskOf(evaluate),
    root,
  };
  const staging = join(life.workspace.tmp, `version-${randomId()}`);
  try {
    const rows = await trainedOn(duck, pipeline, transform, parts.on);
    const inputs =
      (fitted && servedInputs(fitted).map((input) => input.name)) ??
      (await inputNames(life, parts.on, evaluate.target));
    const extra = {
      reference: await referenceProfile(duck, rows, inputs),
      samples: await takeSamples(duck, rows, inputs, fitted),
    };
    await assembleVersion(duck, { ...parts, extra }, staging);
    await proveVersion(staging, root);
    const tags = [
      { key: TAGS.digest, value: digest },
      // Read once, before it is published: doctor compares what it finds later.
      { key: TAGS.files, value: (await openStatCache().hashPath(staging)).digest },
    ];
    const made = { ...(runId ? { runId } : {}), userId: life.actor, tags };
    const who = { actor: life.actor, reason: `made by run ${runId ?? "unknown"}` };
    return (await life.registry.publishVersionFolder(pipeline.model, staging, made, who)).version;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** SQL of the raw rows that the version was trained on, as far as the pipeline knows: without a transform step, the holdout stands for them. */
export async function trainedOn(
  duck: Duck,
  pipeline: Pipeline,
  transform: TransformStep | undefined,
  on: string,
): Promise<string> {
  if (!transform) return rowsAt(duck, on);
  const scan = await openSubject(duck, pipeline, transform.subject);
  if (!transform.split) return scan.sql;
  return `SELECT * FROM ${(await splitRows(duck, `(${scan.sql})`, scan.columns, transform.split)).train}`;
}

async function inputNames(life: Life, on: string, target: string): Promise<string[]> {
  const duck = await life.duck();
  const columns = await duck.columns(await rowsAt(duck, on));
  return columns.map((column) => column.name).filter((name) => name !== target);
}
