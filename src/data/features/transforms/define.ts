/** What a transform of a column is: its options, the statistics that it needs from training rows, and what it builds of them. */

import type { Scalar } from "../../../base/columns.ts";
import type { ProgramBuilder } from "../program.ts";

export type OptionValue = Scalar | (string | number)[];
export type OptionValues = Record<string, OptionValue>;

export interface OptionDef {
  /** For docs/features.md. */
  about: string;
  /** What it takes, in words: "a number from 0 up". */
  takes: string;
  accepts(value: unknown): boolean;
  default?: OptionValue;
}

/** Statistics of one operation over the training rows. */
export interface Moments {
  mean: number;
  /** Population variance (ddof 0). */
  variance: number;
  min: number;
  max: number;
}

export interface CategoryCount {
  value: string | number | null;
  count: number;
  /** Mean of the target over the category's rows; NaN without a target. */
  targetMean: number;
}

export interface Statistics {
  rows: number;
  /** Rows with a value. */
  present: number;
  moments?: Moments;
  median?: number;
  /** The most frequent value; of equally frequent ones the smallest. */
  mode?: string | number;
  /** Sorted: numbers up, text by code point, null last. */
  categories?: CategoryCount[];
}

export type Need = "moments" | "median" | "mode" | "categories";

/** A column on its way through a group. */
export interface Piece {
  node: number;
  /** Its name so far, without the group's prefix. */
  name: string;
  /** pandas would hold it as float, so its categories are named 1.0 and not 1. */
  float: boolean;
}

export interface BuildInput {
  piece: Piece;
  options: OptionValues;
  statistics: Statistics;
  builder: ProgramBuilder;
  /** Mean of the target over all training rows; undefined without a numeric target. */
  targetMean: number | undefined;
}

export interface Built {
  pieces: Piece[];
  /** Columns that go to the end of the group. */
  extra?: Piece[];
}

/** What is wrong with the data for this transform; the caller adds place and column. */
export class TransformProblem extends Error {
  constructor(
    message: string,
    readonly mend: string,
  ) {
    super(message);
    this.name = "TransformProblem";
  }
}

export interface Transform {
  /** Its key in features.yaml. */
  key: string;
  /** Transforms of a group apply in this order. */
  stage: "impute" | "encode" | "scale";
  about: string;
  /** The option that a bare value sets: `scale: standard`. */
  shorthand?: string;
  options: Record<string, OptionDef>;
  /** `numeric` is false for text. */
  needs(options: OptionValues, numeric: boolean): Need[];
  /** Throws TransformProblem. */
  build(input: BuildInput): Built;
}

export const choice = (about: string, choices: readonly string[], fallback?: string): OptionDef => ({
  about,
  takes: choices.join(", "),
  accepts: (value) => choices.includes(value as string),
  ...(fallback === undefined ? {} : { default: fallback }),
});

export const flag = (about: string): OptionDef => ({
  about,
  takes: "true, false",
  accepts: (value) => typeof value === "boolean",
  default: false,
});

export const amount = (
  about: string,
  takes: string,
  accepts: (value: number) => boolean,
  fallback?: number,
): OptionDef => ({
  about,
  takes,
  accepts: (value) => typeof value === "number" && accepts(value),
  ...(fallback === undefined ? {} : { default: fallback }),
});
