/** ordinal: a category's place in the sorted (or listed) categories, from 0, as scikit-learn's OrdinalEncoder. */

import { addLookup, type Category, categoryNode, chosenCategories } from "./categories.ts";
import { amount, type Transform, TransformProblem } from "./define.ts";
import { isCategoryList } from "./one-hot.ts";

export const ORDINAL: Transform = {
  key: "ordinal",
  stage: "encode",
  about: "The category's place, from 0, in the sorted categories. A missing value stays missing.",
  options: {
    unknown_value: amount(
      "What a category that training did not see becomes. Without it such a category is refused.",
      "a number that no category has, such as -1",
      Number.isInteger,
    ),
    missing_value: amount("What a missing value becomes.", "a whole number", Number.isInteger),
    categories: {
      about: "The categories in their order, such as `[low, middle, high]`.",
      takes: "a list of different numbers or texts",
      accepts: isCategoryList,
    },
  },
  needs: () => ["categories"],
  build: ({ piece, options, statistics, builder }) => {
    if (statistics.present === 0) throw new TransformProblem("has no values in training to order", "remove it");
    const unknown = (options.unknown_value as number | undefined) ?? null;
    const refuse = unknown === null;
    const chosen = chosenCategories(statistics.categories!, options.categories as string[] | undefined, refuse);
    const known = chosen.filter((c) => c.value !== null);
    const missing = (options.missing_value as number | undefined) ?? null;
    refuseTaken("unknown_value", unknown, known.length);
    refuseTaken("missing_value", missing, known.length);
    const codes = new Map<Category, number>(known.map((c, i) => [c.value, i]));
    const node = addLookup(builder, categoryNode(builder, piece.node), piece.name, { codes, unknown, missing, refuse });
    return { pieces: [{ ...piece, node, float: true }] };
  },
};

function refuseTaken(option: string, value: number | null, count: number): void {
  if (value !== null && value >= 0 && value < count)
    throw new TransformProblem(`has ${count} categories, so ${option} ${value} is the code of one`, "use -1 or -2");
}
