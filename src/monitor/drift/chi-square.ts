/**
 * Pearson's chi-square of the live rows against the reference's shares, over coarse bins. Judged by its p-value, which at
 * many thousand rows a window is small for differences that do not matter: prefer a divergence there. A value that the
 * reference never saw makes p 0, as in Evidently.
 */

import { chiSquareTest } from "../../stats/tests.ts";
import { coarseBins } from "./bins.ts";
import type { DriftMeasure } from "./measure.ts";

export const chiSquare: DriftMeasure = {
  judgedBy: "p",
  measure(reference, live) {
    const bins = coarseBins(reference, live);
    const { statistic, p } = chiSquareTest(bins.live, bins.reference);
    // An infinite statistic (a new value) would be null in JSON.
    return { test: "chi_square", recipe: bins.recipe, score: Math.min(statistic, Number.MAX_VALUE), p };
  },
};
