/** one_hot: a column of 0 and 1 for each category, as scikit-learn's OneHotEncoder: its names, order, grouping and dropping. */

import { addLookup, type Category, categoryName, categoryNode, chosenCategories, namedAsFloat } from "./categories.ts";
import {
  amount,
  type BuildInput,
  type CategoryCount,
  choice,
  type OptionValues,
  type Transform,
  TransformProblem,
} from "./define.ts";

/** More output columns than this of one input column are a mistake, or want target_mean. */
const OUTPUTS_MAX = 5000;
const INFREQUENT = "infrequent_sklearn";

export const ONE_HOT: Transform = {
  key: "one_hot",
  stage: "encode",
  about:
    "One column of 0 and 1 a category, named `<column>_<category>`. Categories are sorted; a missing value is one (`nan`) when training has it.",
  options: {
    handle_unknown: choice(
      "A category that training did not see: `ignore` gives zeros in all columns, `infrequent` counts it as infrequent (zeros without such), `error` refuses the request.",
      ["ignore", "infrequent", "error"],
      "ignore",
    ),
    min_frequency: amount(
      "Categories with fewer rows become one column `infrequent_sklearn`; below 1 it is a share of the rows.",
      "a number above 0",
      (value) => value > 0 && (value < 1 || Number.isInteger(value)),
    ),
    max_categories: amount(
      "At most this many columns, the infrequent one included.",
      "a whole number from 1",
      (value) => Number.isInteger(value) && value >= 1,
    ),
    drop: choice("Leave out the first column: always, or when there are two.", ["first", "if_binary"]),
    categories: {
      about: "The categories and their order, instead of those that training has.",
      takes: "a list of different numbers or texts",
      accepts: isCategoryList,
    },
  },
  needs: () => ["categories"],
  build: (input) => ({ pieces: buildOneHot(input) }),
};

export function isCategoryList(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size < value.length) return false;
  return value.every((v) => typeof v === typeof value[0] && (typeof v === "string" || Number.isFinite(v)));
}

function buildOneHot({ piece, options, statistics, builder }: BuildInput) {
  const refuse = options.handle_unknown === "error";
  const seen = chosenCategories(statistics.categories!, options.categories as string[] | undefined, refuse);
  const rare = infrequent(seen, options, statistics.rows);
  const kept = seen.filter((c) => !rare.has(c.value));
  const asFloat = namedAsFloat(piece, seen);
  const type = builder.typeOf(piece.node);
  const names = kept.map((c) => categoryName(c.value, type, asFloat));
  const codes = new Map<Category, number>(kept.map((c, i) => [c.value, i]));
  for (const value of rare) codes.set(value, kept.length);
  if (rare.size > 0) names.push(INFREQUENT);
  if (names.length > OUTPUTS_MAX)
    throw new TransformProblem(
      `has ${names.length} categories, too many columns`,
      "set max_categories, or use target_mean",
    );
  const unknown = options.handle_unknown === "infrequent" && rare.size > 0 ? kept.length : null;
  const code = addLookup(builder, categoryNode(builder, piece.node), piece.name, {
    codes,
    unknown,
    missing: unknown,
    refuse,
  });
  const first = options.drop === "first" || (options.drop === "if_binary" && names.length === 2) ? 1 : 0;
  return names.slice(first).map((name, i) => ({
    node: builder.call("code_is", "number", [code], { code: i + first }),
    name: `${piece.name}_${name}`,
    float: true,
  }));
}

/** sklearn's `_identify_infrequent`: rarer than min_frequency, then the rarest until max_categories holds. */
function infrequent(seen: readonly CategoryCount[], options: OptionValues, rows: number): Set<Category> {
  const least = options.min_frequency as number | undefined;
  const limit = least === undefined ? 0 : least < 1 ? least * rows : least;
  const rare = new Set<Category>(seen.filter((c) => c.count < limit).map((c) => c.value));
  const most = options.max_categories as number | undefined;
  if (most !== undefined && most < seen.length - rare.size + 1) {
    const byCount = seen.toSorted((a, b) => a.count - b.count);
    for (const c of byCount.slice(0, seen.length - (most - 1))) rare.add(c.value);
  }
  return rare;
}
