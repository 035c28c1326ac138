import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ClassificationMetric,
  classificationMetrics,
  type RegressionMetric,
  regressionMetrics,
} from "../../src/stats/metrics.ts";
import golden from "./golden/metrics.json";

function near(name: string, got: number, want: number): void {
  if (!(Math.abs(got - want) <= 1e-12 * Math.max(1, Math.abs(want)))) throw new Error(`${name}: ${got}, not ${want}`);
}

describe("equal to scikit-learn", () => {
  for (const { name, scores, classCount, ...arrays } of golden.classification)
    test(name, () => {
      const got = classificationMetrics(Object.keys(scores) as ClassificationMetric[], {
        truth: Int32Array.from(arrays.truth),
        predicted: Int32Array.from(arrays.predicted),
        probabilities: Float64Array.from(arrays.probabilities),
        classCount,
      });
      for (const [metric, want] of Object.entries(scores)) near(metric, got[metric as ClassificationMetric], want);
    });
  for (const { name, scores, truth, predicted } of golden.regression)
    test(name, () => {
      const got = regressionMetrics(Object.keys(scores) as RegressionMetric[], {
        truth: Float64Array.from(truth),
        predicted: Float64Array.from(predicted),
      });
      for (const [metric, want] of Object.entries(scores)) near(metric, got[metric as RegressionMetric], want);
    });
});

test("what the rows do not define is NaN", () => {
  const none = {
    truth: new Int32Array(),
    predicted: new Int32Array(),
    probabilities: new Float64Array(),
    classCount: 2,
  };
  const all = ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier"] as const;
  for (const value of Object.values(classificationMetrics(all, none))) expect(value).toBeNaN();
  const one = { truth: Float64Array.of(1), predicted: Float64Array.of(2) };
  expect(regressionMetrics(["mae", "r2"], one)).toEqual({ mae: 1, r2: Number.NaN });
  const oneClass = {
    truth: Int32Array.of(1, 1),
    predicted: Int32Array.of(1, 0),
    probabilities: Float64Array.of(0.1, 0.9, 0.6, 0.4),
    classCount: 2,
  };
  expect(classificationMetrics(["roc_auc"], oneClass).roc_auc).toBeNaN();
});

test("r2 of a constant truth is 1 or 0, however its mean is rounded", () => {
  for (const y of [1, 0.1, 1e300, -3.7])
    for (const rows of [2, 3, 6, 10]) {
      const truth = new Float64Array(rows).fill(y);
      expect(regressionMetrics(["r2"], { truth, predicted: truth }).r2).toBe(1);
      const other = truth.map((value, i) => (i === 0 ? value / 2 : value));
      expect(regressionMetrics(["r2"], { truth, predicted: other }).r2).toBe(0);
    }
});

test("a label that is none of the classes is wrong, and drops out of nothing", () => {
  const truth = [0, 0, 1, 1, 0, 1, 2, 2];
  const names = ["accuracy", "balanced_accuracy", "precision", "recall", "f1"] as const;
  const measured = (predicted: number[], classCount: number, of = truth) =>
    classificationMetrics(names, {
      truth: Int32Array.from(of),
      predicted: Int32Array.from(predicted),
      probabilities: new Float64Array(),
      classCount,
    });
  // scikit-learn 1.9 with the unknown label as one more; zero_division=0, macro over three classes, the second of two.
  const three = measured([0, -1, 1, -1, 0, 0, 2, -1], 3);
  near("accuracy", three.accuracy, 4 / 8);
  near("balanced_accuracy", three.balanced_accuracy, (2 / 3 + 1 / 3 + 1 / 2) / 3);
  near("precision", three.precision, (2 / 3 + 1 + 1 + 0) / 4);
  near("recall", three.recall, (2 / 3 + 1 / 3 + 1 / 2 + 0) / 4);
  near("f1", three.f1, (2 / 3 + 1 / 2 + 2 / 3 + 0) / 4);
  const two = measured([-1, 0, 1, -1, -1, 1], 2, truth.slice(0, 6));
  expect(two).toEqual({ accuracy: 3 / 6, balanced_accuracy: 0.5, precision: 1, recall: 2 / 3, f1: 0.8 });
  const unknownTruth = measured([1, 0, 1], 2, [-1, 0, 1]);
  near("accuracy", unknownTruth.accuracy, 2 / 3);
  near("precision", unknownTruth.precision, 1 / 2);
});

test("what holds a NaN, or a class without a probability, is NaN and never a figure that passes a gate", () => {
  const rows = {
    truth: Int32Array.of(0, 1, 1, 0),
    predicted: Int32Array.of(0, 1, 1, 0),
    probabilities: Float64Array.of(0.9, 0.1, Number.NaN, Number.NaN, 0.2, 0.8, 0.7, 0.3),
    classCount: 2,
  };
  const names = ["roc_auc", "log_loss", "brier"] as const;
  for (const value of Object.values(classificationMetrics(names, rows))) expect(value).toBeNaN();
  for (const value of Object.values(classificationMetrics(names, { ...rows, probabilities: new Float64Array() })))
    expect(value).toBeNaN();
  const known = { ...rows, probabilities: Float64Array.of(0.9, 0.1, 0.5, 0.5, 0.2, 0.8, 0.7, 0.3) };
  for (const value of Object.values(classificationMetrics(names, known))) expect(value).toBeFinite();
  for (const value of Object.values(classificationMetrics(names, { ...known, truth: Int32Array.of(0, 1, -1, 0) })))
    expect(value).toBeNaN();
});

test("only what is asked for comes back", () => {
  const rows = { truth: Float64Array.of(1, 2), predicted: Float64Array.of(2, 2) };
  expect(Object.keys(regressionMetrics(["rmse"], rows))).toEqual(["rmse"]);
});

test("roc_auc is the share of pairs in the right order, and turns over with the scores", () => {
  const row = fc.record({ truth: fc.boolean(), score: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 40 }), (rows) => {
      const auc = (sign: number) =>
        classificationMetrics(["roc_auc"], {
          truth: Int32Array.from(rows, (r) => Number(r.truth)),
          predicted: new Int32Array(rows.length),
          probabilities: Float64Array.from(rows.flatMap((r) => [0, sign * r.score])),
          classCount: 2,
        }).roc_auc;
      let pairs = 0;
      let wins = 0;
      for (const p of rows.filter((r) => r.truth))
        for (const n of rows.filter((r) => !r.truth)) {
          pairs++;
          wins += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0;
        }
      if (pairs === 0) expect(auc(1)).toBeNaN();
      else {
        expect(auc(1)).toBeCloseTo(wins / pairs, 12);
        expect(auc(1) + auc(-1)).toBeCloseTo(1, 12);
      }
    }),
  );
});
