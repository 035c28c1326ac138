/**
 * The words of running a pipeline: what a plan, a record and a step's runner are, and the slices of other areas (the
 * cache, the recorder of runs, the hasher) that a run needs. Nothing here does anything.
 */

import type { Clock } from "../base/clock.ts";
import type { TrimtabError } from "../base/errors.ts";
import type { Db } from "../db/db.ts";
import type { OutputRecord, Parts, StepRecord } from "../db/steps.ts";
import type { DataSource, Pipeline, Step, StepKind, TriggerName } from "../spec/types.ts";

export type { OutputRecord, Parts, StepRecord } from "../db/steps.ts";

/**
 * - `keep`: the record's key matches and its outputs are in place
 * - `restore`: the key matches, the outputs come from the cache
 * - `run`: it must be executed
 * - `wait`: an upstream step runs first; whether this one runs too is decided when that one's outputs are known
 */
export type StepAction = "keep" | "restore" | "run" | "wait";

export interface PlannedStep {
  step: string;
  action: StepAction;
  /** True for `run` and `wait`. */
  run: boolean;
  reason: string;
  /** Steps that must be settled first. */
  after: string[];
  /** 0 for steps that wait for nobody, else one more than the highest of `after`. */
  level: number;
  /** Known unless the action is `wait`. */
  key?: string;
  parts?: Parts;
  /** The record that `keep` and `restore` stand on. */
  record?: StepRecord;
}

/** Content hash of a file or folder; rejects when it cannot be read. */
export type HashPath = (path: string) => Promise<{ digest: string; sizeBytes: number; files?: number }>;

/** Content hash of a data source, whatever it is: file, folder, glob, pointer. */
export type HashData = (source: DataSource, pipeline: Pipeline) => Promise<string>;

/** The content-addressed cache, as much of it as a run needs. */
export interface OutputCache {
  addTree(path: string): Promise<{ md5: string; size: number; nfiles?: number }>;
  restore(md5: string, path: string): Promise<unknown>;
  has(md5: string): boolean | Promise<boolean>;
}

/** Where a step's metrics go. */
export interface StepRecorder {
  param(name: string, value: string): Promise<void>;
  metric(name: string, value: number, step?: number): Promise<void>;
}

/** A run inside the run, for one combination of a grid. */
export interface NestedRun extends StepRecorder {
  runId: string;
  /** What differs in the environment of its processes. */
  env: Record<string, string>;
  /** The newest value of everything that was logged to it. */
  metrics(): Promise<Record<string, number>>;
  end(status: "FINISHED" | "FAILED" | "KILLED"): Promise<void>;
}

/** Where a run's params, metrics and artifacts go; life implements it over tracking. */
export interface RunRecorder extends StepRecorder {
  begin(run: {
    pipeline: Pipeline;
    trigger: TriggerName;
    params: Record<string, string>;
    parentRunId?: string;
  }): Promise<{ runId: string; env: Record<string, string> }>;
  tag(name: string, value: string): Promise<void>;
  /** Opens a run inside the one that has begun. */
  nested(run: { name: string; params: Record<string, string> }): Promise<NestedRun>;
  /** Ends a run whose process is gone, and those inside it. */
  abandon(pipeline: Pipeline, runId: string): Promise<void>;
  end(runId: string, status: "FINISHED" | "FAILED" | "KILLED"): Promise<void>;
}

/** What a runner needs to say which parts belong to a step's key. */
export interface KeyContext {
  pipeline: Pipeline;
  hashPath: HashPath;
  db: Db;
  /** False in a dry run: nothing may be written. */
  mayWrite: boolean;
  env: Record<string, string | undefined>;
}

export interface StepContext {
  pipeline: Pipeline;
  runId: string;
  /** 1 for the first. */
  attempt: number;
  /** The whole environment of a child process. */
  env: Record<string, string>;
  /** Aborted on cancel and timeout. */
  signal: AbortSignal;
  /** Where to write an output: a staging path when the runner `stages`, else the output's own path. Absolute. */
  out(path: string): string;
  /** Absolute path of something below the root. */
  path(relative: string): string;
  /** CPU ids that the step may use; empty: no restriction. */
  cpus: number[];
  log: StepLog;
  graceMs: number;
  recorder: StepRecorder | undefined;
  /** The records of the steps that this run has settled. */
  settled: ReadonlyMap<string, StepRecord>;
}

