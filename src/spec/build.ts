/** From the shape of a pipeline to the Pipeline that the rest of Trimtab reads: defaults filled in, parts checked together. */

import { keepSecret } from "../base/log.ts";
import type { Complaints } from "./complaints.ts";
import { lessIsBetter } from "./metrics.ts";
import { mendName } from "./nearest.ts";
import type { RawPipeline } from "./schema.ts";
import { buildSteps } from "./steps.ts";
import type { Allowance, GateRule } from "./types.ts";
import * as t from "./types.ts";
import { allowanceFor, amountFor, type RawAmount, type Reading, show } from "./values.ts";

/** Default of every optional setting outside the steps; the reference page says the same, and a test holds them equal. */
const DEFAULTS = {
  weights: { direct: [100], shadow: [100], canary: [5, 25, 50, 100], ab: [50] },
  intervalMs: 600_000,
  driftWindowRows: 5000,
  minOutcomes: 200,
  cooldownMs: 3_600_000,
} as const;

/** A drift test whose scale is settled enough to have a usual threshold. */
const USUAL_THRESHOLD: Partial<Record<t.DriftTest, number>> = { psi: 0.2 };

/** Of models, data and steps. */
export const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;
const METRICS: readonly string[] = [...t.CLASSIFICATION_METRICS, ...t.REGRESSION_METRICS];

/** Always returns a pipeline; it may be used only when nothing was complained about. */
export function buildPipeline(
  raw: RawPipeline,
  about: { file: string; root: string },
  complaints: Complaints,
): t.Pipeline {
  const steps = buildSteps(raw.steps ?? {}, complaints);
  checkNames(raw, complaints);
  const gate = buildGate(raw, steps, complaints);
  chooseBest(steps, gate, complaints);
  return {
    model: raw.model ?? "",
    ...about,
    data: buildData(raw, complaints),
    steps,
    gate,
    deploy: buildDeploy(raw, complaints),
    monitor: buildMonitor(raw, steps, complaints),
    retrain: buildRetrain(raw, complaints),
    alerts: buildAlerts(raw, complaints),
    retention: buildRetention(raw),
  };
}

/** A grid that does not say what is best follows the gate's first rule. */
function chooseBest(steps: Record<string, t.Step>, gate: readonly GateRule[], complaints: Complaints): void {
  const metric = gate.find((rule) => METRICS.includes(rule.metric))?.metric;
  for (const step of Object.values(steps)) {
    if (step.kind !== "cmd" || step.grid === undefined || step.best !== undefined) continue;
    const path = ["steps", step.name, "best"];
    if (metric !== undefined) step.best = { metric, goal: lessIsBetter(metric) ? "min" : "max" };
    else if (!complaints.touches(path) && !complaints.touches(["gate"]))
      complaints.add({
        path: ["steps", step.name, "grid"],
        what: "nothing says which combination is the best",
        mend: "add best: { max: accuracy }, with a metric that the step reports, or a gate",
      });
  }
}

function checkNames(raw: RawPipeline, complaints: Complaints): void {
  const mend = "use at most 100 letters, digits and _, and - or . after the first";
  if (raw.model === undefined && !complaints.touches(["model"])) {
    complaints.add({ path: ["model"], what: "there is no model", mend: "add model: with the model's name" });
  }
  if (raw.model !== undefined && !NAME.test(raw.model)) {
    complaints.add({ path: ["model"], what: `${show(raw.model)} cannot be a model's name`, mend });
  }
  for (const [kind, mapping] of Object.entries({ data: raw.data, steps: raw.steps })) {
    for (const name of Object.keys(mapping ?? {})) {
      if (!NAME.test(complaints.writtenAs.get(name) ?? name))
        complaints.add({ path: [kind, name], what: `${show(name)} cannot be a name in ${kind}`, mend });
    }
  }
  if (Object.keys(raw.steps ?? {}).length === 0 && !complaints.touches(["steps"])) {
    complaints.add({ path: ["steps"], what: "there are no steps", mend: "add steps: with at least one step" });
  }
}

