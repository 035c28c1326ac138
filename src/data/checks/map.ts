/** Expectations that look at each row: how many rows count, how many of those are not as expected, whether `mostly` allows it. */

import { type Answer, ask, count, type Judgement, type Plan, type Table } from "./check.ts";

export interface RowCheck {
  columns: readonly string[];
  /** SQL condition: the row counts. Nulls are left out here. */
  considered: string;
  /** SQL condition over a row that counts: it is as expected. Null is not. */
  expected: string;
  mostly: number;
  /** Both follow "3 of 10 values …". */
  good: string;
  bad: string;
  /** What is counted: "values" unless told. */
  noun?: string;
  /** False when nulls are what is looked at: then no count of missing values is reported. */
  missing?: boolean;
}

/** The plan of a check that one condition decides, row by row. */
export function rowPlan(table: Table, check: RowCheck): Plan {
  const unexpected = `(${check.considered}) AND (${check.expected}) IS NOT TRUE`;
  const asks = {
    elements: ask(table.rows, "count(*)"),
    considered: ask(table.rows, check.considered === "TRUE" ? "count(*)" : `count(*) FILTER (${check.considered})`),
    unexpected: ask(table.rows, `count(*) FILTER (${unexpected})`),
  };
  return {
    columns: check.columns,
    asks: Object.values(asks),
    judge: (answer: Answer) => ({
      ...judgeRows(check, {
        elements: count(answer(asks.elements)),
        considered: count(answer(asks.considered)),
        unexpected: count(answer(asks.unexpected)),
      }),
      unexpected: { from: table.rows, where: unexpected, columns: check.columns },
    }),
  };
}

export interface RowCounts {
  elements: number;
  considered: number;
  unexpected: number;
}

/** Great Expectations' rule: the share of rows that count and are as expected is at least `mostly`; true when none counts. */
export function judgeRows(
  check: Pick<RowCheck, "mostly" | "good" | "bad" | "noun" | "missing">,
  counts: RowCounts,
): Judgement {
  const { elements, considered, unexpected } = counts;
  const success = considered === 0 || (considered - unexpected) / considered >= check.mostly;
  const noun = check.noun ?? "values";
  const allowed = check.mostly === 1 ? "" : `; at most ${percent(1 - check.mostly)} may`;
  const says =
    unexpected === 0
      ? `all ${number(considered)} ${noun} ${check.good}`
      : `${number(unexpected)} of ${number(considered)} ${noun} (${percent(unexpected / considered)}) ${check.bad}${allowed}`;
  const missing = check.missing === false ? {} : { missing: elements - considered };
  return { success, says, counts: { elements, unexpected, ...missing } };
}

export const number = (value: number): string => value.toLocaleString("en-US");

/** A share as a percentage, with as many digits as tell it from 0 and 100. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0 || value === 100) return `${value}%`;
  const shown =
    value < 1
      ? value.toPrecision(2)
      : value > 99
        ? (100 - Number((100 - value).toPrecision(2))).toString()
        : value.toFixed(1);
  return `${Number(shown)}%`;
}
