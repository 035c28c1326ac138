/** Fitted features: plain JSON, saved as features.json beside the model. Everything that training learned is frozen in it. */

import type { ColumnSpec, ColumnType } from "../../base/columns.ts";
import { fail } from "../../base/errors.ts";
import { type Op, type Program, reachable } from "./program.ts";

export interface FittedFeatures {
  format: 1;
  /** What a request must bring. */
  inputs: ColumnSpec[];
  /** Names as sklearn's ColumnTransformer.get_feature_names_out gives them. */
  outputs: string[];
  /** The operation of each output. */
  roots: number[];
  program: Program;
  /** Training rows that the constants were learned from. */
  rows: number;
  target?: { name: string; type: ColumnType; node: number };
  time?: string;
  /** What `observe` must bring, once it is known: entity, time and value of every window. Empty without windows. */
  observed: ColumnSpec[];
  /** The newest rows of every entity, as far as windows look back: of the training rows, and of all rows with the holdout's. */
  history?: { training: HistoryTail; all: HistoryTail };
}

/** By window name: for each entity its key, its number of rows, and the rows of all entities one after the other. */
export type HistoryTail = Record<
  string,
  { keys: string[]; counts: number[]; times: number[]; values: (number | null)[] }
>;

/** The windows of a program: operation index and operation. */
export const windowsOf = (program: Program): [number, Op][] =>
  [...program.entries()].filter(([, op]) => op.fn === "window");

/** The same without operations that nothing needs. */
export function pruned(fitted: FittedFeatures): FittedFeatures {
  const { program, target } = fitted;
  const kept = reachable(program, [...fitted.roots, ...(target ? [target.node] : [])]);
  const place = new Map(kept.map((node, i) => [node, i]));
  return {
    ...fitted,
    program: kept.map((node) => ({ ...program[node]!, args: program[node]!.args.map((arg) => place.get(arg)!) })),
    roots: fitted.roots.map((root) => place.get(root)!),
    ...(target && { target: { ...target, node: place.get(target.node)! } }),
  };
}

/** A value from a file as FittedFeatures. Throws MODEL_INVALID when it is something else. */
export function asFitted(value: unknown): FittedFeatures {
  const fitted = value as FittedFeatures | null;
  const shaped =
    typeof fitted === "object" &&
    fitted !== null &&
    fitted.format === 1 &&
    [fitted.inputs, fitted.outputs, fitted.roots, fitted.program, fitted.observed].every(Array.isArray) &&
    fitted.outputs.length === fitted.roots.length &&
    fitted.program.every((op, i) => Array.isArray(op.args) && op.args.every((arg) => arg >= 0 && arg < i)) &&
    fitted.roots.every((root) => fitted.program[root] !== undefined);
  if (shaped) return fitted;
  throw fail("MODEL_INVALID", {
    what: "features.json is damaged or was written by another release",
    place: "features.json",
    mend: "build the features and train again",
  });
}
