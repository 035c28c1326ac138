/**
 * A parsed pipeline.yaml: what the rest of Trimtab reads. Every default is filled in, every duration is in milliseconds,
 * every size in bytes; `line` is where the thing stands in the file.
 */

import type { Scalar } from "../base/columns.ts";

export interface Pipeline {
  /** The model's name, also the pipeline's. */
  model: string;
  /** The file it came from, relative to `root`. */
  file: string;
  /** The folder that paths in it are relative to. */
  root: string;
  data: Record<string, DataSource>;
  steps: Record<string, Step>;
  gate: GateRule[];
  deploy: DeploySpec;
  monitor: MonitorSpec;
  retrain: RetrainSpec;
  alerts: AlertSpec[];
  retention: RetentionSpec;
}

export interface DataSource {
  name: string;
  /** File, folder, glob, s3:// or a .dvc pointer, as written. */
  uri: string;
  line: number;
}

/** What does the data work of a step; spark is refused when used. */
export type Engine = "duckdb" | "spark";

export type StepKind = "validate" | "transform" | "cmd" | "evaluate";

interface StepBase {
  name: string;
  line: number;
  /** Files and folders read besides what the verb names; relative to the root. */
  deps: string[];
  /** Files and folders written; relative to the root. */
  outs: string[];
  /** Parameters after overrides (--param, TRIMTAB_PARAM_…). */
  params: Record<string, ParamValue>;
  retry: { attempts: number; delayMs: number; backoff: number };
  resources: { cpus?: number; memoryBytes?: number; timeoutMs?: number };
  /** Environment variables whose values belong to the cache key. */
  env: string[];
  /** False: always runs, never restored. */
  cache: boolean;
  /** "local" now; others are refused when used. */
  runner: string;
  /** Of a step that came of a matrix: its values. */
  item?: Record<string, Scalar>;
  /** For people. */
  desc?: string;
}

export type ParamValue = Scalar | ParamValue[] | { [key: string]: ParamValue };

export interface ValidateStep extends StepBase {
  kind: "validate";
  /** A data source's name, or a file that a step writes. */
  subject: string;
  expectations: Expectation[];
  /** A Great Expectations suite file whose expectations are added. */
  suite?: string;
  engine: Engine;
}

export interface Expectation {
  /** Great Expectations' name without `expect_`: "column_values_to_not_be_null". */
  type: string;
  /** Its keyword arguments: column, min_value, max_value, mostly, … */
  kwargs: Record<string, unknown>;
  line: number;
}

export interface TransformStep extends StepBase {
  kind: "transform";
  subject: string;
  /** features.yaml. */
  spec: string;
  /** Share of rows set aside; `by` a column: the newest rows, else a hash of the row decides. */
  split?: { holdout: number; by?: string };
  engine: Engine;
  /**
   * outs[0]: features of the training rows; outs[1], with a split: the holdout rows, raw; last, added by the parser: the
   * fitted state, features.json beside outs[0].
   */
}

export interface CmdStep extends StepBase {
  kind: "cmd";
  /** Run by `sh -c`, with ${param} replaced. Several commands run one after the other. */
  cmd: string[];
  /** The folder that the commands change to first, relative to the root; words of a command are relative to it. */
  wdir?: string;
  /** Outputs (also in `outs`) that hold metrics as JSON or YAML: DVC's `metrics`. */
  metricFiles: string[];
  /** Values of params, each combination of which is tried; `best` says which becomes the step's outputs. */
  grid?: Record<string, ParamValue[]>;
  best?: { metric: string; goal: "max" | "min" };
  /**
   * Set by the pipeline when it takes a grid apart, never by the parser: the step is one combination of the grid of step `of`,
   * with these params, and runs in `tree`, a folder relative to the root that looks like the root.
   */
  combination?: { of: string; params: Record<string, ParamValue>; tree: string };
}

export interface EvaluateStep extends StepBase {
  kind: "evaluate";
  /** The model folder or file that a step writes. */
  subject: string;
  /** The file with the holdout rows, raw. */
  on: string;
  target: string;
  metrics: MetricName[];
}

export type Step = ValidateStep | TransformStep | CmdStep | EvaluateStep;

export const CLASSIFICATION_METRICS = [
  "accuracy",
  "balanced_accuracy",
  "precision",
  "recall",
  "f1",
  "roc_auc",
  "log_loss",
  "brier",
] as const;
export const REGRESSION_METRICS = ["mae", "rmse", "r2", "mape"] as const;
export type MetricName = (typeof CLASSIFICATION_METRICS)[number] | (typeof REGRESSION_METRICS)[number];

/** Measured for every evaluated model, besides the step's metrics. */
export const RUNTIME_METRICS = ["latency_ms_p50", "latency_ms_p99", "memory_bytes", "model_bytes"] as const;

export interface GateRule {
  metric: string;
  line: number;
  min?: number;
  max?: number;
  /** How far below (above, for metrics where less is better) the champion it may be: absolute, or relative when `relative`. */
  maxDrop?: Allowance;
  maxRise?: Allowance;
  /** A max_rise or max_drop is forgiven when this metric is better than the champion's. */
  unlessBetter?: string;
}

export interface Allowance {
  amount: number;
  relative: boolean;
}

export interface DeploySpec {
  strategy: "direct" | "shadow" | "canary" | "ab";
  weights: number[];
  intervalMs: number;
  approve: boolean;
  /** Serving processes; undefined: one a core. */
  replicas?: number;
  line: number;
}

export const DRIFT_TESTS = ["psi", "ks", "kl", "jensen_shannon", "wasserstein", "chi_square"] as const;
export type DriftTest = (typeof DRIFT_TESTS)[number];

/** By count (`rows`) or by time (`ms`): a slice of live predictions. */
export type WindowSize = { rows: number } | { ms: number };

export interface MonitorSpec {
  /** Column with the event time; undefined: the time of arrival. Windows and the cooldown are measured on it. */
  time?: string;
  drift?: {
    test: DriftTest;
    threshold: number;
    window: WindowSize;
    /** Columns watched; empty: every input column but `time`. */
    columns: string[];
    /** How many columns must drift before the rule fires. */
    minColumns: number;
    line: number;
  };
  /** Live metrics once outcomes have arrived, over the same windows. */
  performance: { metric: MetricName; min?: number; max?: number; line: number }[];
  /** Outcomes a window needs before its performance counts. */
  minOutcomes: number;
}

export type TriggerName = "manual" | "schedule" | "drift" | "performance" | "new_data" | "webhook" | "ci" | "registry";

export interface RetrainSpec {
  when: { drift: boolean; performance: boolean; newData: boolean; webhook: boolean; schedules: string[] };
  cooldownMs: number;
  line: number;
}

export interface AlertSpec {
  kind: "slack" | "webhook";
  /** Already resolved from the environment; registered as a secret. */
  url: string;
  line: number;
}

export interface RetentionSpec {
  predictionsMs?: number;
  runsMs?: number;
  bytes?: number;
}
