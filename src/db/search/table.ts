/** Search over one table with tables of tags beside it: experiments, models, versions, traces. Small tables: plain SQL, keyset pages. */

import type { Db, SqlValue } from "../db.ts";
import type { Position } from "../token.ts";
import type { Clause, Order } from "./grammar.ts";
import { afterSql, allOf, compare, orderSql, type Piece, type SortTerm } from "./sql.ts";

/** A table of key and value beside the searched one. */
interface PairTable {
  table: string;
  /** "t.name = registered_models.name" */
  join: string;
}

export interface SearchedTable {
  table: string;
  /** Columns of a row. */
  columns: string;
  /** Attribute → expression to order by, never NULL, and to compare with. */
  column: Readonly<Record<string, string>>;
  /** Attribute → what is compared instead. */
  compared?: Readonly<Record<string, string>>;
  /** Attribute → a value of rows in another table, one of which must meet the clause. */
  among?: Readonly<Record<string, PairTable & { value: string }>>;
  /** Entity (tag, metadata) → its table. */
  pairs: Readonly<Record<string, PairTable>>;
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

/** Whether another table has a row whose `value` meets the clause, or any row, or none. */
function rowTest(db: Db, { table, join }: PairTable, value: string, where: readonly Piece[], clause: Clause): Piece {
  const isNull = clause.comparator === "IS NULL" || clause.comparator === "IS NOT NULL";
  const met = allOf([{ sql: join, params: [] }, ...where, ...(isNull ? [] : [compare(db.dialect, value, clause)])]);
  const negated = clause.comparator === "IS NULL" ? "NOT " : "";
  return { sql: `${negated}EXISTS (SELECT 1 FROM ${table} AS t WHERE ${met.sql})`, params: met.params };
}

/** A clause as a test of one row. */
export function tableTest(db: Db, spec: SearchedTable, clause: Clause): Piece {
  const among = clause.entity === "attribute" ? spec.among?.[clause.key] : undefined;
  if (among) return rowTest(db, among, `t.${among.value}`, [], clause);
  if (clause.entity === "attribute")
    return compare(db.dialect, spec.compared?.[clause.key] ?? spec.column[clause.key]!, clause);
  return rowTest(db, spec.pairs[clause.entity]!, "t.value", [{ sql: "t.key = ?", params: [clause.key] }], clause);
}

/** The whole order: what is asked for, then what makes it total. */
function termsOf(spec: SearchedTable, order: readonly Order[]): SortTerm[] {
  const all = [...order, ...spec.last.filter((last) => !order.some((o) => o.key === last.key))];
  return all.map(({ key, descending }) => ({ expression: spec.column[key]!, descending }));
}

export interface Found<T> {
  row: T;
  position: Position;
}

/** Rows in order, each with its position; at most `limit`. */
export async function searchTable<T>(db: Db, spec: SearchedTable, query: TableQuery): Promise<Found<T>[]> {
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
