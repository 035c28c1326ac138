/**
 * The `MLmodel` file of a version's folder: MLflow's format, read and written. Trimtab's own part is a flavor called
 * `trimtab`; MLflow ignores flavors that it does not know, Trimtab ignores keys that it does not know.
 */

import type { ColumnSpec } from "../base/columns.ts";

export type RuntimeName = "javascript" | "onnx" | "python";

/** flavors.trimtab: how the folder is served. Paths are relative to the folder. */
export interface TrimtabFlavor {
  runtime: RuntimeName;
  /** The file or folder that the runtime loads: model.ts, model.onnx, model.pkl, or "." for an MLflow pyfunc folder. */
  entry: string;
  task: "classification" | "regression";
  target: string;
  /** Class labels in the order of the probabilities' columns. */
  classes?: (string | number | boolean)[];
  /** What /predict takes: the raw columns before features. */
  inputs: ColumnSpec[];
  /** Fitted feature state; absent when the model takes raw columns. */
  features?: "features.json";
  /** Reference profile for the monitor. */
  reference?: "reference.json";
  /** A few raw training rows and the features training saw for them: warm-up and the parity check. */
  samples?: "samples.json";
}
