/**
 * What a check is. An expectation is read once (`prepare`, which refuses wrong arguments), then planned for a table: a plan asks
 * for aggregates, and judges the answers. Asks with the same `from` are answered by one scan, whichever checks they come from.
 */

import type { DuckColumn } from "../sql.ts";
import type { Args } from "./args.ts";

/** One aggregate over a relation: `SELECT <select> FROM <from>`, one row. */
export interface Ask {
  from: string;
  select: string;
}
export type Answer = (ask: Ask) => unknown;

export const ask = (from: string, select: string): Ask => ({ from, select });

/** The rows under test: those that the row condition lets through, with NaN as null, as pandas has it. */
export interface Table {
  /** For FROM. */
  rows: string;
  columns: readonly DuckColumn[];
  /** SELECTs of the other tables that an expectation may name. */
  others: Readonly<Record<string, string>>;
}

export interface Plan {
  /** The columns it is about, for the report. */
  columns: readonly string[];
  asks: readonly Ask[];
  /** Asks that need the first answers: they cost a second scan. */
  followUp?: (answer: Answer) => readonly Ask[];
  judge: (answer: Answer) => Judgement;
}

export interface Judgement {
  success: boolean;
  /** For people, without the column's name: "3 of 1,000 values (0.3%) are not between 1 and 5". */
  says: string;
  /** Expectations that look at each row: Great Expectations' counts. `missing` is absent when nulls are what is looked at. */
  counts?: { elements: number; missing?: number; unexpected: number };
  /** Expectations that look at one figure, as Great Expectations reports it. */
  observed?: unknown;
  details?: Record<string, unknown>;
  /** Where the rows are that were not expected. */
  unexpected?: Unexpected;
}

export interface Unexpected {
  from: string;
  where: string;
  /** What is shown of such a row: one column, or several. */
  columns: readonly string[];
}

export interface CheckDefinition {
  /** Great Expectations' name without `expect_`. */
  type: string;
  /** Its arguments, besides those that every expectation takes. */
  kwargs: readonly string[];
  /** Reads the arguments; `args.refuse` ends it. What it returns may throw a Problem. */
  prepare: (args: Args) => (table: Table) => Plan;
}

/** The expectation cannot be held against this table: a missing column, a type that cannot be compared. The check fails with it. */
export class Problem extends Error {}

/** A count or other figure of an answer; null becomes 0. */
export const count = (value: unknown): number => Number(value ?? 0);
