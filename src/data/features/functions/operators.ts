/**
 * The operations behind signs and words: arithmetic, comparisons, and/or/not with SQL's three values, `in`, `is null`.
 * Division by 0 is missing; `%` has the sign of the divisor, as in Python.
 */

import type { Column } from "../../../base/columns.ts";
import { compareCodePoints } from "../../../store/manifest.ts";
import { constantSql } from "../literals.ts";
import { finite, finiteSql, isMissing, type Kernel, map1, map2, type OpDef, textToNumber } from "./define.ts";

const arithmetic = (sign: string, f: (x: number, y: number) => number): OpDef => ({
  sql: ([x, y]) => finiteSql(`(${x} ${sign} ${y})`),
  kernel: () => map2((x, y) => finite(f(x, y))),
});

function remainder(x: number, y: number): number {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
}

function compare(sign: string, f: (order: number) => boolean): OpDef {
  const numbers = map2((x, y) => {
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
    return f(x < y ? -1 : x > y ? 1 : 0) ? 1 : 0;
  });
  return {
    sql: ([x, y]) => `${x} ${sign} ${y}`,
    kernel: () => (args, out, rows) => (args[0] instanceof Float64Array ? numbers : texts(f))(args, out, rows),
  };
}

const texts =
  (f: (order: number) => boolean): Kernel =>
  ([a, b], out, rows) => {
    const [x, y] = [a as (string | null)[], b as (string | null)[]];
    const z = out as Float64Array;
    for (let i = 0; i < rows; i++) {
      const [left, right] = [x[i]!, y[i]!];
      z[i] = left === null || right === null ? Number.NaN : f(compareCodePoints(left, right)) ? 1 : 0;
    }
  };

const isNull: Kernel = ([a], out, rows) => {
  const x = a as Column;
  const y = out as Float64Array;
  for (let i = 0; i < rows; i++) {
    y[i] = isMissing(x[i]!) ? 1 : 0;
  }
};

const inSet: OpDef = {
  sql: ([x], op) => `${x} IN (${(op.params!.values as (string | number)[]).map(constantSql).join(", ")})`,
  kernel: (op) => {
    const values = op.params!.values as (string | number)[];
    const known = new Set<string | number>(values);
    if (typeof values[0] === "string") return textToNumber((text) => (known.has(text) ? 1 : 0));
    return map1((x) => (Number.isNaN(x) ? x : known.has(x) ? 1 : 0));
  },
};

export const OPERATORS = {
  add: arithmetic("+", (x, y) => x + y),
  subtract: arithmetic("-", (x, y) => x - y),
  multiply: arithmetic("*", (x, y) => x * y),
  divide: arithmetic("/", (x, y) => x / y),
  /** DuckDB's `%` is C's exact fmod; its function fmod is `x - y * floor(x / y)`, which is not. */
  remainder: {
    sql: ([x, y]) =>
      `CASE WHEN ${y} <> 0 THEN CASE WHEN (${x} % ${y}) <> 0 AND ((${x} % ${y}) < 0) <> (${y} < 0) ` +
      `THEN (${x} % ${y}) + ${y} ELSE (${x} % ${y}) END END`,
    kernel: () => map2(remainder),
  },
  negate: { sql: ([x]) => `-(${x})`, kernel: () => map1((x) => -x) },
  equal: compare("=", (order) => order === 0),
  not_equal: compare("<>", (order) => order !== 0),
  less: compare("<", (order) => order < 0),
  less_equal: compare("<=", (order) => order <= 0),
  greater: compare(">", (order) => order > 0),
  greater_equal: compare(">=", (order) => order >= 0),
  and: {
    sql: ([x, y]) => `(${x} AND ${y})`,
    kernel: () => map2((x, y) => (x === 0 || y === 0 ? 0 : x * y)),
  },
  or: {
    sql: ([x, y]) => `(${x} OR ${y})`,
    kernel: () => map2((x, y) => (x === 1 || y === 1 ? 1 : x + y)),
  },
  not: { sql: ([x]) => `NOT ${x}`, kernel: () => map1((x) => 1 - x) },
  is_null: { sql: ([x]) => `${x} IS NULL`, kernel: () => isNull },
  in: inSet,
  /** A boolean as 0 or 1. */
  to_number: { sql: ([x]) => `CAST(${x} AS DOUBLE)`, kernel: () => map1((x) => x) },
} satisfies Record<string, OpDef>;
