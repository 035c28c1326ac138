/**
 * Tables learned from training data: a category becomes a number. `keys` and `values` are parallel; `missing` is for a
 * missing value; `unknown` for one that is not in the table, and with `refuse: true` such a value is an error.
 */

import { fail } from "../../../base/errors.ts";
import { constantSql, numberSql } from "../literals.ts";
import type { Op } from "../program.ts";
import { map1, type OpDef } from "./define.ts";

interface Table {
  keys: (string | number)[];
  values: (number | null)[];
  missing: number | null;
  unknown: number | null;
  refuse: boolean;
  /** The column, for the message. */
  label: string;
}

const tableOf = (op: Op): Table => op.params as unknown as Table;
const orNaN = (value: number | null): number => value ?? Number.NaN;
const valueSql = (value: number | null): string => (value === null ? "NULL::DOUBLE" : numberSql(value));

export const LOOKUP: OpDef = {
  sql: ([x], op) => {
    const table = tableOf(op);
    const found =
      typeof table.keys[0] === "string" ? textTable(x!, table) : numberTree(x!, table, 0, table.keys.length);
    return `CASE WHEN ${x} IS NULL THEN ${valueSql(table.missing)} ELSE ${found} END`;
  },
  kernel: (op) => {
    const table = tableOf(op);
    const known = new Map(table.keys.map((key, i) => [key, orNaN(table.values[i]!)]));
    const missing = orNaN(table.missing);
    const unknown = orNaN(table.unknown);
    const find = (key: string | number): number => {
      const value = known.get(key);
      if (value !== undefined) return value;
      if (table.refuse) throw unknownCategory(table, key);
      return unknown;
    };
    const numbers = map1((x) => (Number.isNaN(x) ? missing : find(x)));
    return (args, out, rows) => {
      const [x] = args;
      if (x instanceof Float64Array) return numbers(args, out, rows);
      const y = out as Float64Array;
      for (let i = 0; i < rows; i++) {
        const text = x![i]!;
        y[i] = text === null ? missing : find(text);
      }
    };
  },
};

const unknownCategory = (table: Table, key: string | number) =>
  fail("REQUEST_INVALID", {
    what: `${JSON.stringify(key)} is not a category of ${table.label} that training saw`,
    place: table.label,
    mend: "send a known category, or set handle_unknown (one_hot) or unknown_value (ordinal) in features.yaml and train again",
  });

/** The message depends on the value: DuckDB evaluates an error of constants while it plans, for no row at all. */
const elseSql = (x: string, table: Table): string =>
  table.refuse
    ? `error(concat(${constantSql(`a category of ${table.label} that training did not see: `)}, ${x}))`
    : valueSql(table.unknown);

/** An inline ENUM finds its code by hash: 20,000 categories cost 0.3 s over 1M rows, where CASE tries one after the other. */
function textTable(x: string, table: Table): string {
  const code = `enum_code(TRY_CAST(${x} AS ENUM(${table.keys.map(constantSql).join(", ")})))`;
  const value = table.values.every((v, i) => v === i)
    ? `CAST(${code} AS DOUBLE)`
    : `[${table.values.map(valueSql).join(", ")}][${code} + 1]`;
  return `CASE WHEN ${code} IS NULL THEN ${elseSql(x, table)} ELSE ${value} END`;
}

/** Numbers are sorted: a tree of comparisons, as deep as the logarithm of their count. */
function numberTree(x: string, table: Table, from: number, to: number): string {
  if (to - from <= 4) {
    const cases = table.keys
      .slice(from, to)
      .map((key, i) => `WHEN ${x} = ${constantSql(key)} THEN ${valueSql(table.values[from + i]!)}`);
    return cases.length === 0 ? elseSql(x, table) : `CASE ${cases.join(" ")} ELSE ${elseSql(x, table)} END`;
  }
  const middle = (from + to) >> 1;
  const low = numberTree(x, table, from, middle);
  return `CASE WHEN ${x} < ${constantSql(table.keys[middle]!)} THEN ${low} ELSE ${numberTree(x, table, middle, to)} END`;
}

/** One column of a one-hot group: 1 where the code is the column's, else 0. */
export const CODE_IS: OpDef = {
  sql: ([x], op) => `CASE WHEN ${x} = ${numberSql(op.params!.code as number)} THEN 1e0 ELSE 0e0 END`,
  kernel: (op) => {
    const code = op.params!.code as number;
    return map1((x) => (x === code ? 1 : 0));
  },
};
