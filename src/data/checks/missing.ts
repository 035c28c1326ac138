/** Which rows count when several columns are looked at together: Great Expectations' `ignore_row_if`. */

import type { Table } from "./check.ts";
import { columnOf } from "./columns.ts";

export const IGNORE_PAIR = ["both_values_are_missing", "either_value_is_missing", "neither"] as const;
export const IGNORE_LIST = ["all_values_are_missing", "any_value_is_missing", "never"] as const;

export const PAIR_KWARGS = ["column_A", "column_B", "ignore_row_if", "mostly"] as const;
export const COLUMN_LIST_KWARGS = ["column_list", "ignore_row_if", "mostly"] as const;

/** SQL condition: the row counts. */
export function consideredPair(table: Table, names: readonly [string, string], ignore: (typeof IGNORE_PAIR)[number]) {
  const present = names.map((name) => `${columnOf(table, name).sql} IS NOT NULL`);
  if (ignore === "neither") return "TRUE";
  return present.join(ignore === "both_values_are_missing" ? " OR " : " AND ");
}

export function consideredList(table: Table, names: readonly string[], ignore: (typeof IGNORE_LIST)[number]): string {
  const present = names.map((name) => `${columnOf(table, name).sql} IS NOT NULL`);
  if (ignore === "never") return "TRUE";
  return present.join(ignore === "all_values_are_missing" ? " OR " : " AND ");
}
