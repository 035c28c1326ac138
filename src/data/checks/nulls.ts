/** column_values_to_not_be_null, column_values_to_be_null: nulls are what is looked at, so every row counts. */

import type { CheckDefinition } from "./check.ts";
import { columnOf } from "./columns.ts";
import { rowPlan } from "./map.ts";

const nullCheck = (type: string, condition: string, good: string, bad: string): CheckDefinition => ({
  type,
  kwargs: ["column", "mostly"],
  prepare: (args) => {
    const [name, mostly] = [args.text("column"), args.mostly()];
    return (table) =>
      rowPlan(table, {
        columns: [name],
        considered: "TRUE",
        expected: `${columnOf(table, name).sql} ${condition}`,
        mostly,
        good,
        bad,
        missing: false,
      });
  },
});

export const NULL_CHECKS = [
  nullCheck("column_values_to_not_be_null", "IS NOT NULL", "are there", "are null"),
  nullCheck("column_values_to_be_null", "IS NULL", "are null", "are not null"),
];
