/** The types that runtimes and those who use them share: what a loaded model is, takes and answers. */

import type { Batch, Column, ColumnSpec } from "../base/columns.ts";
import type { TrimtabFlavor } from "../spec/mlmodel.ts";

/** A model's answer. Classification: `values` are labels of `classes` (numbers and booleans as Float64Array). */
export interface Predictions {
  values: Column;
  classes?: (string | number | boolean)[];
  /** rows × classes, row-major. */
  probabilities?: Float64Array;
}

/** Compiled features, as data/features makes them. */
export interface FeatureTransform {
  inputs: ColumnSpec[];
  outputs: string[];
  apply(batch: Batch): Batch;
  /** Adds answered rows to what windows remember; does nothing when there are no windows. */
  observe(batch: Batch): void;
}

export interface RuntimeOptions {
  /** Turns the parsed features.json into a transform; needed for versions that have one. */
  features?: (fitted: unknown) => FeatureTransform;
  /** Python interpreter; undefined: TRIMTAB_PYTHON, the workspace's .venv, python3. */
  python?: string;
  /** Where `.venv` is looked for. */
  root?: string;
  /** A batch that takes longer ends its model process. */
  predictTimeoutMs?: number;
  /** Told of every restart of a model process. */
  onRestart?: (why: string) => void;
}

/** What a runtime gives: model columns in, predictions out. Errors are MODEL_FAILED. */
export interface Runtime {
  /** The model's own classes, where it can tell: those of the manifest, or more. */
  classes?: (string | number | boolean)[];
  /** It is a process of its own, which takes batches one after the other: one may be sent ahead. */
  takesAhead?: boolean;
  predict(batch: Batch): Promise<Predictions>;
  /** Bytes that the loaded model adds, as well as the runtime can tell. */
  memoryBytes(): number;
  close(): Promise<void>;
}

export interface LoadedModel {
  manifest: TrimtabFlavor;
  /** As its runtime's. */
  takesAhead: boolean;
  /** Answers raw rows: features, then the model, then the check of the answer's shape. */
  predict(batch: Batch): Promise<Predictions>;
  /** The columns that the model itself sees for these raw rows. */
  features(batch: Batch): Batch;
  /** Told of rows that were answered to somebody, so that the next row's windows see them. */
  observe(batch: Batch): void;
  memoryBytes(): number;
  close(): Promise<void>;
}

/** `columns` are the names that reach the model, in order. */
export type LoadRuntime = (
  folder: string,
  manifest: TrimtabFlavor,
  columns: string[],
  options: RuntimeOptions,
) => Promise<Runtime>;
