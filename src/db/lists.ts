/** Lists of values as SQL: `IN (?, ?, …)` in a few lengths, so that prepared statements are found again. */

import type { Sql, SqlValue } from "./db.ts";

/** Longest list in one statement; SQLite allows 32,766 parameters. */
const CHUNK = 1000;

const padded = (count: number): number => (count <= 1 ? 1 : count <= 10 ? 10 : count <= 100 ? 100 : CHUNK);

/** `(?, ?, ?)` and its parameters, padded with the last value, which changes nothing in an IN. At least one value. */
export function inList(values: readonly SqlValue[]): { sql: string; params: SqlValue[] } {
  const length = values.length > CHUNK ? values.length : padded(values.length);
  const params = [...values];
  while (params.length < length) params.push(values.at(-1)!);
  return { sql: `(${Array(length).fill("?").join(", ")})`, params };
}

/** All rows of `SELECT … WHERE x IN …` over any number of values; `select` gets the list's SQL. */
export async function allIn<T>(
  sql: Sql,
  values: readonly SqlValue[],
  select: (list: string) => string,
  before: readonly SqlValue[] = [],
): Promise<T[]> {
  const rows: T[] = [];
  for (let from = 0; from < values.length; from += CHUNK) {
    const list = inList(values.slice(from, from + CHUNK));
    for (const row of await sql.all<T>(select(list.sql), [...before, ...list.params])) rows.push(row);
  }
  return rows;
}

/** Rows grouped by a number that each carries. */
export function groupBy<T>(rows: readonly T[], key: (row: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}
