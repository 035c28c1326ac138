/**
 * Columns of text without a single value: a CSV file says no more of them. Great Expectations takes rows that hold nothing as they
 * should be, whatever is expected of their values, so such a column may stand for numbers and for times too.
 */

import { type Duck, type DuckColumn, ident } from "../duckdb.ts";

/** The names of the columns of text without a value; undefined when every column of text has a value. One scan. */
export async function valuelessColumns(
  duck: Duck,
  rows: string,
  columns: readonly DuckColumn[],
): Promise<ReadonlySet<string> | undefined> {
  const texts = columns.filter(({ type }) => type === "VARCHAR").map(({ name }) => name);
  if (texts.length === 0) return undefined;
  const counts = texts.map((name, i) => `count(${ident(name)}) AS c${i}`).join(", ");
  const [found] = await duck.rows<Record<string, number>>(`SELECT ${counts} FROM ${rows}`);
  const valueless = texts.filter((_, i) => Number(found?.[`c${i}`]) === 0);
  return valueless.length === 0 ? undefined : new Set(valueless);
}

export const OTHER_TYPES = ["DOUBLE", "TIMESTAMP"] as const;

/** The columns, those without a value with another type. */
export const retyped = (columns: readonly DuckColumn[], names: ReadonlySet<string>, type: string): DuckColumn[] =>
  columns.map((column) => (names.has(column.name) ? { ...column, type } : column));

/** A SELECT of the same rows with those types. */
export const retypedSql = (rows: string, names: ReadonlySet<string>, type: string): string =>
  `SELECT * REPLACE (${[...names].map((name) => `NULL::${type} AS ${ident(name)}`).join(", ")}) FROM ${rows}`;
