/** Metrics that need only the table of true class by predicted class, so that a database may count it. */

export interface ConfusionScores {
  accuracy: number;
  balanced_accuracy: number;
  precision: number;
  recall: number;
  f1: number;
}

/**
 * Scores from counts, row-major `classCount` × `classCount`, truth down and prediction across, as scikit-learn's functions
 * of the same names give them. With two classes precision, recall and f1 are those of class 1; with more they are the plain
 * mean over the classes that occur in truth or prediction (`average="macro"`). A ratio with nothing below is 0
 * (`zero_division=0`). Balanced accuracy is the mean recall of the classes that occur in truth. NaN without rows. A table of
 * more than two classes may hold, last, one for everything that is none of the classes; `isBinary` tells that two of three are.
 */
export function confusionScores(
  counts: ArrayLike<number>,
  classCount: number,
  isBinary = classCount === 2,
): ConfusionScores {
  const classes = Array.from({ length: classCount }, (_, c) => oneClass(counts, classCount, c));
  const rows = sum(classes.map((c) => c.truth));
  const seen = classes.filter((c) => c.truth + c.predicted > 0);
  const judged = isBinary ? [classes[1]!] : seen;
  return {
    accuracy: sum(classes.map((c) => c.hits)) / rows,
    balanced_accuracy: mean(classes.filter((c) => c.truth > 0).map((c) => c.hits / c.truth)),
    precision: rows === 0 ? Number.NaN : mean(judged.map((c) => ratio(c.hits, c.predicted))),
    recall: rows === 0 ? Number.NaN : mean(judged.map((c) => ratio(c.hits, c.truth))),
    f1: rows === 0 ? Number.NaN : mean(judged.map((c) => ratio(2 * c.hits, c.truth + c.predicted))),
  };
}

interface ClassCounts {
  hits: number;
  truth: number;
  predicted: number;
}

function oneClass(counts: ArrayLike<number>, classCount: number, c: number): ClassCounts {
  let truth = 0;
  let predicted = 0;
  for (let other = 0; other < classCount; other++) {
    truth += counts[c * classCount + other]!;
    predicted += counts[other * classCount + c]!;
  }
  return { hits: counts[c * classCount + c]!, truth, predicted };
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