const buildData = (raw: RawPipeline, complaints: Complaints): t.Pipeline["data"] =>
  Object.fromEntries(
    Object.entries(raw.data ?? {}).map(([name, uri]) => [name, { name, uri, line: complaints.lineOf(["data", name]) }]),
  );

/** The value of a reading, its complaints told. */
function take<T>(reading: Reading<T>, path: readonly (string | number)[], complaints: Complaints): T | undefined {
  if ("value" in reading) return reading.value;
  for (const w of reading.wrong) complaints.add({ path, ...w });
  return undefined;
}

function buildGate(raw: RawPipeline, steps: t.Pipeline["steps"], complaints: Complaints): GateRule[] {
  const evaluations = Object.values(steps).filter((step) => step.kind === "evaluate");
  const measured = [...new Set([...evaluations.flatMap((step) => step.metrics), ...t.RUNTIME_METRICS])];
  const mayMiss = complaints.some(
    ([top, , key]) => top === "steps" && (key === undefined || key === "evaluate" || key === "metrics"),
  );
  const rules = Object.entries(raw.gate ?? {});
  if (rules.length > 0 && evaluations.length === 0 && !mayMiss) {
    const what = "the gate has rules, but no step measures a model";
    complaints.add({ path: ["gate"], what, mend: "add a step with evaluate:, or remove gate:" });
  }
  return rules.map(([metric, rule]) => {
    const check = (name: string, path: readonly string[]): void => {
      const isMetric = METRICS.includes(name) || t.RUNTIME_METRICS.some((m) => m === name);
      if (!isMetric) {
        const mend = mendName(name, mayMiss ? [...METRICS, ...t.RUNTIME_METRICS] : measured, "metrics");
        complaints.add({ path, what: `there is no metric ${show(name)}`, mend });
      } else if (!measured.some((m) => m === name) && evaluations.length > 0 && !mayMiss) {
        const mend = `add ${name} to metrics: of the step ${evaluations[0]!.name}`;
        complaints.add({ path, what: `no evaluate step measures ${name}`, mend });
      }
    };
    check(metric, ["gate", metric]);
    if (rule.unless_better !== undefined) check(rule.unless_better, ["gate", metric, "unless_better"]);
    return buildRule(metric, rule, complaints);
  });
}

type RawRule = NonNullable<RawPipeline["gate"]>[string];

function buildRule(metric: string, raw: RawRule, complaints: Complaints): GateRule {
  const path = ["gate", metric];
  const bound = (key: "min" | "max", value: RawAmount | undefined): number | undefined =>
    value === undefined ? undefined : take(amountFor(metric, value), [...path, key], complaints);
  const allowance = (key: "max_drop" | "max_rise", value: RawAmount | undefined): Allowance | undefined =>
    value === undefined ? undefined : take(allowanceFor(metric, value), [...path, key], complaints);
  const min = bound("min", raw.min);
  const max = bound("max", raw.max);
  const maxDrop = allowance("max_drop", raw.max_drop);
  const maxRise = allowance("max_rise", raw.max_rise);
  checkBounds(path, { min, max }, [maxDrop, maxRise], complaints);
  if (raw.unless_better !== undefined && maxDrop === undefined && maxRise === undefined && !complaints.touches(path)) {
    const what = "unless_better forgives a max_drop or max_rise, and there is none";
    complaints.add({ path: [...path, "unless_better"], what, mend: "add max_drop or max_rise, or remove it" });
  }
  return {
    metric,
    line: complaints.lineOf(path),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(maxDrop && { maxDrop }),
    ...(maxRise && { maxRise }),
    ...(raw.unless_better !== undefined && { unlessBetter: raw.unless_better }),
  };
}

function checkBounds(
  path: readonly string[],
  { min, max }: { min: number | undefined; max: number | undefined },
  others: readonly unknown[],
  complaints: Complaints,
): void {
  if (complaints.touches(path)) return;
  if (min !== undefined && max !== undefined && min > max) {
    complaints.add({ path, what: `min ${min} is above max ${max}`, mend: "swap them, or remove one" });
  }
  if (min === undefined && max === undefined && others.every((o) => o === undefined)) {
    const keys = others.length > 0 ? "min, max, max_drop or max_rise" : "min or max";
    complaints.add({ path, what: "the rule has no bound", mend: `add ${keys}` });
  }
}

