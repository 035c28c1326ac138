/** What an operation is made of: SQL over atoms and a loop over columns that give the same values. */

import type { Column, ColumnType } from "../../../base/columns.ts";
import type { Op } from "../program.ts";

/** Fills the first `rows` values of `out`. Numbers, booleans (0, 1) and times (ms) are Float64Array; missing is NaN or null. */
export type Kernel = (args: readonly Column[], out: Column, rows: number) => void;

export interface OpDef {
  /** `args` are names or literals, so they may be repeated. Numbers are DOUBLE, times are DOUBLE ms, booleans BOOLEAN. */
  sql(args: readonly string[], op: Op): string;
  kernel(op: Op): Kernel;
}

export interface Parameter {
  name: string;
  /** "same": the type of the other "same" parameters; "any": every type; "numbers": a list of constants. */
  type: ColumnType | "same" | "any" | "numbers";
  /** Must be written as a constant: goes to `op.params` under its name. */
  constant?: true;
  optional?: true;
  /** The last parameter, one or more times. */
  rest?: true;
}

/** A function that an expression can call. */
export interface FeatureFunction extends OpDef {
  name: string;
  takes: Parameter[];
  gives: ColumnType | "same";
  /** One line for docs/features.md. */
  about: string;
  /** Says what is wrong with the constants, if anything. */
  check?(params: NonNullable<Op["params"]>): string | undefined;
}

export const finite = (x: number): number => (x - x === 0 ? x : Number.NaN);

export const isMissing = (value: string | number | null): boolean => value === null || Number.isNaN(value);

/** SQL that turns infinities and NaN into NULL. */
export const finiteSql = (sql: string): string => `CASE WHEN isfinite(${sql}) THEN ${sql} END`;

const numbers = (column: Column | undefined): Float64Array => column as Float64Array;

/** A loop over one column of numbers. NaN must come out of `f` as NaN. */
export function map1(f: (x: number) => number): Kernel {
  return ([a], out, rows) => {
    const x = numbers(a);
    const y = numbers(out);
    for (let i = 0; i < rows; i++) y[i] = f(x[i]!);
  };
}

/** A loop over two columns of numbers. */
export function map2(f: (x: number, y: number) => number): Kernel {
  return ([a, b], out, rows) => {
    const x = numbers(a);
    const y = numbers(b);
    const z = numbers(out);
    for (let i = 0; i < rows; i++) z[i] = f(x[i]!, y[i]!);
  };
}

/** A loop over one column of text that gives numbers or booleans; missing stays missing. */
export function textToNumber(f: (text: string) => number): Kernel {
  return ([a], out, rows) => {
    const x = a as (string | null)[];
    const y = numbers(out);
    for (let i = 0; i < rows; i++) {
      const text = x[i]!;
      y[i] = text === null ? Number.NaN : f(text);
    }
  };
}

/** A loop over one column of text that gives text. */
export function textToText(f: (text: string) => string): Kernel {
  return ([a], out, rows) => {
    const x = a as (string | null)[];
    const y = out as (string | null)[];
    for (let i = 0; i < rows; i++) {
      const text = x[i]!;
      y[i] = text === null ? null : f(text);
    }
  };
}

const NUMBER: Parameter = { name: "x", type: "number" };

/** A function of one number. */
export const numeric = (name: string, about: string, sql: (x: string) => string, f: (x: number) => number) =>
  ({
    name,
    takes: [NUMBER],
    gives: "number",
    about,
    sql: ([x]) => sql(x!),
    kernel: () => map1(f),
  }) satisfies FeatureFunction;
