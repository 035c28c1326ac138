/** Checks of the table as a whole: its columns, and how many rows it has. */

import { within } from "./aggregate.ts";
import { RANGE_KWARGS, show, showRange } from "./args.ts";
import { type Ask, ask, type CheckDefinition, count, type Judgement, type Plan, Problem, type Table } from "./check.ts";
import { number } from "./map.ts";

const known = (columns: readonly string[], judgement: Judgement): Plan => ({
  columns,
  asks: [],
  judge: () => judgement,
});

const counted = (
  observe: Ask,
  noun: string,
  judge: (observed: number) => { success: boolean; says: string },
): Plan => ({
  columns: [],
  asks: [observe],
  judge: (answer) => {
    const observed = count(answer(observe));
    const { success, says } = judge(observed);
    return { success, observed, says: `there are ${number(observed)} ${noun}, ${says}` };
  },
});

const countChecks = (noun: "row" | "column", observe: (table: Table) => Ask): CheckDefinition[] => [
  {
    type: `table_${noun}_count_to_be_between`,
    kwargs: RANGE_KWARGS,
    prepare: (args) => {
      const range = args.range();
      return (table) =>
        counted(observe(table), `${noun}s`, (observed) => {
          const success = within(observed, range, false);
          return { success, says: `${success ? "" : "not "}${showRange(range)}` };
        });
    },
  },
  {
    type: `table_${noun}_count_to_equal`,
    kwargs: ["value"],
    prepare: (args) => {
      const value = args.number("value");
      return (table) =>
        counted(observe(table), `${noun}s`, (observed) => ({
          success: observed === value,
          says: `${observed === value ? "" : "not "}${number(value)}`,
        }));
    },
  },
];

const namesOf = (table: Table): string[] => table.columns.map((column) => column.name);

const COLUMN_EXISTS: CheckDefinition = {
  type: "column_to_exist",
  kwargs: ["column", "column_index"],
  prepare: (args) => {
    const name = args.text("column");
    const index = args.has("column_index") ? args.number("column_index") : 0;
    return (table) => {
      const names = namesOf(table);
      // Index 0 is as good as none: Great Expectations tests it for truth.
      const success = index ? names.at(index) === name : names.includes(name);
      const where = index ? ` at position ${index}` : "";
      return known([name], { success, says: success ? `it exists${where}` : `it does not exist${where}` });
    };
  },
};

const COLUMN_SET: CheckDefinition = {
  type: "table_columns_to_match_set",
  kwargs: ["column_set", "exact_match"],
  prepare: (args) => {
    const [expected, exact] = [args.texts("column_set"), args.flag("exact_match", true)];
    return (table) => {
      const names = namesOf(table);
      const missing = expected.filter((name) => !names.includes(name)).sort();
      const unexpected = names.filter((name) => !expected.includes(name)).sort();
      const mismatched = { ...(unexpected.length ? { unexpected } : {}), ...(missing.length ? { missing } : {}) };
      const equal = missing.length === 0 && unexpected.length === 0;
      const faults = [
        ...(missing.length ? [`${show(missing)} missing`] : []),
        ...(unexpected.length && exact ? [`${show(unexpected)} not expected`] : []),
      ];
      return known([], {
        success: missing.length === 0 && (equal || !exact),
        observed: equal ? names : [...names].sort(),
        ...(equal ? {} : { details: { mismatched } }),
        says: faults.length ? `columns ${faults.join(", ")}` : "the columns are as expected",
      });
    };
  },
};

const COLUMN_ORDER: CheckDefinition = {
  type: "table_columns_to_match_ordered_list",
  kwargs: ["column_list"],
  prepare: (args) => {
    const expected = args.texts("column_list");
    return (table) => {
      const names = namesOf(table);
      const positions = Array.from({ length: Math.max(names.length, expected.length) }, (_, i) => i);
      const mismatched = positions
        .filter((i) => names[i] !== expected[i])
        .map((i) => ({ "Expected Column Position": i, Expected: expected[i] ?? null, Found: names[i] ?? null }));
      const first = mismatched[0];
      return known([], {
        success: first === undefined,
        observed: names,
        ...(first ? { details: { mismatched } } : {}),
        says: first
          ? `column ${first["Expected Column Position"] + 1} is ${first.Found}, not ${first.Expected}`
          : "the columns are as expected",
      });
    };
  },
};

const SAME_ROWS: CheckDefinition = {
  type: "table_row_count_to_equal_other_table",
  kwargs: ["other_table_name"],
  prepare: (args) => {
    const name = args.text("other_table_name");
    return (table) => {
      const other = table.others[name];
      if (other === undefined) throw new Problem(`there is no data source ${name} to compare with`);
      const asks = { self: ask(table.rows, "count(*)"), other: ask(`(${other})`, "count(*)") };
      return {
        columns: [],
        asks: Object.values(asks),
        judge: (answer) => {
          const [self, others] = [count(answer(asks.self)), count(answer(asks.other))];
          return {
            success: self === others,
            observed: { self, other: others },
            says: `there are ${number(self)} rows, and ${number(others)} in ${name}`,
          };
        },
      };
    };
  },
};

export const TABLE_CHECKS = [
  ...countChecks("row", (table) => ask(table.rows, "count(*)")),
  ...countChecks("column", (table) => ask("(SELECT 1)", `max(${table.columns.length})`)),
  COLUMN_EXISTS,
  COLUMN_SET,
  COLUMN_ORDER,
  SAME_ROWS,
];