function buildDeploy({ deploy }: RawPipeline, complaints: Complaints): t.DeploySpec {
  const strategy = deploy?.strategy ?? "direct";
  const weights = deploy?.weights ?? [...DEFAULTS.weights[strategy]];
  if (deploy?.weights !== undefined) checkWeights(strategy, weights, complaints);
  for (const key of ["weights", "interval"] as const) {
    if (deploy?.[key] === undefined || deploy.strategy !== undefined || complaints.touches(["deploy", "strategy"]))
      continue;
    // Whoever writes shares of the traffic does not expect all of it to move at once.
    const what = `${key} without strategy: would be ignored, since a version takes over at once unless told`;
    complaints.add({ path: ["deploy", key], what, mend: "add strategy: canary or ab, or direct to take over at once" });
  }
  return {
    strategy,
    weights,
    intervalMs: deploy?.interval ?? DEFAULTS.intervalMs,
    approve: deploy?.approve ?? false,
    ...(deploy?.replicas !== undefined && { replicas: deploy.replicas }),
    line: complaints.lineOf(["deploy"]),
  };
}

function checkWeights(strategy: t.DeploySpec["strategy"], weights: number[], complaints: Complaints): void {
  const path = ["deploy", "weights"];
  if (strategy === "ab") {
    if (weights.length === 1 && weights[0]! < 100) return;
    const what = `${show(weights)} is not the candidate's one share of an ab test`;
    complaints.add({ path, what, mend: "write one percentage below 100, such as [50]" });
    return;
  }
  const ascends = weights.every((weight, i) => i === 0 || weight > weights[i - 1]!);
  if (ascends && weights.at(-1) === 100) return;
  const what = `${show(weights)} does not ascend to 100`;
  complaints.add({ path, what, mend: "write ascending percentages that end with 100, such as [5, 25, 50, 100]" });
}

/** The other sort of metric than the one that the steps measure, when they measure any. */
function foreignMetrics(steps: t.Pipeline["steps"]): readonly string[] {
  const measured = Object.values(steps).flatMap((step) => (step.kind === "evaluate" ? step.metrics : []));
  const [ofClasses, ofNumbers] = [t.CLASSIFICATION_METRICS, t.REGRESSION_METRICS].map((sort) =>
    measured.some((metric) => sort.some((m) => m === metric)),
  );
  return ofClasses === ofNumbers ? [] : ofClasses ? t.REGRESSION_METRICS : t.CLASSIFICATION_METRICS;
}

function buildMonitor({ monitor }: RawPipeline, steps: t.Pipeline["steps"], complaints: Complaints): t.MonitorSpec {
  const foreign = foreignMetrics(steps);
  const drift = buildDrift(monitor?.drift, complaints);
  return {
    ...(monitor?.time !== undefined && { time: monitor.time }),
    ...(drift && { drift }),
    performance: Object.entries(monitor?.performance ?? {}).map(([metric, { min, max }]) => {
      const path = ["monitor", "performance", metric];
      if (!METRICS.includes(metric)) {
        complaints.add({
          path,
          what: `there is no metric ${show(metric)}`,
          mend: mendName(metric, METRICS, "metrics"),
        });
      }
      if (foreign.includes(metric)) {
        const what = `${metric} does not fit what the evaluate steps measure`;
        const mend = `use one of ${METRICS.filter((m) => !foreign.includes(m)).join(", ")}`;
        complaints.add({ path, what, mend });
      }
      checkBounds(path, { min, max }, [], complaints);
      return {
        metric: metric as t.MetricName,
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
        line: complaints.lineOf(path),
      };
    }),
    minOutcomes: monitor?.min_outcomes ?? DEFAULTS.minOutcomes,
  };
}

