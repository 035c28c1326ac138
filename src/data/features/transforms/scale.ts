/** scale: standard or min_max, as scikit-learn's StandardScaler and MinMaxScaler. Missing values are ignored and stay missing. */

import { choice, type Moments, type Transform, TransformProblem } from "./define.ts";

/** Beyond this the variance overflows. */
const MAGNITUDE_MAX = 1e150;

/** sklearn's `_is_constant_feature`: a variance that rounding alone could make counts as none. */
function isConstant({ variance, mean }: Moments, count: number): boolean {
  const eps = Number.EPSILON;
  return variance <= count * eps * variance + (count * mean * eps) ** 2;
}

function shiftAndScale(method: string, moments: Moments, count: number): [number, number] {
  if (method === "standard") return [moments.mean, isConstant(moments, count) ? 1 : Math.sqrt(moments.variance)];
  const range = moments.max - moments.min;
  return [moments.min, range < 10 * Number.EPSILON ? 1 : range];
}

export const SCALE: Transform = {
  key: "scale",
  stage: "scale",
  about:
    "`standard`: subtracts the mean, divides by the standard deviation (ddof 0). `min_max`: to 0 … 1. A constant column is divided by 1.",
  shorthand: "method",
  options: { method: choice("How.", ["standard", "min_max"], "standard") },
  needs: (_, numeric) => (numeric ? ["moments"] : []),
  build: ({ piece, options, statistics, builder }) => {
    const type = builder.typeOf(piece.node);
    if (type !== "number" && type !== "boolean") throw new TransformProblem(`is a ${type}`, "scale numbers only");
    const moments = statistics.moments!;
    if (statistics.present === 0)
      throw new TransformProblem("has no values to scale by", "remove it, or impute it first");
    if (Math.max(-moments.min, moments.max) > MAGNITUDE_MAX)
      throw new TransformProblem(`holds ${moments.max}, too large to scale`, "clip(…) it under derive");
    const [shift, scale] = shiftAndScale(options.method as string, moments, statistics.present);
    const number = type === "boolean" ? builder.call("to_number", "number", [piece.node]) : piece.node;
    const centred = builder.call("subtract", "number", [number, builder.literal(shift, "number")]);
    const node = builder.call("divide", "number", [centred, builder.literal(scale, "number")]);
    return { pieces: [{ ...piece, node, float: true }] };
  },
};
