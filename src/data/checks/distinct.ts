/** Checks of the set of values that a column holds, and of its most frequent value. Nulls are left out. */

import { valueCounts } from "./aggregate.ts";
import { type Args, show } from "./args.ts";
import { type Answer, ask, type CheckDefinition, count, type Judgement, type Table } from "./check.ts";
import { columnOf, comparable, inSetSql, type TestedColumn } from "./columns.ts";

/** Values shown of a column; a column of ids has millions. */
const SHOWN_MAX = 1000;

interface SetFacts {
  observed: unknown[];
  /** Different values of the column, and how many of them are in the set. */
  distinct: number;
  inSet: number;
  /** Members of the set that a value of this column could equal, and members that none could. */
  possible: number;
  impossible: number;
}

const setCheck = (
  type: string,
  judge: (facts: SetFacts, setSize: number) => { success: boolean; says: string },
): CheckDefinition => ({
  type: `column_distinct_values_to_${type}`,
  kwargs: ["column", "value_set"],
  prepare: (args) => {
    const [name, values] = [args.text("column"), readSet(args)];
    return (table) => {
      const column = columnOf(table, name);
      const counts = valueCounts(table, column);
      const known = new Set(values.map((value) => comparable(column, value)).filter((value) => value !== undefined));
      const asks = {
        observed: ask(counts, `list(value ORDER BY value)[:${SHOWN_MAX}]`),
        distinct: ask(counts, "count(*)"),
        inSet: ask(counts, `count(*) FILTER (${inSetSql(column, "value", values)})`),
      };
      return {
        columns: [name],
        asks: Object.values(asks),
        judge: (answer) => {
          const facts = {
            observed: shownValues(column, answer(asks.observed)),
            distinct: count(answer(asks.distinct)),
            inSet: count(answer(asks.inSet)),
            possible: known.size,
            impossible: values.filter((value) => comparable(column, value) === undefined).length,
          };
          return { ...judge(facts, values.length), observed: facts.observed };
        },
      };
    };
  },
});

const readSet = (args: Args): unknown[] => (args.has("value_set") ? args.list("value_set") : []);

function shownValues(column: TestedColumn, raw: unknown): unknown[] {
  const values = (raw ?? []) as unknown[];
  return column.kind === "timestamp" ? values.map((ms) => new Date(ms as number).toISOString()) : values;
}

const MOST_COMMON: CheckDefinition = {
  type: "column_most_common_value_to_be_in_set",
  kwargs: ["column", "value_set", "ties_okay"],
  prepare: (args) => {
    const [name, values, tiesOkay] = [args.text("column"), readSet(args), args.flag("ties_okay", false)];
    return (table: Table) => {
      const column = columnOf(table, name);
      const counts = valueCounts(table, column);
      const top = `(SELECT value FROM ${counts} QUALIFY rank() OVER (ORDER BY n DESC) = 1)`;
      const asks = {
        observed: ask(top, `list(value ORDER BY value)[:${SHOWN_MAX}]`),
        ties: ask(top, "count(*)"),
        inSet: ask(top, `count(*) FILTER (${inSetSql(column, "value", values)})`),
      };
      return {
        columns: [name],
        asks: Object.values(asks),
        judge: (answer: Answer): Judgement => {
          const [ties, inSet] = [count(answer(asks.ties)), count(answer(asks.inSet))];
          const success = tiesOkay ? inSet > 0 : ties === 1 && inSet === 1;
          const observed = shownValues(column, answer(asks.observed));
          const says = `the most frequent value is ${show(observed)}, ${success ? "" : "not "}in ${show(values)}`;
          return { success, observed, says };
        },
      };
    };
  },
};

export const DISTINCT_CHECKS = [
  setCheck("be_in_set", ({ distinct, inSet }, setSize) => {
    // An empty set allows everything, as in Great Expectations.
    const success = setSize === 0 || inSet === distinct;
    return { success, says: `${distinct - inSet} of ${distinct} different values are not in the set` };
  }),
  setCheck("contain_set", ({ inSet, possible, impossible }) => {
    const missing = possible - inSet + impossible;
    return { success: missing === 0, says: `${missing} of ${possible + impossible} values of the set do not occur` };
  }),
  setCheck("equal_set", ({ distinct, inSet, possible, impossible }) => {
    const missing = possible - inSet + impossible;
    const says = `${distinct - inSet} different values are not in the set, and ${missing} of the set do not occur`;
    return { success: missing === 0 && inSet === distinct, says };
  }),
  MOST_COMMON,
];
