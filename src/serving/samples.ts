/**
 * `samples.json` of a version: a few raw training rows, and the features that training saw for them. Serving answers them
 * before a version takes traffic (warm-up), and the parity check holds its own features against training's.
 *
 *   { "rows": 20, "inputs": { column: […] }, "features": { column: […] } }
 *
 * Missing is null; times are milliseconds, booleans 0/1 or true/false.
 */

import { join } from "node:path";
import type { Batch, Column, Scalar } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import { readJson } from "./json-file.ts";
import type { LoadedModel } from "./model.ts";
import { parseRequest } from "./schema.ts";

export interface Samples {
  rows: number;
  inputs: Record<string, Scalar[]>;
  features?: Record<string, Scalar[]>;
}

/** The samples of a folder; undefined when its MLmodel names none. Throws MODEL_INVALID when the file is torn. */
export async function readSamples(folder: string, model: LoadedModel): Promise<Samples | undefined> {
  if (model.manifest.samples === undefined) return undefined;
  return (await readJson(join(folder, model.manifest.samples))) as Samples;
}

/** Sample rows as a batch. Throws REQUEST_INVALID when they do not fit the model's own inputs. */
export const sampleBatch = (samples: Samples, model: LoadedModel): Batch =>
  parseRequest({ columns: samples.inputs }, model.manifest.inputs).batch;

/** Relative difference up to which features are equal: far above rounding, far below meaning. */
const TOLERANCE = 1e-9;

/** Throws FEATURES_DIFFER, naming column and row, unless serving gives the features that training saw. */
export function checkParity(samples: Samples, model: LoadedModel): void {
  if (samples.features === undefined) return;
  const served = model.features(sampleBatch(samples, model)).columns;
  for (const [name, trained] of Object.entries(samples.features)) {
    const column = served[name];
    if (column === undefined) throw fail("FEATURES_DIFFER", { what: "serving has no such feature", place: name });
    trained.forEach((cell, row) => {
      if (!isSame(cell, column, row))
        throw fail("FEATURES_DIFFER", {
          what: `training saw ${cell}, serving gives ${column[row]}`,
          place: `${name}[${row}]`,
        });
    });
  }
}

function isSame(trained: Scalar, column: Column, row: number): boolean {
  const served = column[row];
  if (!(column instanceof Float64Array)) return (served ?? null) === trained;
  if (trained === null) return Number.isNaN(served);
  const wanted = Number(trained);
  return Math.abs((served as number) - wanted) <= TOLERANCE * Math.max(1, Math.abs(wanted));
}
