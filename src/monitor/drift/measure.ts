/** What every drift test answers. */

import type { ColumnProfile } from "../../base/profile.ts";
import type { DriftTest } from "../../spec/types.ts";
import type { ColumnCounts } from "../counts.ts";

export interface Measured {
  /** The test that was made: another one than asked for where that one does not apply to the column. */
  test: DriftTest;
  /** How the bins were made. */
  recipe: string;
  score: number;
  /** For tests of a hypothesis. */
  p?: number;
}

export interface DriftMeasure {
  /** Both sides hold at least one row, missing or not. */
  measure(reference: ColumnProfile, live: ColumnCounts): Measured;
  /** "score": drift when the score is above the threshold. "p": drift when the p-value is below it. */
  judgedBy: "score" | "p";
}