/** The captured output of one attempt. */
export interface StepLog {
  /** Absolute path of the log file. */
  readonly path: string;
  write(chunk: Uint8Array | string): void;
  /** The last lines, for an error message. */
  tail(): string;
}

export interface StepOutcome {
  /** Kept in the record and given back on every later run that keeps the step; JSON-able. */
  result?: Record<string, unknown>;
  /** Logged to the recorder. */
  metrics?: Record<string, number>;
  /** When the runner measured a child; otherwise this process is measured. */
  cpuMs?: number;
  memoryBytesPeak?: number;
  exitCode?: number;
}

export interface StepRunner<S extends Step = Step> {
  /** True: writes to `ctx.out(path)` in a staging folder, which is renamed into place when the step is done. */
  stages: boolean;
  /** Paths that it reads besides deps and what the verb names; when another step writes one, that step goes first. */
  reads?(step: S, pipeline: Pipeline): string[];
  /** Parts besides the common ones (params, deps, declared outputs, env, platform, upstream keys). */
  keyParts(step: S, ctx: KeyContext): Promise<Parts>;
  run(step: S, ctx: StepContext): Promise<StepOutcome>;
}

export type StepRunners = { [K in StepKind]?: StepRunner<Extract<Step, { kind: K }>> };

export type StepState = "done" | "restored" | "kept" | "failed" | "cancelled" | "skipped";

export interface StepResult {
  step: string;
  state: StepState;
  reason: string;
  attempts: number;
  durationMs: number;
  cpuMs: number;
  memoryBytesPeak: number;
  outputs: Record<string, OutputRecord>;
  result: Record<string, unknown>;
  /** Log file of the last attempt, when one ran. */
  log?: string;
  error?: TrimtabError;
}

export type RunEvent =
  | { type: "run.waiting"; holder: string }
  | { type: "run.start"; runId: string; steps: PlannedStep[] }
  | { type: "run.end"; runId: string; state: RunState; durationMs: number }
  | { type: "step.start"; step: string; attempt: number; attempts: number; reason: string }
  | { type: "step.output"; step: string; text: string }
  | { type: "step.retry"; step: string; attempt: number; delayMs: number; error: TrimtabError }
  | { type: "step.end"; step: string; result: StepResult };

export type RunState = "nothing" | "done" | "failed" | "cancelled";

export interface RunOptions {
  db: Db;
  hashPath: HashPath;
  /** Default: local files, folders and globs through `hashPath`. */
  hashData?: HashData;
  cache: OutputCache;
  /** Runners of the kinds besides `cmd`. */
  kinds?: StepRunners;
  clock?: Clock;
  /** CPUs' worth of steps at once; default: the CPUs this process may use. */
  jobs?: number;
  /** Runs steps whose key matches too: those named in `only`, or all. */
  force?: boolean;
  /** Only these steps and what they need. */
  only?: string[];
  /** Plans and writes nothing. */
  dryRun?: boolean;
  signal?: AbortSignal;
  recorder?: RunRecorder;
  onEvent?: (event: RunEvent) => void;
  trigger?: TriggerName;
  /** By whom and why, for the journal. */
  actor?: string;
  reason?: string;
  parentRunId?: string;
  /** How long to wait for another run of this pipeline; default 0: RUN_BUSY at once. */
  waitMs?: number;
  env?: Record<string, string | undefined>;
  /** Time between TERM and KILL when a step is ended. */
  graceMs?: number;
  /** In [0, 1): jitter of retries. */
  random?: () => number;
}

export interface RunResult {
  /** Absent when there was nothing to do, and in a dry run. */
  runId?: string;
  state: RunState;
  plan: PlannedStep[];
  steps: StepResult[];
  durationMs: number;
  /** The first failure. */
  error?: TrimtabError;
}
