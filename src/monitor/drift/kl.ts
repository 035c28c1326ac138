/** Kullback and Leibler's divergence of the live rows from the reference, in nats, over coarse bins. */

import { kl as score } from "../../stats/divergence.ts";
import { coarseBins } from "./bins.ts";
import type { DriftMeasure } from "./measure.ts";

export const kl: DriftMeasure = {
  judgedBy: "score",
  measure(reference, live) {
    const bins = coarseBins(reference, live);
    return { test: "kl", recipe: bins.recipe, score: score(bins.reference, bins.live) };
  },
};
