/** The text of an answer. One JSON.stringify: joining texts by hand was slower for one row and no faster for a thousand. */

import type { DeployedVersion } from "./deployment.ts";
import type { Predictions } from "./model.ts";
import { valuesForJson } from "./predictions.ts";

/** `{ model, version, variant, id, predictions, probabilities? }`; all numbers in it are finite. */
export function answerText(id: string, about: DeployedVersion, answer: Predictions): string {
  const { probabilities, classes } = answer;
  return JSON.stringify({
    model: about.name,
    version: about.version,
    variant: about.variant,
    id,
    predictions: valuesForJson(answer),
    probabilities: probabilities && classes && rowsOf(probabilities, classes.length),
  });
}

function rowsOf(cells: Float64Array, width: number): number[][] {
  const rows = new Array<number[]>(cells.length / width);
  for (let i = 0, at = 0; i < rows.length; i++) {
    const row = new Array<number>(width);
    for (let k = 0; k < width; k++) row[k] = cells[at++]!;
    rows[i] = row;
  }
  return rows;
}
