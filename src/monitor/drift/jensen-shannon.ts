/** Jensen and Shannon's distance over coarse bins, 0 to 0.83. */

import { jensenShannon as score } from "../../stats/divergence.ts";
import { coarseBins } from "./bins.ts";
import type { DriftMeasure } from "./measure.ts";

export const jensenShannon: DriftMeasure = {
  judgedBy: "score",
  measure(reference, live) {
    const bins = coarseBins(reference, live);
    return { test: "jensen_shannon", recipe: bins.recipe, score: score(bins.reference, bins.live) };
  },
};
