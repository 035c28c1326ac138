/**
 * What is frozen with a version besides the model: the reference profile that live windows are compared to, and samples of
 * training rows with the features that training saw for them, for warm-up and the parity check.
 */

import { readFile } from "node:fs/promises";
import { type Batch, type Column, isNumeric, type Scalar } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import type { Profile } from "../base/profile.ts";
import { type Duck, ident } from "../data/duckdb.ts";
import { featuresSql } from "../data/features/features-sql.ts";
import { asFitted, type FittedFeatures } from "../data/features/fitted.ts";
import { reachable } from "../data/features/program.ts";
import { profileSource } from "../data/profile.ts";
import type { Samples } from "../serving/samples.ts";

/** Rows replayed at every deployment. */
const SAMPLE_ROWS = 256;

/** The fitted features that a transform step left. */
export async function readFitted(file: string): Promise<FittedFeatures> {
  try {
    return asFitted(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    throw fail("FEATURES_INVALID", {
      what: `the fitted features cannot be read: ${(error as Error).message}`,
      place: file,
    });
  }
}

/** The profile of the model's inputs over the rows it was trained on. `scan` is SQL that gives those rows. */
export const referenceProfile = (duck: Duck, scan: string, inputs: readonly string[]): Promise<Profile> =>
  profileSource(duck, scan, { columns: [...inputs] });

/** An even sample of the rows and, with fitted features, what DuckDB computes for them: the truth of training. */
export async function takeSamples(
  duck: Duck,
  scan: string,
  inputs: readonly string[],
  fitted?: FittedFeatures,
): Promise<Samples> {
  const picked = `SELECT ${inputs.map(ident).join(", ")} FROM (${scan}) USING SAMPLE reservoir(${SAMPLE_ROWS} ROWS) REPEATABLE (7)`;
  await duck.run(`CREATE OR REPLACE TABLE parity_rows AS ${picked}`);
  try {
    const rows = await duck.batch("SELECT * FROM parity_rows");
    const alone = fitted && rowByRow(fitted);
    const features = alone?.outputs.length ? await duck.batch(featuresSql(alone, "parity_rows")) : undefined;
    return { rows: rows.rows, inputs: toJson(rows), ...(features ? { features: toJson(features) } : {}) };
  } finally {
    await duck.run("DROP TABLE parity_rows");
  }
}

/** Without the features that look at other rows: what a window says depends on when it is asked, so no sample can hold it. */
function rowByRow(fitted: FittedFeatures): FittedFeatures {
  const alone = fitted.roots.map(
    (root) => !reachable(fitted.program, [root]).some((op) => fitted.program[op]!.fn === "window"),
  );
  return {
    ...fitted,
    roots: fitted.roots.filter((_, i) => alone[i]),
    outputs: fitted.outputs.filter((_, i) => alone[i]),
  };
}

/** Numbers as they are, a missing one as null. */
const toJson = (batch: Batch): Record<string, Scalar[]> => {
  const cells = (column: Column): Scalar[] =>
    isNumeric(column) ? Array.from(column, (value) => (Number.isNaN(value) ? null : value)) : column;
  return Object.fromEntries(Object.entries(batch.columns).map(([name, column]) => [name, cells(column)]));
};
