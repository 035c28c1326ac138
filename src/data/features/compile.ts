/** The serving path: fitted features as a function over columns. */

import type { Batch, ColumnSpec } from "../../base/columns.ts";
import { compileProgram, type WindowReader } from "./evaluate.ts";
import { asFitted } from "./fitted.ts";
import { FeatureHistory } from "./history.ts";

export interface CompiledFeatures {
  inputs: ColumnSpec[];
  outputs: string[];
  /** Raw rows in, features out; REQUEST_INVALID for a missing field, or a category that training refused. */
  apply(batch: Batch): Batch;
  /** What `observe` needs of a row, once it is known; empty without windows. */
  observed: ColumnSpec[];
  /** Adds rows to the windows' memory. Without windows it does nothing. */
  observe(batch: Batch): void;
}

export interface CompileOptions {
  /** Shared by several compilations; by default a new one, seeded from the fitted features. */
  history?: FeatureHistory;
  /**
   * Every row is observed right after its features are computed, so rows of the past replay as they happened: for
   * evaluating a holdout, which begins where the training rows end. The batch must have the `observed` columns and be in the order of time.
   */
  replay?: boolean;
}

/** `fitted` is what features.json holds. Throws MODEL_INVALID when it is damaged. */
export function compileFeatures(fitted: unknown, options: CompileOptions = {}): CompiledFeatures {
  const checked = asFitted(fitted);
  const windowed = checked.observed.length > 0;
  const replay = options.replay === true && windowed;
  const history = windowed ? (options.history ?? new FeatureHistory(checked, replay ? "training" : "all")) : undefined;
  const readWindow = history && windowReader(history, replay);
  const evaluate = compileProgram(checked.program, checked.roots, {
    ...(readWindow && { readWindow }),
    windowValues: replay,
  });
  return {
    inputs: checked.inputs,
    outputs: checked.outputs,
    observed: checked.observed,
    apply: (batch) => {
      const columns = evaluate(batch);
      return { rows: batch.rows, columns: Object.fromEntries(checked.outputs.map((name, i) => [name, columns[i]!])) };
    },
    observe: (batch) => history?.observe(batch),
  };
}

const windowReader =
  (history: FeatureHistory, replay: boolean): WindowReader =>
  (op, args, out, rows) => {
    const name = op.params!.name as string;
    for (let i = 0; i < rows; i++) {
      out[i] = history.read(op, args, i);
      if (replay) history.add(name, args, i);
    }
  };
