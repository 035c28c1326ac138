/** Categories as numbers: their order, their names as Python writes them, and the lookup table that encodes them. */

import type { ColumnType } from "../../../base/columns.ts";
import type { OpParam, ProgramBuilder } from "../program.ts";
import { type CategoryCount, type Piece, TransformProblem } from "./define.ts";

export type Category = string | number | null;

/** Python's `str` of a float: 1.0, 0.1, 1e-05, 1e+16. */
function pythonFloat(value: number): string {
  const [digits, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 16) return Number.isInteger(value) ? `${BigInt(value)}.0` : plainDecimal(value);
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** JavaScript writes decimals from 1e-7 up without an exponent, Python from 1e-4: here there is none either way. */
const plainDecimal = (value: number): string => String(value);

/** What stands after `<column>_` in an output's name, as sklearn's get_feature_names_out gives it. */
export function categoryName(value: Category, type: ColumnType, asFloat: boolean): string {
  if (value === null) return "nan";
  if (typeof value === "string") return value;
  if (type === "boolean") return value === 1 ? "True" : "False";
  return asFloat ? pythonFloat(value) : String(BigInt(value));
}

/** Whole numbers are named 1 when pandas would hold the column as integers. */
export function namedAsFloat(piece: Piece, categories: readonly { value: Category }[]): boolean {
  return (
    piece.float ||
    categories.some(({ value }) => value === null || (typeof value === "number" && !Number.isInteger(value)))
  );
}

/** Encoders take numbers, booleans (as 0 and 1) and text. */
export function categoryNode(builder: ProgramBuilder, node: number): number {
  const type = builder.typeOf(node);
  if (type === "timestamp")
    throw new TransformProblem("is a time, which has no categories", "derive its hour, day_of_week or month");
  return type === "boolean" ? builder.call("to_number", "number", [node]) : node;
}

export interface CodeTable {
  /** Category → code; null for a missing value. */
  codes: ReadonlyMap<Category, number>;
  unknown: number | null;
  /** For a missing value that training did not see. */
  missing: number | null;
  refuse: boolean;
}

/** Adds the operation that encodes; keys are stored sorted, as the list of categories is. */
export function addLookup(builder: ProgramBuilder, node: number, label: string, table: CodeTable): number {
  const keys = [...table.codes.keys()].filter((key) => key !== null) as (string | number)[];
  for (const key of keys)
    if (typeof key === "string" && key.includes("\0"))
      throw new TransformProblem("has a category with a NUL character", "clean the data");
  if (typeof keys[0] === "number") keys.sort((a, b) => (a as number) - (b as number));
  const values: OpParam = keys.map((key) => table.codes.get(key)!);
  const missing = table.codes.get(null) ?? table.missing;
  const { unknown, refuse } = table;
  return builder.call("lookup", "number", [categoryNode(builder, node)], {
    keys,
    values,
    missing,
    unknown,
    refuse,
    label,
  });
}

/** The categories to encode: those that the user lists, with the counts seen, else all seen. */
export function chosenCategories(
  seen: readonly CategoryCount[],
  listed: readonly (string | number)[] | undefined,
  refuse: boolean,
) {
  if (listed === undefined) return [...seen];
  const counts = new Map<Category, CategoryCount>(seen.map((c) => [c.value, c]));
  const strangers = seen.filter((c) => c.value !== null && !listed.includes(c.value));
  if (refuse && strangers[0])
    throw new TransformProblem(
      `holds ${JSON.stringify(strangers[0].value)}, which categories does not list`,
      "list it, or set how unknown ones are handled",
    );
  return listed.map((value) => counts.get(value) ?? { value, count: 0, targetMean: Number.NaN });
}
