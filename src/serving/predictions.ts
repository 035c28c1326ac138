/**
 * The arithmetic of answers: probabilities to labels, whole batches to one request's share, and the checks that keep a
 * broken model's answer (wrong length, NaN) from reaching anybody.
 */

import type { Column } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import type { Predictions } from "./model.ts";

export type Label = string | number | boolean;

/** Throws MODEL_FAILED unless there is one value, and one probability a class, for each of `rows`. */
export function checkPredictions(predictions: Predictions, rows: number): void {
  const { values, probabilities, classes } = predictions;
  if (values.length !== rows)
    throw fail("MODEL_FAILED", { what: `the model answered ${values.length} values for ${rows} rows` });
  if (probabilities && (classes === undefined || probabilities.length !== rows * classes.length))
    throw fail("MODEL_FAILED", {
      what: `the model answered ${probabilities.length} probabilities for ${rows} rows of ${classes?.length ?? 0} classes`,
    });
}

/**
 * Throws MODEL_FAILED when an answer holds NaN, infinity or null. Asked of each request's own rows, so neighbours live. `place`:
 * the model's file, where a person can mend it.
 */
export function checkFinite(predictions: Predictions, place?: string): void {
  const { values, probabilities } = predictions;
  const bad = values instanceof Float64Array ? firstNotFinite(values) : values.indexOf(null);
  if (bad >= 0) throw notFinite(`${values[bad]} for row ${bad}`, place);
  const badProbability = probabilities ? firstNotFinite(probabilities) : -1;
  if (badProbability >= 0) throw notFinite(`a probability of ${probabilities?.[badProbability]}`, place);
}

const notFinite = (answer: string, place: string | undefined) =>
  fail("MODEL_FAILED", {
    what: `the model answered ${answer}`,
    ...(place !== undefined && { place, mend: "train it so that every row gets a number" }),
  });

function firstNotFinite(values: Float64Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/** The share of rows [from, from + rows). */
export function slicePredictions(predictions: Predictions, from: number, rows: number): Predictions {
  const { values, classes, probabilities } = predictions;
  if (from === 0 && values.length === rows) return predictions;
  const width = classes?.length ?? 0;
  const share: Predictions = {
    values: values instanceof Float64Array ? copyOf(values, from, rows) : values.slice(from, from + rows),
  };
  if (classes) share.classes = classes;
  if (probabilities) share.probabilities = copyOf(probabilities, from * width, rows * width);
  return share;
}

/** A loop: for the few numbers of a request it is several times quicker than `slice`. */
function copyOf(numbers: Float64Array, from: number, count: number): Float64Array {
  const copy = new Float64Array(count);
  for (let i = 0; i < count; i++) copy[i] = numbers[from + i]!;
  return copy;
}

/** Labels with the highest probability; of equals the first, as numpy's argmax. `probabilities` is rows × classes. */
export function labelsOf(probabilities: Float64Array, classes: readonly Label[]): Column {
  const width = classes.length;
  const rows = probabilities.length / width;
  const best = (row: number): number => {
    let at = 0;
    for (let k = 1; k < width; k++) if (probabilities[row * width + k]! > probabilities[row * width + at]!) at = k;
    return at;
  };
  return columnOfLabels(rows, best, classes);
}

/** A column of labels from class indices: numbers and booleans in a Float64Array, text in an array. */
export function columnOfLabels(rows: number, indexAt: (row: number) => number, classes: readonly Label[]): Column {
  if (typeof classes[0] === "string") {
    const labels: (string | null)[] = new Array(rows);
    for (let row = 0; row < rows; row++) labels[row] = (classes[indexAt(row)] as string | undefined) ?? null;
    return labels;
  }
  const numbers = Float64Array.from(classes, Number);
  const labels = new Float64Array(rows);
  for (let row = 0; row < rows; row++) labels[row] = numbers[indexAt(row)] ?? Number.NaN;
  return labels;
}

/** P(class 1) of each row → both columns, row-major. */
export function bothProbabilities(positive: Float64Array): Float64Array {
  const both = new Float64Array(positive.length * 2);
  for (let row = 0; row < positive.length; row++) {
    both[row * 2] = 1 - positive[row]!;
    both[row * 2 + 1] = positive[row]!;
  }
  return both;
}

/** A plain array of the same numbers. Array.from goes through the iterator, which costs a tenth of a bulk request. */
export function plainNumbers(numbers: Float64Array): number[] {
  const plain = new Array<number>(numbers.length);
  for (let i = 0; i < numbers.length; i++) plain[i] = numbers[i]!;
  return plain;
}

/** Values as they go out in JSON: booleans are true and false again. */
export function valuesForJson(predictions: Predictions): (string | number | boolean | null)[] {
  const { values, classes } = predictions;
  if (!(values instanceof Float64Array)) return values;
  return typeof classes?.[0] === "boolean" ? Array.from(values, (value) => value === 1) : plainNumbers(values);
}
