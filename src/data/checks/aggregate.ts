/**
 * Checks that one figure of a column lies in a range. Nulls are left out. A column without values has no figure, and fails; its
 * counts and proportions are 0.
 */

import type { ColumnType } from "../../base/columns.ts";
import { compareCodePoints } from "../../store/manifest.ts";
import { RANGE_KWARGS, type Range, showRange } from "./args.ts";
import { ask, type CheckDefinition, Problem, type Table } from "./check.ts";
import { columnOf, parseTimeMs, type TestedColumn } from "./columns.ts";

interface Figure {
  type: string;
  /** "the mean". */
  noun: string;
  /** Kinds of columns that have the figure; booleans count as 0 and 1. */
  of: readonly ColumnType[];
  /** The figure is one of the column's values (or between two), not a plain number. */
  isValue: boolean;
  /** The aggregate over `rows`, or over the counts of each value. */
  over: "rows" | "counts";
  select: (column: string) => string;
}

const ANY: readonly ColumnType[] = ["number", "string", "boolean", "timestamp"];
const NUMBERS: readonly ColumnType[] = ["number", "boolean"];
const TIMES_TOO: readonly ColumnType[] = ["number", "boolean", "timestamp"];

/** DuckDB refuses a whole scan when a deviation overflows, which infinities make it do. */
const stdev = (column: string): string =>
  `CASE WHEN coalesce(bool_or(isinf(${column}::DOUBLE)), FALSE) THEN NULL ELSE stddev_samp(${column}::DOUBLE) FILTER (NOT isinf(${column}::DOUBLE)) END`;

const FIGURES: readonly Figure[] = [
  { type: "min", noun: "the smallest value", of: ANY, isValue: true, over: "rows", select: (c) => `min(${c})` },
  { type: "max", noun: "the largest value", of: ANY, isValue: true, over: "rows", select: (c) => `max(${c})` },
  { type: "mean", noun: "the mean", of: TIMES_TOO, isValue: true, over: "rows", select: (c) => `avg(${c})` },
  { type: "median", noun: "the median", of: TIMES_TOO, isValue: true, over: "rows", select: (c) => `median(${c})` },
  { type: "sum", noun: "the sum", of: NUMBERS, isValue: false, over: "rows", select: (c) => `coalesce(sum(${c}), 0)` },
  { type: "stdev", noun: "the standard deviation", of: NUMBERS, isValue: false, over: "rows", select: stdev },
  {
    type: "unique_value_count",
    noun: "the number of different values",
    of: ANY,
    isValue: false,
    over: "counts",
    select: () => "count(*)",
  },
  {
    type: "proportion_of_unique_values",
    noun: "the proportion of different values",
    of: ANY,
    isValue: false,
    over: "counts",
    select: () => "coalesce(count(*) / nullif(sum(n), 0), 0)",
  },
  {
    type: "proportion_of_non_null_values",
    noun: "the proportion of values that are there",
    of: ANY,
    isValue: false,
    over: "rows",
    select: (c) => `coalesce(count(${c}) / nullif(count(*), 0), 0)`,
  },
];

/** Different values of a column with how often each occurs: one group-by, shared by all checks that ask for it. */
export const valueCounts = (table: Table, column: TestedColumn): string =>
  `(SELECT ${column.sql} AS value, count(*) AS n FROM ${table.rows} WHERE ${column.sql} IS NOT NULL GROUP BY 1)`;

/** True when a figure lies in the range. Times are ms since the epoch; text is ordered by code point. */
export function within(figure: number | string, range: Range, isTime: boolean): boolean {
  const compare = (bound: number | string | boolean): number => {
    const other = isTime && typeof bound === "string" ? parseTimeMs(bound) : bound;
    if (typeof figure === "string" && typeof other === "string") return compareCodePoints(figure, other);
    if (typeof figure === "number" && typeof other === "number") return figure - other;
    throw new Problem(`the figure is ${figure}, which cannot be compared with ${bound}`);
  };
  const { min, max, strictMin, strictMax } = range;
  if (min !== undefined && (strictMin ? compare(min) <= 0 : compare(min) < 0)) return false;
  return max === undefined || (strictMax ? compare(max) < 0 : compare(max) <= 0);
}

function columnFor(figure: Figure, table: Table, name: string): TestedColumn {
  const column = columnOf(table, name);
  if (figure.of.includes(column.kind)) return column;
  throw new Problem(`column ${name} is ${column.type}, which has no ${figure.noun.replace("the ", "")}`);
}

/** An answer as the figure that it is: digits of large integers and booleans become numbers. */
function figureOf(raw: unknown, isText: boolean): number | string | null {
  if (raw === null || raw === undefined) return null;
  if (isText) return String(raw);
  return Number.isNaN(Number(raw)) ? null : Number(raw);
}

const figureCheck = (figure: Figure): CheckDefinition => ({
  type: `column_${figure.type}_to_be_between`,
  kwargs: ["column", ...RANGE_KWARGS],
  prepare: (args) => {
    const [name, range] = [args.text("column"), args.range()];
    return (table) => {
      const column = columnFor(figure, table, name);
      const expression = column.kind === "boolean" && figure.of !== ANY ? `${column.sql}::INTEGER` : column.sql;
      const observe = ask(figure.over === "rows" ? table.rows : valueCounts(table, column), figure.select(expression));
      const isTime = figure.isValue && column.kind === "timestamp";
      return {
        columns: [name],
        asks: [observe],
        judge: (answer) => {
          const value = figureOf(answer(observe), figure.isValue && column.kind === "string");
          if (value === null) return { success: false, observed: null, says: "there are no values" };
          const success = within(value, range, isTime);
          const observed = isTime ? new Date(value).toISOString() : value;
          return {
            success,
            observed,
            says: `${figure.noun} is ${observed}, ${success ? "" : "not "}${showRange(range)}`,
          };
        },
      };
    };
  },
});

export const AGGREGATE_CHECKS = FIGURES.map(figureCheck);
