/** Checks of one value at a time: ranges, sets, lengths. Nulls are left out. */

import { type Args, RANGE_KWARGS, show, showRange } from "./args.ts";
import type { CheckDefinition, Table } from "./check.ts";
import { columnOf, inSetSql, type TestedColumn, withinSql } from "./columns.ts";
import { rowPlan } from "./map.ts";

interface ValueRule {
  /** SQL condition on the column's value, which is not null. */
  expected: (column: TestedColumn) => string;
  good: string;
  bad: string;
}

/** A check of the values of one column by a condition in SQL. */
export const valueCheck = (
  type: string,
  kwargs: readonly string[],
  read: (args: Args) => ValueRule,
): CheckDefinition => ({
  type,
  kwargs: ["column", "mostly", ...kwargs],
  prepare: (args) => {
    const [name, mostly, rule] = [args.text("column"), args.mostly(), read(args)];
    return (table: Table) => {
      const column = columnOf(table, name);
      return rowPlan(table, {
        columns: [name],
        considered: `${column.sql} IS NOT NULL`,
        expected: rule.expected(column),
        mostly,
        good: rule.good,
        bad: rule.bad,
      });
    };
  },
});

/** The characters of a value as text: code points, as Python counts them. */
const lengthOf = (column: TestedColumn): TestedColumn => ({
  ...column,
  kind: "number",
  sql: `length(${column.sql}::VARCHAR)`,
});

export const VALUE_CHECKS = [
  valueCheck("column_values_to_be_between", RANGE_KWARGS, (args) => {
    const range = args.closedRange();
    return {
      expected: (column) => withinSql(column, column.sql, range),
      good: `are ${showRange(range)}`,
      bad: `are not ${showRange(range)}`,
    };
  }),
  valueCheck("column_values_to_be_in_set", ["value_set"], (args) => {
    // Great Expectations takes no set for any set.
    const values = args.has("value_set") ? args.list("value_set") : undefined;
    return {
      expected: (column) => (values === undefined ? "TRUE" : inSetSql(column, column.sql, values)),
      good: `are one of ${show(values)}`,
      bad: `are none of ${show(values)}`,
    };
  }),
  valueCheck("column_values_to_not_be_in_set", ["value_set"], (args) => {
    const values = args.has("value_set") ? args.list("value_set") : undefined;
    return {
      expected: (column) => (values === undefined ? "TRUE" : `NOT (${inSetSql(column, column.sql, values)})`),
      good: `are none of ${show(values)}`,
      bad: `are one of ${show(values)}`,
    };
  }),
  valueCheck("column_value_lengths_to_be_between", RANGE_KWARGS, (args) => {
    const range = args.closedRange();
    for (const bound of [range.min, range.max])
      if (bound !== undefined && !Number.isInteger(bound))
        args.refuse(`a length is a whole number, not ${show(bound)}`);
    return {
      expected: (column) => withinSql(lengthOf(column), lengthOf(column).sql, range),
      good: `have a length ${showRange(range)}`,
      bad: `have a length that is not ${showRange(range)}`,
    };
  }),
  valueCheck("column_value_lengths_to_equal", ["value"], (args) => {
    const length = args.number("value");
    return {
      expected: (column) => `${lengthOf(column).sql} = ${length}`,
      good: `have length ${length}`,
      bad: `do not have length ${length}`,
    };
  }),
];
