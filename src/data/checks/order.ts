/** Checks of a value against the one before it, in the order of the file, and against the column's mean and deviation. */

import { literal } from "../sql.ts";
import { type Ask, ask, type CheckDefinition, count, type Plan, Problem } from "./check.ts";
import { columnOf, numericColumn } from "./columns.ts";
import { judgeRows, rowPlan } from "./map.ts";

const orderCheck = (direction: "increasing" | "decreasing"): CheckDefinition => ({
  type: `column_values_to_be_${direction}`,
  kwargs: ["column", "strictly", "mostly"],
  prepare: (args) => {
    const [name, strictly, mostly] = [args.text("column"), args.flag("strictly", false), args.mostly()];
    const operator = (direction === "increasing" ? ">" : "<") + (strictly ? "" : "=");
    return (table) => {
      const column = columnOf(table, name);
      if (column.kind === "string")
        throw new Problem(`column ${name} is ${column.type}, whose differences have no sign`);
      // Nulls are left out first; then the first value has none before it, and passes.
      const present = `(SELECT *, row_number() OVER () AS "row in file" FROM ${table.rows} WHERE ${column.sql} IS NOT NULL)`;
      const pairs = `(SELECT *, lag(${column.sql}) OVER (ORDER BY "row in file") AS "value before" FROM ${present})`;
      const where = `"value before" IS NOT NULL AND NOT (${column.sql} ${operator} "value before")`;
      const asks = {
        elements: ask(table.rows, "count(*)"),
        considered: ask(table.rows, `count(${column.sql})`),
        unexpected: ask(pairs, `count(*) FILTER (${where})`),
      };
      const words = { mostly, good: `are ${direction}`, bad: `are not ${direction}` };
      return {
        columns: [name],
        asks: Object.values(asks),
        judge: (answer) => ({
          ...judgeRows(words, {
            elements: count(answer(asks.elements)),
            considered: count(answer(asks.considered)),
            unexpected: count(answer(asks.unexpected)),
          }),
          unexpected: { from: pairs, where, columns: [name] },
        }),
      };
    };
  },
});

/** |x - mean| / stdev (sample) below the threshold; only the upper side when not double_sided. */
const Z_SCORES: CheckDefinition = {
  type: "column_value_z_scores_to_be_less_than",
  kwargs: ["column", "threshold", "double_sided", "mostly"],
  prepare: (args) => {
    const [name, threshold] = [args.text("column"), args.number("threshold")];
    const [doubleSided, mostly] = [args.flag("double_sided", true), args.mostly()];
    return (table): Plan => {
      const column = numericColumn(table, name);
      const value = `${column.sql}::DOUBLE`;
      const finite = `FILTER (NOT isinf(${value}))`;
      const moments = [ask(table.rows, `avg(${value}) ${finite}`), ask(table.rows, `stddev_samp(${value}) ${finite}`)];
      let rows: Plan | undefined;
      return {
        columns: [name],
        asks: moments,
        followUp: (answer): readonly Ask[] => {
          const [mean, deviation] = moments.map((moment) => Number(answer(moment) ?? Number.NaN));
          const score = `(${value} - ${literal(mean!)}) / ${literal(deviation!)}`;
          const under = doubleSided ? `abs(${score}) < ${Math.abs(threshold)}` : `${score} < ${threshold}`;
          rows = rowPlan(table, {
            columns: [name],
            considered: `${column.sql} IS NOT NULL`,
            // Of one value, or of equal ones, none is an outlier; version 1.2 on pandas called all of them that, later ones do not.
            expected: deviation! > 0 ? under : "TRUE",
            mostly,
            good: `have a z-score below ${threshold}`,
            bad: `have a z-score of ${threshold} or more`,
          });
          return rows.asks;
        },
        judge: (answer) => rows!.judge(answer),
      };
    };
  },
};

export const ORDER_CHECKS = [orderCheck("increasing"), orderCheck("decreasing"), Z_SCORES];
