/** Columns of the table under test, and values of an expectation as SQL that can be compared with them. */

import type { ColumnType } from "../../base/columns.ts";
import { nearest } from "../../spec/nearest.ts";
import { columnTypeOf, type DuckColumn, ident, literal } from "../sql.ts";
import type { Bound, Range } from "./args.ts";
import { Problem, type Table } from "./check.ts";

export interface TestedColumn extends DuckColumn {
  kind: ColumnType;
  /** Quoted. */
  sql: string;
}

/** Finds a column, or throws the Problem that names the nearest. */
export function columnOf(table: Table, name: string): TestedColumn {
  const column = table.columns.find((c) => c.name === name);
  if (column) return { ...column, kind: columnTypeOf(column.type), sql: ident(name) };
  const names = table.columns.map((c) => c.name);
  const near = nearest(name, names);
  throw new Problem(`there is no column ${name}${near === undefined ? "" : ` (nearest: ${near})`}`);
}

/** A column of numbers, or a Problem. */
export function numericColumn(table: Table, name: string): TestedColumn {
  const column = columnOf(table, name);
  if (column.kind !== "number") throw new Problem(`column ${name} is ${column.type}, not a number`);
  return column;
}

const TIME = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?(Z|[+-]\d\d:?\d\d))?)?$/;

/** ISO 8601 text, UTC unless it says otherwise, as ms since the epoch; undefined when it is no time. */
export function parseTimeMs(text: string): number | undefined {
  if (!TIME.test(text)) return undefined;
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text.slice(10)) || text.length === 10 ? text : `${text}Z`;
  const timeMs = Date.parse(zoned.replace(" ", "T").replace(" ", ""));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** A value as SQL of the column's kind; undefined when no value of the column can equal it. */
export function comparable(column: TestedColumn, value: unknown): string | undefined {
  switch (column.kind) {
    case "number":
      if (typeof value === "boolean") return value ? "1" : "0";
      return typeof value === "number" ? literal(value) : undefined;
    case "boolean":
      if (value === 0 || value === 1) return literal(value === 1);
      return typeof value === "boolean" ? literal(value) : undefined;
    case "timestamp":
      // Read as UTC, which is the session's zone, so that naive columns compare as they are.
      if (typeof value !== "string" || parseTimeMs(value) === undefined) return undefined;
      return `${literal(value)}::TIMESTAMPTZ${column.type.includes("TIME ZONE") ? "" : "::TIMESTAMP"}`;
    case "string":
      return typeof value === "string" ? literal(value) : undefined;
  }
}

/** A value that the column's are to equal, as it is. A whole number that large was rounded when it was read, so it would find others. */
export function exact(column: TestedColumn, value: unknown): unknown {
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  if (column.kind === "number" && isRounded && column.type !== "DOUBLE" && column.type !== "FLOAT")
    throw new Problem(
      `column ${column.name} is ${column.type}, and ${value} is beyond 2^53, where no whole number is read exactly: use column_values_to_match_regex`,
    );
  return value;
}

/** The condition that an SQL expression of the column's kind lies in a range. */
export function withinSql(column: TestedColumn, expression: string, range: Range): string {
  const side = (name: string, bound: Bound | undefined, operator: string): string | undefined => {
    if (bound === undefined) return undefined;
    const value = comparable(column, inPrecision(column, bound));
    if (value === undefined)
      throw new Problem(`column ${column.name} is ${column.type} and cannot be compared with ${name} ${bound}`);
    return `${expression} ${operator} ${value}`;
  };
  const sides = [
    side("min_value", range.min, range.strictMin ? ">" : ">="),
    side("max_value", range.max, range.strictMax ? "<" : "<="),
  ];
  return sides.filter((text) => text !== undefined).join(" AND ") || "TRUE";
}

/** pandas compares a column of 32 bits in 32 bits: 0.1 is within 0.1, though as doubles they are not equal. */
const inPrecision = (column: TestedColumn, bound: Bound): Bound =>
  column.type === "FLOAT" && typeof bound === "number" && Number.isFinite(Math.fround(bound))
    ? Math.fround(bound)
    : bound;

/** The condition that an expression equals one of the values. */
export function inSetSql(column: TestedColumn, expression: string, values: readonly unknown[]): string {
  const known = [
    ...new Set(values.map((value) => comparable(column, exact(column, value))).filter((value) => value !== undefined)),
  ];
  return known.length === 0 ? "FALSE" : `${expression} IN (${known.join(", ")})`;
}
