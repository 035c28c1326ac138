/** Checks of repeated values. Every copy of a value that occurs more than once is unexpected, the first one too. */

import { ident } from "../sql.ts";
import { valueCounts } from "./aggregate.ts";
import { ask, type CheckDefinition, count, type Plan, type Table } from "./check.ts";
import { columnOf } from "./columns.ts";
import { judgeRows, type RowCheck } from "./map.ts";
import { COLUMN_LIST_KWARGS, consideredList, IGNORE_LIST } from "./missing.ts";

interface Repeated {
  columns: readonly string[];
  /** SQL condition: the row counts. */
  considered: string;
  /** Groups of equal rows, with how many there are in `n`. */
  groups: string;
  /** SQL condition on a row: its group has more than one. */
  isRepeated: string;
  words: Pick<RowCheck, "mostly" | "good" | "bad" | "noun">;
}

function repeatedPlan(table: Table, { columns, considered, groups, isRepeated, words }: Repeated): Plan {
  const asks = {
    elements: ask(table.rows, "count(*)"),
    considered: ask(table.rows, `count(*) FILTER (${considered})`),
    unexpected: ask(groups, "coalesce(sum(n) FILTER (n > 1), 0)"),
  };
  return {
    columns,
    asks: Object.values(asks),
    judge: (answer) => ({
      ...judgeRows(words, {
        elements: count(answer(asks.elements)),
        considered: count(answer(asks.considered)),
        unexpected: count(answer(asks.unexpected)),
      }),
      unexpected: { from: `${table.rows} AS tested`, where: `(${considered}) AND ${isRepeated}`, columns },
    }),
  };
}

export const UNIQUE_CHECKS: CheckDefinition[] = [
  {
    type: "column_values_to_be_unique",
    kwargs: ["column", "mostly"],
    prepare: (args) => {
      const [name, mostly] = [args.text("column"), args.mostly()];
      return (table) => {
        const column = columnOf(table, name);
        const groups = valueCounts(table, column);
        return repeatedPlan(table, {
          columns: [name],
          considered: `${column.sql} IS NOT NULL`,
          groups,
          isRepeated: `${column.sql} IN (SELECT value FROM ${groups} WHERE n > 1)`,
          words: { mostly, good: "occur once", bad: "occur more than once" },
        });
      };
    },
  },
  {
    type: "compound_columns_to_be_unique",
    kwargs: COLUMN_LIST_KWARGS,
    prepare: (args) => {
      const [names, mostly] = [args.texts("column_list"), args.mostly()];
      const ignore = args.oneOf("ignore_row_if", IGNORE_LIST, "all_values_are_missing");
      if (names.length < 2) args.refuse("column_list has fewer than two columns");
      return (table) => {
        const considered = consideredList(table, names, ignore);
        const keys = names.map((name, i) => `${columnOf(table, name).sql} AS k${i}`).join(", ");
        const groups = `(SELECT ${keys}, count(*) AS n FROM ${table.rows} WHERE ${considered} GROUP BY ALL)`;
        const same = names.map((name, i) => `repeated.k${i} IS NOT DISTINCT FROM tested.${ident(name)}`).join(" AND ");
        return repeatedPlan(table, {
          columns: names,
          considered,
          groups,
          isRepeated: `EXISTS (SELECT 1 FROM ${groups} AS repeated WHERE n > 1 AND ${same})`,
          words: { mostly, good: "occur once", bad: "occur more than once", noun: "combinations" },
        });
      };
    },
  },
];
