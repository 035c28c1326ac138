/** The text of an answer. Written by hand because JSON.stringify wants nested arrays, which cost more than the numbers. */

import type { DeployedVersion } from "./deployment.ts";
import type { Predictions } from "./model.ts";
import { valuesForJson } from "./predictions.ts";

/** `{ model, version, variant, id, predictions, probabilities? }`; all numbers in it are finite. */
export function answerText(id: string, about: DeployedVersion, answer: Predictions): string {
  const head = `{"model":${JSON.stringify(about.name)},"version":${about.version},"variant":${JSON.stringify(about.variant)},"id":"${id}"`;
  const predictions = JSON.stringify(valuesForJson(answer));
  const { probabilities, classes } = answer;
  if (!probabilities || !classes) return `${head},"predictions":${predictions}}`;
  return `${head},"predictions":${predictions},"probabilities":${matrixText(probabilities, classes.length)}}`;
}

function matrixText(cells: Float64Array, width: number): string {
  let text = "[";
  for (let at = 0; at < cells.length; at += width) {
    text += at === 0 ? "[" : ",[";
    for (let k = 0; k < width; k++) text += k === 0 ? cells[at] : `,${cells[at + k]}`;
    text += "]";
  }
  return `${text}]`;
}
