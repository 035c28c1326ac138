/** Checks that compare columns of the same row: pairs and lists. */

import { literal } from "../sql.ts";
import { type Args, show } from "./args.ts";
import { type CheckDefinition, Problem, type Table } from "./check.ts";
import { columnOf, comparable, exact, numericColumn, type TestedColumn } from "./columns.ts";
import { rowPlan } from "./map.ts";
import {
  COLUMN_LIST_KWARGS,
  consideredList,
  consideredPair,
  IGNORE_LIST,
  IGNORE_PAIR,
  PAIR_KWARGS,
} from "./missing.ts";

interface PairRule {
  expected: (a: TestedColumn, b: TestedColumn) => string;
  good: string;
  bad: string;
}

const pairCheck = (type: string, kwargs: readonly string[], read: (args: Args) => PairRule): CheckDefinition => ({
  type,
  kwargs: [...PAIR_KWARGS, ...kwargs],
  prepare: (args) => {
    const names: [string, string] = [args.text("column_A"), args.text("column_B")];
    const ignore = args.oneOf("ignore_row_if", IGNORE_PAIR, "both_values_are_missing");
    const [mostly, rule] = [args.mostly(), read(args)];
    return (table: Table) =>
      rowPlan(table, {
        columns: names,
        considered: consideredPair(table, names, ignore),
        expected: rule.expected(columnOf(table, names[0]), columnOf(table, names[1])),
        mostly,
        good: rule.good,
        bad: rule.bad,
        noun: "pairs",
      });
  },
});

const listCheck = (
  type: string,
  kwargs: readonly string[],
  read: (args: Args) => { expected: (table: Table, names: readonly string[]) => string; good: string; bad: string },
): CheckDefinition => ({
  type,
  kwargs: [...COLUMN_LIST_KWARGS, ...kwargs],
  prepare: (args) => {
    const [names, mostly, rule] = [args.texts("column_list"), args.mostly(), read(args)];
    const ignore = args.oneOf("ignore_row_if", IGNORE_LIST, "all_values_are_missing");
    if (names.length < 2) args.refuse("column_list has fewer than two columns");
    return (table: Table) =>
      rowPlan(table, {
        columns: names,
        considered: consideredList(table, names, ignore),
        expected: rule.expected(table, names),
        mostly,
        good: rule.good,
        bad: rule.bad,
        noun: "rows",
      });
  },
});

/** Columns of two kinds are never equal; the engine would cast one and fail on a value. */
const sameKind = (a: TestedColumn, b: TestedColumn): boolean => a.kind === b.kind;

function ordered(a: TestedColumn, b: TestedColumn, operator: string): string {
  if (!sameKind(a, b))
    throw new Problem(`column ${a.name} is ${a.type} and ${b.name} is ${b.type}: neither is greater`);
  return `${a.sql} ${operator} ${b.sql}`;
}

/** One of the allowed pairs; a null in a pair stands for a missing value. */
function pairSql(a: TestedColumn, b: TestedColumn, pairs: readonly (readonly [unknown, unknown])[]): string {
  const side = (column: TestedColumn, value: unknown): string | undefined => {
    if (value === null || value === undefined) return `${column.sql} IS NULL`;
    const sql = comparable(column, exact(column, value));
    return sql === undefined ? undefined : `${column.sql} IS NOT DISTINCT FROM ${sql}`;
  };
  const conditions = pairs.map(([x, y]) => [side(a, x), side(b, y)]);
  const possible = conditions.filter((sides) => !sides.includes(undefined)).map((sides) => `(${sides.join(" AND ")})`);
  return possible.length === 0 ? "FALSE" : possible.join(" OR ");
}

function readPairs(args: Args): [unknown, unknown][] {
  const pairs = args.list("value_pairs_set");
  for (const pair of pairs)
    if (!Array.isArray(pair) || pair.length !== 2) args.refuse(`${show(pair)} in value_pairs_set is not a pair`);
  return pairs as [unknown, unknown][];
}

function distinctSql(a: TestedColumn, b: TestedColumn): string {
  return sameKind(a, b) ? `${a.sql} IS DISTINCT FROM ${b.sql}` : `NOT (${a.sql} IS NULL AND ${b.sql} IS NULL)`;
}

/** Whole numbers of 32 bits and less overflow in the engine's own sum. */
const addend = ({ sql, type }: TestedColumn): string => (/INT/.test(type) ? `${sql}::HUGEINT` : sql);

export const SEVERAL_CHECKS = [
  pairCheck("column_pair_values_to_be_equal", [], () => ({
    expected: (a, b) => (sameKind(a, b) ? `${a.sql} = ${b.sql}` : "FALSE"),
    good: "are equal",
    bad: "are not equal",
  })),
  pairCheck("column_pair_values_a_to_be_greater_than_b", ["or_equal"], (args) => {
    const orEqual = args.flag("or_equal", false);
    const than = orEqual ? "a column A at or above column B" : "a column A above column B";
    return {
      expected: (a, b) => ordered(a, b, orEqual ? ">=" : ">"),
      good: `have ${than}`,
      bad: `do not have ${than}`,
    };
  }),
  pairCheck("column_pair_values_to_be_in_set", ["value_pairs_set"], (args) => {
    const pairs = readPairs(args);
    return {
      expected: (a, b) => pairSql(a, b, pairs),
      good: `are one of ${show(pairs)}`,
      bad: `are none of ${show(pairs)}`,
    };
  }),
  listCheck("select_column_values_to_be_unique_within_record", [], () => ({
    expected: (table, names) => {
      const columns = names.map((name) => columnOf(table, name));
      return columns.flatMap((a, i) => columns.slice(i + 1).map((b) => distinctSql(a, b))).join(" AND ");
    },
    good: "have different values",
    bad: "have equal values",
  })),
  listCheck("multicolumn_sum_to_equal", ["sum_total"], (args) => {
    const total = args.number("sum_total");
    return {
      expected: (table, names) =>
        `${names.map((name) => addend(numericColumn(table, name))).join(" + ")} = ${literal(total)}`,
      good: `sum to ${total}`,
      bad: `do not sum to ${total}`,
    };
  }),
];
