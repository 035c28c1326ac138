/** Pieces of SQL for searches: one comparison, and "the rows after this one" for pages by key instead of by offset. */

import type { Dialect, SqlValue } from "../db.ts";
import { inList } from "../lists.ts";
import type { Clause } from "./grammar.ts";

export interface Piece {
  sql: string;
  params: SqlValue[];
}

/** `expression` compared as the clause says; NULL never matches, but in IS NULL. Patterns (RLIKE) are not SQL's to test. */
export function compare(
  dialect: Dialect,
  expression: string,
  { comparator, value }: Pick<Clause, "comparator" | "value">,
): Piece {
  switch (comparator) {
    case "IS NULL":
    case "IS NOT NULL":
      return { sql: `${expression} ${comparator}`, params: [] };
    case "IN":
    case "NOT IN": {
      const list = inList(value as readonly string[]);
      return { sql: `${expression} ${comparator} ${list.sql}`, params: list.params };
    }
    case "LIKE":
      return { sql: dialect.like(expression), params: [value as string] };
    case "ILIKE":
      return { sql: dialect.ilike(expression), params: [value as string] };
    case "RLIKE":
      throw new Error("a pattern cannot be tested in SQL");
    default:
      return { sql: `${expression} ${comparator === "!=" ? "<>" : comparator} ?`, params: [value as string | number] };
  }
}

export const allOf = (pieces: readonly Piece[]): Piece => ({
  sql: pieces.length === 0 ? "1 = 1" : pieces.map((piece) => piece.sql).join(" AND "),
  params: pieces.flatMap((piece) => piece.params),
});

/** One term of a total order; the expression is never NULL. */
export interface SortTerm {
  expression: string;
  descending: boolean;
}

export const orderSql = (terms: readonly SortTerm[]): string =>
  terms.map((term) => `${term.expression}${term.descending ? " DESC" : ""}`).join(", ");

/**
 * Rows that come after the one with these values: (a > ?) or (a = ? and b > ?) or …, preceded by a >= ? so that an index on
 * the first term is used to jump there.
 */
export function afterSql(terms: readonly SortTerm[], values: readonly (string | number)[]): Piece {
  const sign = (term: SortTerm) => (term.descending ? "<" : ">");
  const alternatives = terms.map((term, i) => {
    const equal = terms.slice(0, i).map((before) => `${before.expression} = ?`);
    return `(${[...equal, `${term.expression} ${sign(term)} ?`].join(" AND ")})`;
  });
  const params = terms.flatMap((_, i) => [...values.slice(0, i), values[i]!]);
  const first = terms[0]!;
  return {
    sql: `${first.expression} ${sign(first)}= ? AND (${alternatives.join(" OR ")})`,
    params: [values[0]!, ...params],
  };
}
