/** Constants as SQL text. Unlike the general `literal`, every number is a DOUBLE, so that no integer arithmetic can overflow. */

import type { Scalar } from "../../base/columns.ts";
import { literal } from "../sql.ts";

export const constantSql = (value: Scalar): string => (typeof value === "number" ? numberSql(value) : literal(value));

/** Exponent form is DOUBLE in DuckDB; 0.1 would be DECIMAL. */
export const numberSql = (value: number): string => (Number.isFinite(value) ? value.toExponential() : "NULL::DOUBLE");
