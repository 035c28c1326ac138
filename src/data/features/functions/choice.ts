/** Functions that choose between values of one type. */

import type { Column } from "../../../base/columns.ts";
import { type FeatureFunction, isMissing, type Kernel, map1, map2 } from "./define.ts";

type Cells = (number | string | null)[];
const cells = (column: Column | undefined): Cells => column as unknown as Cells;

const choose: Kernel = ([condition, yes, no], out, rows) => {
  const when = condition as Float64Array;
  const [a, b, y] = [cells(yes), cells(no), cells(out)];
  for (let i = 0; i < rows; i++) y[i] = when[i] === 1 ? a[i]! : b[i]!;
};

const firstKnown: Kernel = (args, out, rows) => {
  const y = cells(out);
  for (let i = 0; i < rows; i++) {
    let k = 0;
    while (k < args.length - 1 && isMissing(args[k]![i]!)) k++;
    y[i] = cells(args[k])[i]!;
  }
};

/** Folds columns of numbers; NaN wins. */
function fold(f: (a: number, b: number) => number): Kernel {
  const two = map2(f);
  const copy = map1((x) => x);
  return (args, out, rows) => {
    copy([args[0]!], out, rows);
    for (const arg of args.slice(1)) two([out, arg], out, rows);
  };
}

/** DuckDB's least and greatest skip NULL, so they are guarded. */
const guarded = (name: string) => (args: readonly string[]) =>
  `CASE WHEN ${args.map((x) => `${x} IS NOT NULL`).join(" AND ")} THEN ${name}(${args.join(", ")}) END`;

export const CHOICE_FUNCTIONS: FeatureFunction[] = [
  {
    name: "if",
    takes: [
      { name: "condition", type: "boolean" },
      { name: "yes", type: "same" },
      { name: "no", type: "same" },
    ],
    gives: "same",
    about: "`yes` where the condition is true; `no` where it is false or missing.",
    sql: ([when, yes, no]) => `CASE WHEN ${when} THEN ${yes} ELSE ${no} END`,
    kernel: () => choose,
  },
  {
    name: "coalesce",
    takes: [{ name: "value", type: "same", rest: true }],
    gives: "same",
    about: "The first value that is not missing.",
    sql: (args) => `coalesce(${args.join(", ")})`,
    kernel: () => firstKnown,
  },
  {
    name: "least",
    takes: [{ name: "x", type: "number", rest: true }],
    gives: "number",
    about: "The smallest; missing when one is.",
    sql: guarded("least"),
    kernel: () => fold((a, b) => (b < a || Number.isNaN(b) ? b : a)),
  },
  {
    name: "greatest",
    takes: [{ name: "x", type: "number", rest: true }],
    gives: "number",
    about: "The largest; missing when one is.",
    sql: guarded("greatest"),
    kernel: () => fold((a, b) => (b > a || Number.isNaN(b) ? b : a)),
  },
];
