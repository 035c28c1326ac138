/** Names and values as SQL text, and DuckDB's types as ours. */

import type { ColumnType } from "../base/columns.ts";

export interface DuckColumn {
  name: string;
  /** DuckDB's own word: "BIGINT", "VARCHAR", "DECIMAL(18,3)", … */
  type: string;
}

/** Quotes a name for SQL. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A value as an SQL literal. Numbers become DOUBLE: DuckDB reads 0.1 as DECIMAL otherwise, and compares differently. */
export function literal(value: string | number | boolean | null): string {
  if (value === null) return "NULL";
  if (typeof value === "boolean") return value ? "TRUE" : "FALSE";
  if (typeof value === "string") return textSql(value);
  if (Number.isSafeInteger(value)) return String(value);
  return Number.isFinite(value) ? `${value.toExponential()}::DOUBLE` : `'${value}'::DOUBLE`;
}

/** A NUL would end the statement where it stands. */
function textSql(value: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return value.includes("\0") ? `(${value.split("\0").map(quoted).join(" || chr(0) || ")})` : quoted(value);
}

/** One of our own parquet files, for FROM. The engine would take a folder called key=value above the project for a column. */
export const parquetSql = (file: string): string => `read_parquet(${literal(file)}, hive_partitioning = false)`;

/** A time as whole ms since the epoch, the ms that it is in: the engine's own function cuts towards 1970, so into the next one before it. */
export const epochMsSql = (time: string): string =>
  `CASE WHEN isfinite(${time}) THEN (epoch_ms(${time}) - (epoch_us(${time}) % 1000 < 0)::BIGINT)::DOUBLE END`;

/** SQL condition: the column holds a value. NaN and infinities in data are missing. */
export const presentSql = ({ name, type }: DuckColumn): string =>
  type === "DOUBLE" || type === "FLOAT" ? `isfinite(${ident(name)})` : `${ident(name)} IS NOT NULL`;

/** The kind of column that a DuckDB type becomes outside SQL. */
export function columnTypeOf(duckType: string): ColumnType {
  if (duckType === "BOOLEAN") return "boolean";
  if (/^(TIMESTAMP|DATE)/.test(duckType) && !duckType.endsWith("[]")) return "timestamp";
  if (/^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\([\d,]+\)|BIGNUM)$/.test(duckType)) return "number";
  return "string";
}
