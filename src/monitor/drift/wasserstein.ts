/**
 * Wasserstein-1 in units of the reference's standard deviation (population, at least 0.001, as Evidently norms it), from
 * the fine bins. Columns that are not numbers, or hold none, get Jensen and Shannon's distance: read on the same scale,
 * where 0.1 is the usual threshold.
 */

import type { NumericProfile } from "../../base/profile.ts";
import { binnedWasserstein } from "../../stats/distance.ts";
import type { NumericCounts } from "../counts.ts";
import { fineBins } from "./bins.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import type { DriftMeasure } from "./measure.ts";

export const wasserstein: DriftMeasure = {
  judgedBy: "score",
  measure(reference, live) {
    const bins = fineBins(reference, live);
    if (!bins) return jensenShannon.measure(reference, live);
    const numeric = reference as NumericProfile;
    const area = binnedWasserstein(bounds(numeric, live as NumericCounts), bins.reference, bins.live, mass(numeric));
    return { test: "wasserstein", recipe: bins.recipe, score: area / Math.max(0.001, populationStd(numeric)) };
  },
};

/** The outer bins end where the rows do. */
function bounds({ edges }: NumericProfile, live: NumericCounts): number[] {
  const first = Math.min(edges[0]!, live.min ?? edges[0]!);
  const last = Math.max(edges.at(-1)!, live.max ?? edges.at(-1)!);
  return [first, ...edges, last];
}

/** Where each value has its own bin (the last edge lies above them all), its rows lie at the bin's lower edge. */
const mass = ({ distinct, edges }: NumericProfile): "lower" | "even" =>
  distinct === edges.length - 1 ? "lower" : "even";

function populationStd({ std, counts }: NumericProfile): number {
  const n = counts.reduce((sum, count) => sum + count, 0);
  return (std ?? 0) * Math.sqrt((n - 1) / n);
}
