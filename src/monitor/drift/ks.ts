/**
 * Kolmogorov and Smirnov's largest distance between distribution functions, read at the edges of the reference's fine bins
 * (so at most a bin's share below the statistic of the rows), judged by its p-value. Columns that are not numbers, or hold
 * none, get chi-square: also a p-value.
 */

import { binnedKs } from "../../stats/distance.ts";
import { ksPValue } from "../../stats/tests.ts";
import { fineBins } from "./bins.ts";
import { chiSquare } from "./chi-square.ts";
import type { DriftMeasure } from "./measure.ts";

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

export const ks: DriftMeasure = {
  judgedBy: "p",
  measure(reference, live) {
    const bins = fineBins(reference, live);
    if (!bins) return chiSquare.measure(reference, live);
    const score = binnedKs(bins.reference, bins.live);
    return { test: "ks", recipe: bins.recipe, score, p: ksPValue(score, total(bins.reference), total(bins.live)) };
  },
};
