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
