/** The proof a version gives before it takes traffic: it loads, its features are training's, and it answers its samples. */

import type { LoadedModel, RuntimeOptions } from "./model.ts";
import { checkFinite } from "./predictions.ts";
import { loadVersion } from "./runtime.ts";
import { checkParity, readSamples, sampleBatch } from "./samples.ts";

/** Answers that a warm-up asks for: the first ones pay for compiling and for caches that are cold. */
const WARM_UP_ROUNDS = 5;

/**
 * Loads a version, checks parity and warms it up. The caller closes what it gets; on failure it is closed already. Throws
 * what loadVersion throws, FEATURES_DIFFER, MODEL_FAILED, or REQUEST_INVALID when the samples do not fit the inputs.
 */
export async function loadProven(folder: string, options: RuntimeOptions = {}): Promise<LoadedModel> {
  const model = await loadVersion(folder, options);
  try {
    const samples = await readSamples(folder, model);
    if (samples) {
      checkParity(samples, model);
      const batch = sampleBatch(samples, model);
      for (let round = 0; round < WARM_UP_ROUNDS; round++)
        checkFinite(await model.predict(batch), model.manifest.entry);
    }
    return model;
  } catch (error) {
    await model.close();
    throw error;
  }
}
