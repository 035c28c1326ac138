/** Constants as SQL text. Unlike the general `literal`, every number is a DOUBLE, so that no integer arithmetic can overflow. */

import type { Scalar } from "../../base/columns.ts";
import { literal } from "../sql.ts";

export function constantSql(value: Scalar): string {
  if (typeof value === "number") return numberSql(value);
  return typeof value === "string" ? textSql(value) : literal(value);
}

/** Exponent form is DOUBLE in DuckDB; 0.1 would be DECIMAL. */
export const numberSql = (value: number): string => (Number.isFinite(value) ? value.toExponential() : "NULL::DOUBLE");

/** A NUL would end the statement where it stands. */
const textSql = (value: string): string =>
  value.includes("\0") ? `(${value.split("\0").map(literal).join(" || chr(0) || ")})` : literal(value);
