/** Functions of numbers. A result that is not finite is missing. */

import { numberSql } from "../literals.ts";
import type { Op } from "../program.ts";
import { type FeatureFunction, finite, finiteSql, map1, map2, numeric } from "./define.ts";

/** Half to even, as NumPy, pandas and Python round. */
function roundEven(x: number): number {
  if (Math.abs(x) >= 2 ** 52) return x;
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** Exact near 0 (Kahan's correction); both engines compute it this way because DuckDB has no log1p. */
export function log1p(x: number): number {
  if (!(x > -1)) return Number.NaN;
  const u = 1 + x;
  return u === 1 ? x : Math.log(u) * (x / (u - 1));
}

const log1pSql = (x: string): string =>
  `CASE WHEN ${x} > -1 THEN CASE WHEN 1 + ${x} = 1 THEN ${x} ELSE ln(1 + ${x}) * (${x} / ((1 + ${x}) - 1)) END END`;

const scaleOf = (op: Op): number => 10 ** ((op.params?.digits as number | null | undefined) ?? 0);
const edgesOf = (op: Op): number[] => op.params!.edges as number[];
const bounds = (op: Op): [number, number] => [op.params!.low as number, op.params!.high as number];

const round: FeatureFunction = {
  name: "round",
  takes: [
    { name: "x", type: "number" },
    { name: "digits", type: "number", constant: true, optional: true },
  ],
  gives: "number",
  about: "Rounds half to even, as NumPy and pandas do: `round(2.5)` is 2. `digits`: 0 to 12.",
  check: ({ digits }) =>
    digits === undefined || (Number.isInteger(digits) && Number(digits) >= 0 && Number(digits) <= 12)
      ? undefined
      : "digits must be a whole number from 0 to 12",
  sql: ([x], op) => {
    const scale = numberSql(scaleOf(op));
    return finiteSql(`round_even(${x} * ${scale}, 0) / ${scale}`);
  },
  kernel: (op) => {
    const scale = scaleOf(op);
    return map1((x) => finite(roundEven(x * scale) / scale));
  },
};

const clip: FeatureFunction = {
  name: "clip",
  takes: [
    { name: "x", type: "number" },
    { name: "low", type: "number", constant: true },
    { name: "high", type: "number", constant: true },
  ],
  gives: "number",
  about: "`x`, but at least `low` and at most `high`.",
  check: ({ low, high }) => (Number(low) <= Number(high) ? undefined : "low must not be above high"),
  sql: ([x], op) => {
    const [low, high] = bounds(op).map(numberSql);
    return `CASE WHEN ${x} < ${low} THEN ${low} WHEN ${x} > ${high} THEN ${high} ELSE ${x} END`;
  },
  kernel: (op) => {
    const [low, high] = bounds(op);
    return map1((x) => Math.min(Math.max(x, low), high));
  },
};

const bucket: FeatureFunction = {
  name: "bucket",
  takes: [
    { name: "x", type: "number" },
    { name: "edges", type: "numbers" },
  ],
  gives: "number",
  about:
    "How many edges are at or below `x`: `bucket(x, [10, 20])` is 0 below 10, 1 from 10, 2 from 20 (`numpy.digitize`).",
  check: ({ edges }) => {
    const list = edges as number[];
    return list.length > 0 && list.every((e, i) => i === 0 || list[i - 1]! < e) ? undefined : "edges must rise";
  },
  sql: ([x], op) => {
    const cases = edgesOf(op).map((edge, i) => `WHEN ${x} < ${numberSql(edge)} THEN ${numberSql(i)}`);
    return `CASE ${cases.join(" ")} WHEN ${x} IS NOT NULL THEN ${numberSql(cases.length)} END`;
  },
  kernel: (op) => {
    const edges = edgesOf(op);
    return map1((x) => (Number.isNaN(x) ? x : countAtOrBelow(edges, x)));
  },
};

function countAtOrBelow(edges: readonly number[], x: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

const pow: FeatureFunction = {
  name: "pow",
  takes: [
    { name: "x", type: "number" },
    { name: "y", type: "number" },
  ],
  gives: "number",
  about: "`x` to the power of `y`.",
  sql: ([x, y]) => finiteSql(`pow(${x}, ${y})`),
  // JavaScript has NaN ** 0 = 1.
  kernel: () => map2((x, y) => (Number.isNaN(x) ? x : finite(x ** y))),
};

export const NUMBER_FUNCTIONS: FeatureFunction[] = [
  numeric(
    "log",
    "Natural logarithm; missing for `x` at or below 0.",
    (x) => `CASE WHEN ${x} > 0 THEN ln(${x}) END`,
    (x) => (x > 0 ? Math.log(x) : Number.NaN),
  ),
  numeric("log1p", "`log(1 + x)`, exact near 0; missing for `x` at or below -1.", log1pSql, log1p),
  numeric(
    "log10",
    "Logarithm of base 10; missing for `x` at or below 0.",
    (x) => `CASE WHEN ${x} > 0 THEN log10(${x}) END`,
    (x) => (x > 0 ? Math.log10(x) : Number.NaN),
  ),
  numeric(
    "exp",
    "e to the power of `x`; missing where it overflows.",
    (x) => finiteSql(`exp(${x})`),
    (x) => finite(Math.exp(x)),
  ),
  numeric(
    "sqrt",
    "Square root; missing below 0.",
    (x) => `CASE WHEN ${x} >= 0 THEN sqrt(${x}) END`,
    (x) => Math.sqrt(x),
  ),
  numeric("abs", "The value without its sign.", (x) => `abs(${x})`, Math.abs),
  numeric("sign", "-1, 0 or 1.", (x) => `CAST(sign(${x}) AS DOUBLE)`, Math.sign),
  numeric("sin", "Sine of radians.", (x) => `sin(${x})`, Math.sin),
  numeric("cos", "Cosine of radians.", (x) => `cos(${x})`, Math.cos),
  numeric("floor", "The largest whole number not above `x`.", (x) => `floor(${x})`, Math.floor),
  numeric("ceil", "The smallest whole number not below `x`.", (x) => `ceil(${x})`, Math.ceil),
  round,
  clip,
  bucket,
  pow,
  {
    name: "pi",
    takes: [],
    gives: "number",
    about: "3.14159…, for `sin(2 * pi() * hour(date) / 24)`.",
    sql: () => numberSql(Math.PI),
    kernel: () => (_, out, rows) => (out as Float64Array).fill(Math.PI, 0, rows),
  },
];
