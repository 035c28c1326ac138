/**
 * A folder with an MLmodel file becomes a LoadedModel that answers batches of raw rows. A runtime (one file each, one line
 * in RUNTIMES) only turns model columns into predictions; this file adds the features before it and checks the answer's
 * shape after it, so that no runtime can hand out rows of the wrong number.
 */

import { join } from "node:path";
import type { Batch } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import { flavorOf, type RuntimeName, readMlmodel, type TrimtabFlavor } from "../spec/mlmodel.ts";
import { loadJavascript } from "./javascript.ts";
import { readJson } from "./json-file.ts";
import type { LoadedModel, LoadRuntime, RuntimeOptions } from "./model.ts";
import { loadOnnx } from "./onnx.ts";
import { checkPredictions } from "./predictions.ts";
import { loadPython } from "./python.ts";

export type { FeatureTransform, LoadedModel, Predictions, Runtime, RuntimeOptions } from "./model.ts";

const RUNTIMES: Record<RuntimeName, LoadRuntime> = {
  javascript: loadJavascript,
  onnx: loadOnnx,
  python: loadPython,
};

/**
 * Loads a version's folder. Throws FILE_NOT_FOUND, MODEL_INVALID (damaged folder, unknown kind, features that do not fit)
 * or MODEL_FAILED (the model's own code raised while loading). Whoever loads it closes it.
 */
export async function loadVersion(folder: string, options: RuntimeOptions = {}): Promise<LoadedModel> {
  const manifest = flavorOf(await readMlmodel(folder), folder);
  const transform = await loadFeatures(folder, manifest, options);
  const columns = transform?.outputs ?? manifest.inputs.map((input) => input.name);
  const runtime = await RUNTIMES[manifest.runtime](folder, manifest, columns, options);
  const features = (batch: Batch): Batch => (transform ? transform.apply(batch) : batch);
  return {
    manifest: runtime.classes ? { ...manifest, classes: runtime.classes } : manifest,
    takesAhead: runtime.takesAhead ?? false,
    features,
    observe: (batch) => transform?.observe(batch),
    async predict(batch) {
      const predictions = await runtime.predict(features(batch));
      checkPredictions(predictions, batch.rows);
      return predictions;
    },
    memoryBytes: () => runtime.memoryBytes(),
    close: () => runtime.close(),
  };
}

async function loadFeatures(folder: string, manifest: TrimtabFlavor, options: RuntimeOptions) {
  if (manifest.features === undefined) return undefined;
  const place = join(folder, manifest.features);
  const compile = options.features;
  if (compile === undefined)
    throw fail("MODEL_INVALID", { what: "the version needs features, and no compiler for them is at hand", place });
  const transform = compile(await readJson(place));
  const known = new Set(manifest.inputs.map((input) => input.name));
  const missing = transform.inputs.find((input) => !known.has(input.name));
  if (missing)
    throw fail("MODEL_INVALID", { what: `the features read ${missing.name}, which is no input of the model`, place });
  return transform;
}
