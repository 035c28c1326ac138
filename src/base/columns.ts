/**
 * Rows as columns, the form in which data crosses a pipe, meets a model and is profiled: numbers in one Float64Array
 * (a missing number is NaN), everything else in an array (missing is null). Columns, not rows, because one column is one
 * allocation and one copy.
 */

export type Scalar = string | number | boolean | null;
export type ColumnType = "number" | "string" | "boolean" | "timestamp";

/** Timestamps travel as numbers: milliseconds since the epoch, UTC. */
export type Column = Float64Array | (string | null)[];

export interface Batch {
  rows: number;
  columns: Record<string, Column>;
}

export interface ColumnSpec {
  name: string;
  type: ColumnType;
  /** False when null is an accepted value. */
  required: boolean;
}

export const isNumeric = (column: Column): column is Float64Array => column instanceof Float64Array;
