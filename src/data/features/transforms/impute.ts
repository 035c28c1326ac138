/** impute: fills missing values with a constant learned from training rows, as scikit-learn's SimpleImputer. */

import type { Scalar } from "../../../base/columns.ts";
import type { BuildInput, OptionValues, Statistics, Transform } from "./define.ts";
import { choice, flag, TransformProblem } from "./define.ts";

const isScalar = (value: unknown): boolean => ["number", "string", "boolean"].includes(typeof value);

export const IMPUTE: Transform = {
  key: "impute",
  stage: "impute",
  about:
    "Fills missing values. `most_frequent`: of equally frequent values the smallest. `constant`: the option `value`. A column without any value in training is refused.",
  shorthand: "strategy",
  options: {
    strategy: choice("With what.", ["mean", "median", "most_frequent", "constant"], "mean"),
    value: { about: "What `constant` fills in.", takes: "a number, text or boolean", accepts: isScalar },
    add_indicator: flag(
      "Adds a column `missingindicator_<name>` (1 where it was missing) for each column with missing values in training.",
    ),
  },
  needs: (options, numeric) => {
    if (options.strategy === "mean") return numeric ? ["moments"] : [];
    if (options.strategy === "median") return numeric ? ["median"] : [];
    return options.strategy === "most_frequent" ? ["mode"] : [];
  },
  build: (input) => {
    const { piece, options, statistics, builder } = input;
    const type = builder.typeOf(piece.node);
    if (type === "timestamp") throw new TransformProblem("is a time", "derive its hour or epoch and impute that");
    const filler = builder.literal(fillerOf(options, statistics, input), type);
    const node = builder.call("coalesce", type, [piece.node, filler]);
    const hadMissing = statistics.present < statistics.rows;
    const float = piece.float || hadMissing || options.strategy === "mean" || options.strategy === "median";
    const pieces = [{ ...piece, node, float }];
    if (!options.add_indicator || !hadMissing) return { pieces };
    const missing = builder.call("is_null", "boolean", [piece.node]);
    const indicator = builder.call("to_number", "number", [missing]);
    return { pieces, extra: [{ node: indicator, name: `missingindicator_${piece.name}`, float: true }] };
  },
};

function fillerOf(options: OptionValues, statistics: Statistics, { builder, piece }: BuildInput): Scalar {
  const type = builder.typeOf(piece.node);
  if (options.strategy === "constant") {
    const value = options.value as Scalar;
    const fits = type === "boolean" ? typeof value === "boolean" : typeof value === type;
    if (!fits)
      throw new TransformProblem(`is a ${type} and cannot be filled with ${JSON.stringify(value)}`, `give a ${type}`);
    return value;
  }
  if (statistics.present === 0)
    throw new TransformProblem("has no values in training to fill from", "remove it, or use strategy: constant");
  if (options.strategy === "most_frequent") return type === "boolean" ? statistics.mode === 1 : statistics.mode!;
  if (type !== "number")
    throw new TransformProblem(`is a ${type}, which has no ${options.strategy}`, "use most_frequent or constant");
  const middle = options.strategy === "mean" ? statistics.moments!.mean : statistics.median!;
  if (!Number.isFinite(middle))
    throw new TransformProblem(`holds numbers too large for a ${options.strategy}`, "clip(…) it under derive");
  return middle;
}
