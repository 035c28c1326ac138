/**
 * Checks of a column's type. Names are those of pandas and Python, of Spark and of SQL, since suites come from all three: each
 * stands for the DuckDB types that hold the same values.
 */

import { nearest } from "../../spec/nearest.ts";
import { type Args, show } from "./args.ts";
import type { CheckDefinition } from "./check.ts";
import { columnOf } from "./columns.ts";

const INTEGERS = [
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "HUGEINT",
  "UTINYINT",
  "USMALLINT",
  "UINTEGER",
  "UBIGINT",
];
const TIMES = ["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"];
const TEXT = ["VARCHAR"];

/** Lower-case name → DuckDB types. DECIMAL stands for every precision. */
const TYPES: Record<string, readonly string[]> = {
  // pandas and Python
  int: INTEGERS,
  long: INTEGERS,
  int8: ["TINYINT"],
  int16: ["SMALLINT"],
  int32: ["INTEGER"],
  int64: ["BIGINT"],
  uint8: ["UTINYINT"],
  uint16: ["USMALLINT"],
  uint32: ["UINTEGER"],
  uint64: ["UBIGINT"],
  float: ["FLOAT", "DOUBLE"],
  float32: ["FLOAT"],
  float64: ["DOUBLE"],
  bool: ["BOOLEAN"],
  boolean: ["BOOLEAN"],
  str: TEXT,
  string: TEXT,
  object: TEXT,
  object_: TEXT,
  o: TEXT,
  bytes: ["BLOB"],
  datetime: TIMES,
  datetime64: TIMES,
  "datetime64[ns]": TIMES,
  timestamp: TIMES,
  date: ["DATE"],
  time: ["TIME"],
  timedelta64: ["INTERVAL"],
  category: ["ENUM", ...TEXT],
  // Spark
  bytetype: ["TINYINT"],
  shorttype: ["SMALLINT"],
  integertype: ["INTEGER"],
  longtype: ["BIGINT"],
  floattype: ["FLOAT"],
  doubletype: ["DOUBLE"],
  decimaltype: ["DECIMAL"],
  stringtype: TEXT,
  booleantype: ["BOOLEAN"],
  binarytype: ["BLOB"],
  datetype: ["DATE"],
  timestamptype: TIMES,
  timestampntztype: TIMES,
  // SQL
  tinyint: ["TINYINT"],
  smallint: ["SMALLINT"],
  integer: ["INTEGER"],
  bigint: ["BIGINT"],
  hugeint: ["HUGEINT"],
  utinyint: ["UTINYINT"],
  usmallint: ["USMALLINT"],
  uinteger: ["UINTEGER"],
  ubigint: ["UBIGINT"],
  real: ["FLOAT"],
  double: ["DOUBLE"],
  double_precision: ["DOUBLE"],
  numeric: ["DECIMAL"],
  decimal: ["DECIMAL"],
  char: TEXT,
  varchar: TEXT,
  text: TEXT,
  blob: ["BLOB"],
  interval: ["INTERVAL"],
  uuid: ["UUID"],
  timestamp_ntz: TIMES,
  timestamptz: ["TIMESTAMP WITH TIME ZONE"],
};

/** The type without precision and members: DECIMAL(18,3) is DECIMAL. */
const bare = (duckType: string): string => duckType.replace(/\(.*\)$/, "");

function typesNamed(args: Args, name: unknown): readonly string[] {
  if (typeof name !== "string") return args.refuse(`${show(name)} is not the name of a type`);
  const types = Object.hasOwn(TYPES, name.toLowerCase()) ? TYPES[name.toLowerCase()] : undefined;
  if (types) return types;
  const near = nearest(name.toLowerCase(), Object.keys(TYPES));
  return args.refuse(`there is no type ${show(name)}`, near === undefined ? undefined : `write ${near}`);
}

const typeCheck = (type: string, kwarg: string, read: (args: Args) => unknown[] | undefined): CheckDefinition => ({
  type,
  // `mostly` is taken and has no part: every value of a column has its type.
  kwargs: ["column", "mostly", kwarg],
  prepare: (args) => {
    const [name, names] = [args.text("column"), read(args)];
    args.mostly();
    const allowed = names?.flatMap((one) => typesNamed(args, one));
    return (table) => {
      const column = columnOf(table, name);
      const success = allowed === undefined || allowed.includes(bare(column.type));
      const says = `the type is ${column.type}, ${success ? "" : "not "}${show(names)}`;
      return { columns: [name], asks: [], judge: () => ({ success, observed: column.type, says }) };
    };
  },
});

export const TYPE_CHECKS = [
  typeCheck("column_values_to_be_of_type", "type_", (args) => [args.text("type_")]),
  typeCheck("column_values_to_be_in_type_list", "type_list", (args) =>
    args.has("type_list") ? args.list("type_list") : undefined,
  ),
];
