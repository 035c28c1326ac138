/** Search over one table with a table of tags beside it: experiments, models, versions. Small tables: plain SQL, keyset pages. */

import type { Db, SqlValue } from "../db.ts";
import type { Position } from "../token.ts";
import type { Clause, Order } from "./grammar.ts";
import { afterSql, allOf, compare, orderSql, type Piece, type SortTerm } from "./sql.ts";

export interface SearchedTable {
  table: string;
  /** Columns of a row. */
  columns: string;
  /** Attribute → column; none of them is ever NULL when it may be ordered by. */
  column: Readonly<Record<string, string>>;
  /** Attribute → what is compared, where it is not the column. */
  compared?: Readonly<Record<string, string>>;
  /** The table of tags, and what joins it: "t.name = models.name". */
  tags: { table: string; join: string };
  /** Makes the order total; keys that the query orders by already are left out. */
  last: readonly Order[];
}

export interface TableQuery {
  clauses: readonly Clause[];
  order: readonly Order[];
  /** More conditions. */
  where?: readonly Piece[];
  limit: number;
  after?: Position | undefined;
}

/** A clause as a test of one row. */
export function tableTest(db: Db, spec: SearchedTable, clause: Clause): Piece {
  if (clause.entity === "attribute") {
    const compared = spec.compared?.[clause.key] ?? `${spec.table}.${spec.column[clause.key]}`;
    return compare(db.dialect, compared, clause);
  }
  const isNull = clause.comparator === "IS NULL" || clause.comparator === "IS NOT NULL";
  const value = isNull ? { sql: "1 = 1", params: [] } : compare(db.dialect, "t.value", clause);
  const negated = clause.comparator === "IS NULL" ? "NOT " : "";
  return {
    sql: `${negated}EXISTS (SELECT 1 FROM ${spec.tags.table} AS t WHERE ${spec.tags.join} AND t.key = ? AND ${value.sql})`,
    params: [clause.key, ...value.params],
  };
}

/** The whole order: what is asked for, then what makes it total. */
function termsOf(spec: SearchedTable, order: readonly Order[]): SortTerm[] {
  const all = [...order, ...spec.last.filter((last) => !order.some((o) => o.key === last.key))];
  return all.map(({ key, descending }) => ({ expression: `${spec.table}.${spec.column[key]}`, descending }));
}

/** Rows in order, each with its position; at most `limit`. */
export async function searchTable<T>(
  db: Db,
  spec: SearchedTable,
  query: TableQuery,
): Promise<{ row: T; position: Position }[]> {
  const terms = termsOf(spec, query.order);
  const where = allOf([
    ...(query.where ?? []),
    ...query.clauses.map((clause) => tableTest(db, spec, clause)),
    ...(query.after ? [afterSql(terms, query.after)] : []),
  ]);
  const keys = terms.map((term, i) => `${term.expression} AS k${i}`).join(", ");
  const params: SqlValue[] = [...where.params, query.limit];
  const rows = await db.all<Record<string, unknown>>(
    `SELECT ${spec.columns}, ${keys} FROM ${spec.table} WHERE ${where.sql} ORDER BY ${orderSql(terms)} LIMIT ?`,
    params,
  );
  return rows.map((row) => ({ row: row as T, position: terms.map((_, i) => row[`k${i}`] as string | number) }));
}
