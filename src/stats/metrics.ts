/**
 * Evaluation metrics, equal to scikit-learn's functions of the same names. Pure functions of arrays; a metric that is not
 * defined for the rows given (no rows, one class only for roc_auc) is NaN.
 */

import { confusionScores } from "./confusion.ts";
import { rocAuc } from "./ranking.ts";

export type ClassificationMetric =
  | "accuracy"
  | "balanced_accuracy"
  | "precision"
  | "recall"
  | "f1"
  | "roc_auc"
  | "log_loss"
  | "brier";
export type RegressionMetric = "mae" | "rmse" | "r2" | "mape";

export interface Classified {
  /** Class index of each row; -1 for what is none of the classes, which is never right. */
  truth: Int32Array;
  predicted: Int32Array;
  /** Rows × classCount, row-major. Only roc_auc, log_loss and brier read it. */
  probabilities: Float64Array;
  classCount: number;
}

const EPSILON = 2 ** -52;

/**
 * Classification metrics. With two classes, class index 1 is the positive one. With more, precision, recall, f1 and roc_auc
 * (one class against the rest) are macro means, and brier sums over the classes before the mean over rows, as scikit-learn
 * does; classes that never occur in truth are left out of roc_auc.
 */
export function classificationMetrics<Name extends ClassificationMetric>(
  names: readonly Name[],
  rows: Classified,
): Record<Name, number> {
  const confusion = names.some((name) => name in CONFUSION) ? confusionOf(rows) : undefined;
  // Of a class that the model does not know there is no probability.
  const isKnown = !rows.truth.includes(-1);
  const result = {} as Record<Name, number>;
  for (const name of names)
    result[name] = name in CONFUSION || isKnown ? classificationMetric(name, rows, confusion) : Number.NaN;
  return result;
}

const CONFUSION = { accuracy: 1, balanced_accuracy: 1, precision: 1, recall: 1, f1: 1 };

function classificationMetric(
  name: ClassificationMetric,
  rows: Classified,
  confusion: ReturnType<typeof confusionScores> | undefined,
): number {
  switch (name) {
    case "roc_auc":
      return multiclassRocAuc(rows);
    case "log_loss":
      return logLoss(rows);
    case "brier":
      return brier(rows);
    default:
      return confusion![name];
  }
}

/** Labels that are none of the classes have a row and a column of their own, so that none of them drops out. */
function confusionOf({ truth, predicted, classCount }: Classified) {
  const size = classCount + 1;
  const place = (index: number) => (index < 0 ? classCount : index);
  const counts = new Float64Array(size * size);
  for (let i = 0; i < truth.length; i++) counts[place(truth[i]!) * size + place(predicted[i]!)]! += 1;
  return confusionScores(counts, size, classCount === 2);
}

/** −mean log p(true class), p kept in [ε, 1 − ε]. */
function logLoss({ truth, probabilities, classCount }: Classified): number {
  let sum = 0;
  for (let i = 0; i < truth.length; i++) {
    const p = probabilities[i * classCount + truth[i]!]!;
    sum -= Math.log(Math.min(1 - EPSILON, Math.max(EPSILON, p)));
  }
  return sum / truth.length;
}

/** Mean squared distance between probabilities and truth: of class 1 when there are two, summed over classes when more. */
function brier({ truth, probabilities, classCount }: Classified): number {
  let sum = 0;
  for (let i = 0; i < truth.length; i++)
    for (let c = classCount === 2 ? 1 : 0; c < classCount; c++)
      sum += (probabilities[i * classCount + c]! - (truth[i] === c ? 1 : 0)) ** 2;
  return sum / truth.length;
}

function multiclassRocAuc(rows: Classified): number {
  if (rows.classCount === 2) return oneAgainstRest(rows, 1);
  const areas: number[] = [];
  for (let c = 0; c < rows.classCount; c++) if (rows.truth.includes(c)) areas.push(oneAgainstRest(rows, c));
  return areas.reduce((a, b) => a + b, 0) / areas.length;
}

function oneAgainstRest({ truth, probabilities, classCount }: Classified, positive: number): number {
  let count = 0;
  for (const c of truth) if (c === positive) count++;
  const positives = new Float64Array(count);
  const negatives = new Float64Array(truth.length - count);
  let p = 0;
  let n = 0;
  for (let i = 0; i < truth.length; i++) {
    const score = probabilities[i * classCount + positive]!;
    if (truth[i] === positive) positives[p++] = score;
    else negatives[n++] = score;
  }
  return rocAuc(positives, negatives);
}

export interface Regressed {
  truth: Float64Array;
  predicted: Float64Array;
}

/**
 * Regression metrics. mape is a fraction (0.1 is ten per cent) with |truth| kept above ε, so a truth of 0 gives a huge
 * value rather than none. r2 of a constant truth is 1 when every prediction is right, else 0; NaN below two rows.
 */
export function regressionMetrics<Name extends RegressionMetric>(
  names: readonly Name[],
  { truth, predicted }: Regressed,
): Record<Name, number> {
  let absolute = 0;
  let squared = 0;
  let share = 0;
  for (let i = 0; i < truth.length; i++) {
    const error = Math.abs(truth[i]! - predicted[i]!);
    absolute += error;
    squared += error * error;
    share += error / Math.max(EPSILON, Math.abs(truth[i]!));
  }
  const values: Record<RegressionMetric, number> = {
    mae: absolute / truth.length,
    rmse: Math.sqrt(squared / truth.length),
    r2: determination(truth, squared),
    mape: share / truth.length,
  };
  const result = {} as Record<Name, number>;
  for (const name of names) result[name] = values[name];
  return result;
}

function determination(truth: Float64Array, squaredError: number): number {
  if (truth.length < 2) return Number.NaN;
  // Asked of the values: the mean of equal ones is not quite theirs, and the spread around it not quite 0.
  if (truth.every((y) => y === truth[0])) return squaredError === 0 ? 1 : 0;
  let mean = 0;
  for (const y of truth) mean += y / truth.length;
  let spread = 0;
  for (const y of truth) spread += (y - mean) ** 2;
  return 1 - squaredError / spread;
}
