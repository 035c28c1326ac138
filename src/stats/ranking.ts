/** How well scores order rows. */

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in which the positive has the higher score, ties
 * counting a half (Mann and Whitney's U over n₁n₂; equal to scikit-learn's trapezoid). Both arrays are sorted in place.
 * NaN when either is empty or holds a NaN.
 */
export function rocAuc(positive: Float64Array, negative: Float64Array): number {
  positive.sort();
  negative.sort();
  // NaN comes last.
  if (Number.isNaN(positive.at(-1)) || Number.isNaN(negative.at(-1))) return Number.NaN;
  let below = 0;
  let notAbove = 0;
  let wins = 0;
  for (const score of positive) {
    while (below < negative.length && negative[below]! < score) below++;
    if (notAbove < below) notAbove = below;
    while (notAbove < negative.length && negative[notAbove]! <= score) notAbove++;
    wins += (below + notAbove) / 2;
  }
  return wins / (positive.length * negative.length);
}
