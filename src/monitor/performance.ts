/** Live performance of a window: answers against what came true, and the rules over them. Pure. */

import type { TrimtabFlavor } from "../spec/mlmodel.ts";
import { CLASSIFICATION_METRICS, type MetricName, type MonitorSpec, REGRESSION_METRICS } from "../spec/types.ts";
import { type Classified, classificationMetrics, regressionMetrics } from "../stats/metrics.ts";
import type { Answers } from "./answers.ts";
import { classesOf } from "./labels.ts";

export interface PerformanceRule {
  metric: MetricName;
  /** Null when it cannot be computed: one class only, no probabilities, or a metric of the other task. */
  value: number | null;
  min?: number;
  max?: number;
  pass: boolean;
}

export interface PerformanceVerdict {
  fired: boolean;
  /** Rows whose outcome is known. */
  outcomes: number;
  rows: number;
  metrics: Partial<Record<MetricName, number | null>>;
  rules: PerformanceRule[];
  /** One line for people. */
  reason: string;
}

/** Every metric of the task over the rows whose truth (NaN: not known) and answer are known. */
export function measurePerformance(
  flavor: TrimtabFlavor,
  answers: Answers,
  truths: Float64Array,
): { outcomes: number; metrics: PerformanceVerdict["metrics"] } {
  const places: number[] = [];
  truths.forEach((truth, place) => {
    if (!Number.isNaN(truth) && !Number.isNaN(answers.answer(place))) places.push(place);
  });
  const truth = Float64Array.from(places, (place) => truths[place]!);
  const predicted = Float64Array.from(places, (place) => answers.answer(place));
  const values: Partial<Record<MetricName, number>> =
    flavor.task === "regression"
      ? regressionMetrics(REGRESSION_METRICS, { truth, predicted })
      : classified(truth, predicted, probabilities(flavor, answers, places));
  const metrics = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
  );
  return { outcomes: places.length, metrics };
}

function classified(
  truth: Float64Array,
  predicted: Float64Array,
  known: Pick<Classified, "probabilities" | "classCount">,
): Partial<Record<MetricName, number>> {
  // A model without probabilities, or a row without, leaves the metrics that read them unknown.
  const names = known.probabilities.some(Number.isNaN) ? WITHOUT_PROBABILITIES : CLASSIFICATION_METRICS;
  return classificationMetrics(names, {
    truth: Int32Array.from(truth),
    predicted: Int32Array.from(predicted),
    ...known,
  });
}

const WITHOUT_PROBABILITIES = CLASSIFICATION_METRICS.filter((name) => !/^(roc_auc|log_loss|brier)$/.test(name));

/** Rows × classes; of two classes only P(class 1) was kept. */
function probabilities(
  flavor: TrimtabFlavor,
  answers: Answers,
  places: readonly number[],
): Pick<Classified, "probabilities" | "classCount"> {
  const classCount = classesOf(flavor).length;
  const values = new Float64Array(places.length * classCount);
  places.forEach((place, row) => {
    for (let k = 0; k < answers.probabilities; k++) {
      const p = answers.probability(place, k);
      if (answers.probabilities === 1) values[row * 2] = 1 - p;
      values[row * classCount + (answers.probabilities === 1 ? 1 : k)] = p;
    }
  });
  return { probabilities: values, classCount };
}

/** Judges measured metrics. A metric that cannot be computed does not fire. */
export function judgePerformance(
  rules: MonitorSpec["performance"],
  rows: number,
  { outcomes, metrics }: ReturnType<typeof measurePerformance>,
): PerformanceVerdict {
  const judged = rules.map(({ metric, min, max }): PerformanceRule => {
    const value = metrics[metric] ?? null;
    const pass =
      value === null || (value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY));
    return { metric, value, ...(min !== undefined && { min }), ...(max !== undefined && { max }), pass };
  });
  const fired = judged.some(({ pass }) => !pass);
  return { fired, outcomes, rows, metrics, rules: judged, reason: reasonOf(judged, outcomes) };
}

function reasonOf(rules: readonly PerformanceRule[], outcomes: number): string {
  const shown = rules.map(({ metric, value, min, max, pass }) => {
    if (value === null) return `${metric} cannot be computed`;
    const limit = !pass && min !== undefined && value < min ? ` below ${min}` : !pass ? ` above ${max}` : "";
    return `${metric} ${value.toPrecision(4)}${limit}`;
  });
  return `${shown.join(", ")} on ${outcomes} outcomes`;
}
