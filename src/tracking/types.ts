/** What tracking speaks of, free of any protocol. Times in milliseconds since the epoch, ids as text. */

import type { Clock } from "../base/clock.ts";
import type { Db } from "../db/db.ts";
import type { Lifecycle } from "../db/experiments.ts";
import type { LoggedModelStatus } from "../db/logged_models.ts";
import type { MetricPoint } from "../db/metrics.ts";
import type { Pair } from "../db/run_values.ts";
import type { RunStatus } from "../db/runs.ts";

import type { TraceState } from "../db/traces.ts";
import type { ArtifactStore } from "../store/artifacts.ts";

export type { Lifecycle, LoggedModelStatus, MetricPoint, Pair, RunStatus };

export interface TrackingOptions {
  db: Db;
  clock: Clock;
  /** URI below which experiments keep their artifacts; "mlflow-artifacts:" unless told. */
  artifactRoot?: string;
  /** Holds the files of runs, models and traces, which a purge takes away; it refuses to work without. */
  artifacts?: ArtifactStore;
}

/** Who did it and why, for the journal. */
export interface Who {
  actor: string;
  reason?: string;
}

export interface Experiment {
  experimentId: string;
  name: string;
  artifactLocation: string;
  lifecycle: Lifecycle;
  createdMs: number;
  updatedMs: number;
  tags: Pair[];
}

/** A point that also belongs to a logged model when modelId is there. */
export interface LoggedMetric extends MetricPoint {
  modelId?: string;
  datasetName?: string;
  datasetDigest?: string;
}

export interface Dataset {
  name: string;
  digest: string;
  sourceType: string;
  source: string;
  schema?: string;
  profile?: string;
}

export interface DatasetInput {
  dataset: Dataset;
  tags: Pair[];
}

export interface ModelOutput {
  modelId: string;
  step: number;
}

export interface RunInfo {
  runId: string;
  name: string;
  experimentId: string;
  userId: string;
  status: RunStatus;
  startMs: number;
  endMs?: number;
  artifactUri: string;
  lifecycle: Lifecycle;
}

export interface Run extends RunInfo {
  /** The latest point a key. */
  metrics: MetricPoint[];
  params: Pair[];
  tags: Pair[];
  datasets: DatasetInput[];
  modelInputs: string[];
  modelOutputs: ModelOutput[];
}

export interface LoggedModel {
  modelId: string;
  experimentId: string;
  name: string;
  artifactUri: string;
  status: LoggedModelStatus;
  modelType: string;
  sourceRunId: string;
  lifecycle: Lifecycle;
  createdMs: number;
  updatedMs: number;
  tags: Pair[];
  params: Pair[];
  metrics: (LoggedMetric & { runId: string })[];
}

export interface Trace {
  traceId: string;
  experimentId: string;
  requestMs: number;
  durationMs?: number;
  state: TraceState;
  clientRequestId?: string;
  requestPreview?: string;
  responsePreview?: string;
  tags: Pair[];
  metadata: Pair[];
  /** In the protocol's JSON, each with assessment_id and trace_id. */
  assessments: Record<string, unknown>[];
}

export interface Page<T> {
  items: T[];
  /** Absent at the end. */
  nextPageToken?: string;
}

/** Tags with a meaning of their own. Most are MLflow's. */
export const TAGS = {
  runName: "mlflow.runName",
  models: "mlflow.log-model.history",
  parentRun: "mlflow.parentRunId",
  user: "mlflow.user",
  gitCommit: "mlflow.source.git.commit",
  datasetContext: "mlflow.data.context",
  gitDirty: "trimtab.git.dirty",
  trigger: "trimtab.trigger",
  /** Of an experiment: the pipeline whose runs it holds. */
  pipelineExperiment: "trimtab.experiment_of",
} as const;
