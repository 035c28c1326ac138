/** Population stability index over coarse bins. Usual reading: below 0.1 nothing, above 0.25 much. */

import { psi as score } from "../../stats/divergence.ts";
import { coarseBins } from "./bins.ts";
import type { DriftMeasure } from "./measure.ts";

export const psi: DriftMeasure = {
  judgedBy: "score",
  measure(reference, live) {
    const bins = coarseBins(reference, live);
    return { test: "psi", recipe: bins.recipe, score: score(bins.reference, bins.live) };
  },
};
