/**
 * target_mean: a category's mean target over the training rows, drawn to the overall mean when rows are few, as
 * scikit-learn's TargetEncoder with a fixed `smooth`, but without its cross-fitting: training rows get the same values as
 * requests do, so that a version's features can be proven equal. Rare categories therefore need smoothing.
 */

import { addLookup, type Category, categoryNode } from "./categories.ts";
import { amount, type Transform, TransformProblem } from "./define.ts";

export const TARGET_MEAN: Transform = {
  key: "target_mean",
  stage: "encode",
  about:
    "The target's mean within the category, over training rows: (sum + smoothing × overall mean) / (rows + smoothing). An unknown category gets the overall mean. Good for many categories; the target must be a number or boolean.",
  shorthand: "smoothing",
  options: {
    smoothing: amount("How many rows of the overall mean are mixed in.", "a number from 0", (value) => value >= 0, 20),
  },
  needs: () => ["categories"],
  build: ({ piece, options, statistics, builder, targetMean }) => {
    if (targetMean === undefined)
      throw new TransformProblem("needs a target that is a number or boolean", "add target: or use one_hot");
    const smoothing = options.smoothing as number;
    const codes = new Map<Category, number>(
      statistics.categories!.map((c) => [
        c.value,
        (c.count * c.targetMean + smoothing * targetMean) / (c.count + smoothing),
      ]),
    );
    const table = { codes, unknown: targetMean, missing: targetMean, refuse: false };
    const node = addLookup(builder, categoryNode(builder, piece.node), piece.name, table);
    return { pieces: [{ ...piece, node, float: true }] };
  },
};