/** Where the scores of a test end: a threshold there or beyond it has one answer to everything. */
const P_END = { at: 1, of: "a p-value", so: "every window would fire" };
const SCORES_END: Partial<Record<t.DriftTest, { at: number; of: string; so: string }>> = {
  ks: P_END,
  chi_square: P_END,
  jensen_shannon: { at: 0.8326, of: "a distance", so: "no window would fire" },
};

function buildDrift(
  raw: NonNullable<RawPipeline["monitor"]>["drift"],
  complaints: Complaints,
): t.MonitorSpec["drift"] | undefined {
  if (raw === undefined) return undefined;
  const path = ["monitor", "drift"];
  const test = raw.test ?? "psi";
  const threshold = raw.threshold ?? USUAL_THRESHOLD[test];
  if (threshold === undefined && !complaints.touches([...path, "threshold"])) {
    const what = `the drift test ${test} has no usual threshold`;
    complaints.add({ path: [...path, "threshold"], what, mend: "add threshold: with a number above 0" });
  }
  const end = SCORES_END[test];
  if (threshold !== undefined && end !== undefined && threshold >= end.at) {
    const what = `${test} is judged by ${end.of}, which is never above ${end.at}: ${end.so}`;
    complaints.add({ path: [...path, "threshold"], what, mend: `write a number below ${end.at}` });
  }
  const columns = raw.columns ?? [];
  const twice = columns.findIndex((name, i) => columns.indexOf(name) < i);
  if (twice >= 0)
    complaints.add({
      path: [...path, "columns", twice],
      what: `${columns[twice]} stands here twice`,
      mend: "remove one",
    });
  const minColumns = raw.min_columns ?? 1;
  if (columns.length > 0 && minColumns > columns.length) {
    const what = `min_columns is ${minColumns}, and only ${columns.length} columns are watched`;
    complaints.add({ path: [...path, "min_columns"], what, mend: `write at most ${columns.length}` });
  }
  return {
    test,
    threshold: threshold ?? 0,
    window: raw.window ?? { rows: DEFAULTS.driftWindowRows },
    columns,
    minColumns,
    line: complaints.lineOf(path),
  };
}

function buildRetrain({ retrain, monitor }: RawPipeline, complaints: Complaints): t.RetrainSpec {
  const when = retrain?.when ?? [];
  for (const [i, trigger] of when.entries()) {
    if (trigger !== "drift" && trigger !== "performance") continue;
    if (monitor?.[trigger] === undefined && !complaints.touches(["monitor", trigger])) {
      const what = `${trigger} can never fire: there is no monitor.${trigger}`;
      complaints.add({ path: ["retrain", "when", i], what, mend: `add monitor.${trigger}, or remove it here` });
    }
  }
  return {
    when: {
      drift: when.includes("drift"),
      performance: when.includes("performance"),
      newData: when.includes("new_data"),
      webhook: when.includes("webhook"),
      schedules: when.flatMap((trigger) => (typeof trigger === "object" ? [trigger.schedule] : [])),
    },
    cooldownMs: retrain?.cooldown ?? DEFAULTS.cooldownMs,
    line: complaints.lineOf(["retrain"]),
  };
}

function buildAlerts({ alerts }: RawPipeline, complaints: Complaints): t.AlertSpec[] {
  return (alerts ?? []).flatMap((alert, i) => {
    const path = ["alerts", i];
    const specs = (["slack", "webhook"] as const).flatMap((kind) => {
      const url = alert[kind];
      if (url === undefined) return [];
      keepSecret(url);
      return [{ kind, url, line: complaints.lineOf(path) }];
    });
    if (specs.length === 0 && !complaints.touches(path)) {
      complaints.add({ path, what: "the alert has no address", mend: "add slack: or webhook: with an address" });
    }
    return specs;
  });
}

const buildRetention = ({ retention }: RawPipeline): t.RetentionSpec => ({
  ...(retention?.predictions !== undefined && { predictionsMs: retention.predictions }),
  ...(retention?.runs !== undefined && { runsMs: retention.runs }),
  ...(retention?.bytes !== undefined && { bytes: retention.bytes }),
});
