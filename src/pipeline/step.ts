/**
 * One step of a run: its attempts, and for each the order that makes publication exact:
 *
 *   row `running` ▶ former outputs aside ▶ run ▶ hash, keep in the cache ▶ record and row `done` in one commit ▶ drop the former
 *
 * A runner that stages runs first, and its outputs are renamed into place once the former are aside. Whatever fails before
 * the commit puts the former outputs back.
 */

import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Clock } from "../base/clock.ts";
import { asTrimtabError, fail, type TrimtabError } from "../base/errors.ts";
import { appendEvent } from "../db/events.ts";
import { endStepRun, insertStepRun, type StepRunEnd } from "../db/step-runs.ts";
import { useRecord, writeRecord } from "../db/steps.ts";
import type { Step } from "../spec/types.ts";
import { deadline, inProcess } from "./attempt.ts";
import { paramText, stepEnv } from "./env.ts";
import { ExecEnded } from "./exec.ts";
import { type FactsContext, ownParts, type RunFacts } from "./facts.ts";
import type { StepNode } from "./graph.ts";
import { gridOf, isGrid } from "./grid.ts";
import { CappedLog } from "./log.ts";
import { OutputSwap } from "./outputs.ts";
import { completeParts, keyOf } from "./plan.ts";
import { logFolder } from "./prune.ts";
import { stepFolder } from "./recover.ts";
import { isRetryable, retryDelayMs } from "./retry.ts";
import { runnerOf } from "./runners.ts";
import type {
  NestedRun,
  OutputCache,
  OutputRecord,
  PlannedStep,
  RunEvent,
  RunRecorder,
  StepContext,
  StepOutcome,
  StepRecord,
  StepResult,
  StepState,
} from "./types.ts";

/** What all steps of one run share. */
export interface RunContext {
  keys: FactsContext;
  facts: RunFacts;
  cache: OutputCache;
  clock: Clock;
  runId: string;
  runEnv: Record<string, string>;
  actor: string;
  recorder: RunRecorder | undefined;
  /** The run of its own that a combination of a grid or a matrix has. */
  nested?: NestedRun | undefined;
  signal: AbortSignal;
  graceMs: number;
  random: () => number;
  emit: (event: RunEvent) => void;
}

export interface StepEnd {
  result: StepResult;
  /** What the step stands on now; absent when it failed. */
  record?: StepRecord;
}

interface Attempt {
  node: StepNode;
  number: number;
  reason: string;
  cpus: number[];
  startedMs: number;
  log: CappedLog;
  swap: OutputSwap;
}

/** Runs a step until it succeeds, its attempts are used up, or the run is cancelled. Never rejects for a failed step. */
export async function runStep(run: RunContext, node: StepNode, plan: PlannedStep, cpus: number[]): Promise<StepEnd> {
  const { step } = node;
  const isOwn = step.item !== undefined || gridOf(step) !== undefined;
  if (!isOwn || isGrid(step)) return tryStep(run, node, plan, cpus);
  const params = Object.entries({ ...step.item, ...step.params }).map(([name, value]): [string, string] => [
    name,
    paramText(value),
  ]);
  const nested = await run.recorder?.nested({ name: step.name, params: Object.fromEntries(params) });
  const end = await tryStep({ ...run, nested }, node, plan, cpus);
  await nested?.end(STATUS[end.result.state] ?? "FINISHED");
  return end;
}

const STATUS: Partial<Record<StepState, "FAILED" | "KILLED">> = { failed: "FAILED", cancelled: "KILLED" };

async function tryStep(run: RunContext, node: StepNode, plan: PlannedStep, cpus: number[]): Promise<StepEnd> {
  const { step } = node;
  for (let number = 1; ; number++) {
    const attempt = await beginAttempt(run, node, number, plan.reason, cpus);
    const end = await tryOnce(run, attempt);
    const error = end.result.error;
    if (error === undefined || number >= step.retry.attempts || !isRetryable(error) || run.signal.aborted) return end;
    const delayMs = retryDelayMs(step.retry, number, run.random);
    run.emit({ type: "step.retry", step: step.name, attempt: number, delayMs, error });
    if (!(await pause(delayMs, run.signal))) return end;
  }
}

/** False when aborted before the time is over. */
function pause(delayMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), delayMs);
  const onAbort = () => resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  });
}

async function beginAttempt(
  run: RunContext,
  node: StepNode,
  number: number,
  reason: string,
  cpus: number[],
): Promise<Attempt> {
  const { root, model } = run.keys.pipeline;
  const { name, outs, retry } = node.step;
  const path = join(logFolder(root, run.runId), `${encodeURIComponent(name)}.${number}.log`);
  const startedMs = run.clock.nowMs();
  const log = relative(root, path);
  const row = { runId: run.runId, pipeline: model, step: name, attempt: number, reason, outs, log, startedMs };
  // It need only survive the death of this process: after a power cut the former outputs come from the cache.
  await run.keys.db.write((sql) => insertStepRun(sql, row), "logged");
  run.emit({ type: "step.start", step: name, attempt: number, attempts: retry.attempts, reason });
  return {
    node,
    number,
    reason,
    cpus,
    startedMs,
    log: new CappedLog(path, (text) => run.emit({ type: "step.output", step: name, text })),
    swap: new OutputSwap(root, stepFolder(root, run.runId, name), outs),
  };
}

async function tryOnce(run: RunContext, attempt: Attempt): Promise<StepEnd> {
  const beganMs = performance.now();
  const used = { cpuMs: 0, memoryBytesPeak: 0 };
  const durationMs = () => Math.round(performance.now() - beganMs);
  try {
    const { node } = attempt;
    const own = await ownParts(node, run.keys);
    const parts = completeParts(node, own, run.facts.settled);
    const { outcome, outputs } = await produce(run, attempt, used);
    const isSame = keyOf(own) === keyOf(await ownParts(node, run.keys));
    const record: StepRecord = {
      step: node.step.name,
      key: keyOf(parts),
      parts,
      outputs,
      result: { ...outcome.result, ...(run.nested ? await reported(run.nested, outcome) : {}) },
      reusable: node.step.cache && isSame,
      runId: run.runId,
      endedMs: run.clock.nowMs(),
      durationMs: durationMs(),
      ...used,
    };
    await commit(run, attempt, record, outcome);
    attempt.log.close();
    await attempt.swap.forget();
    return { result: resultOf(attempt, "done", record), record };
  } catch (thrown) {
    if (thrown instanceof ExecEnded) Object.assign(used, thrown.use);
    const error = placed(run, attempt, asTrimtabError(thrown instanceof ExecEnded ? thrown.error : thrown));
    attempt.log.close();
    return { result: await failed(run, attempt, error, { ...used, durationMs: durationMs() }) };
  }
}

/** What a combination is ranked by: what it logged, and what it wrote into metric files. */
const reported = async (nested: NestedRun, outcome: StepOutcome) => ({
  metrics: { ...(await nested.metrics()), ...outcome.metrics },
  runId: nested.runId,
});

/** An error that does not say where it happened happened in this step. */
function placed(run: RunContext, { node: { step } }: Attempt, error: TrimtabError): TrimtabError {
  if (error.place !== undefined) return error;
  const { message: what, mend, details, cause } = error;
  return fail(error.code, {
    what,
    place: `${run.keys.pipeline.file}:${step.line} steps.${step.name}`,
    mend,
    details,
    cause,
  });
}

type Used = { cpuMs: number; memoryBytesPeak: number };

/** Runs the step and brings its outputs into place and into the cache. Fills `used` also when it rejects. */
async function produce(
  run: RunContext,
  attempt: Attempt,
  used: Used,
): Promise<{ outcome: StepOutcome; outputs: Record<string, OutputRecord> }> {
  const { node, swap } = attempt;
  const runner = runnerOf(node.step, run.keys.kinds);
  await (runner.stages ? swap.makeStaging() : swap.setAside());
  const limit = deadline(run, node.step, `${run.keys.pipeline.file}:${node.step.line}`);
  let outcome: StepOutcome;
  try {
    outcome = await inProcess(node.step, limit, run.graceMs, used, () =>
      runner.run(node.step, contextOf(run, attempt, runner.stages, limit.signal)),
    );
  } finally {
    limit.clear();
  }
  expectOutputs(run, attempt, runner.stages);
  if (runner.stages) {
    await swap.setAside();
    await swap.publishStaged();
  }
  return { outcome, outputs: await keep(run, node.step) };
}

function contextOf(run: RunContext, attempt: Attempt, stages: boolean, signal: AbortSignal): StepContext {
  const { pipeline, env } = run.keys;
  const path = (name: string) => resolve(pipeline.root, name);
  return {
    pipeline,
    runId: run.runId,
    attempt: attempt.number,
    env: stepEnv(pipeline, attempt.node.step, env, { runId: run.runId, env: { ...run.runEnv, ...run.nested?.env } }),
    signal,
    out: (out) => (stages ? attempt.swap.staged(out) : path(out)),
    path,
    cpus: attempt.cpus,
    log: attempt.log,
    graceMs: run.graceMs,
    recorder: run.nested ?? run.recorder,
    settled: run.facts.settled,
  };
}

function expectOutputs(run: RunContext, { node: { step }, swap }: Attempt, staged: boolean): void {
  const { root, file } = run.keys.pipeline;
  for (const out of step.outs) {
    if (existsSync(staged ? swap.staged(out) : resolve(root, out))) continue;
    throw fail("STEP_OUTPUT_MISSING", {
      what: `step ${step.name} ended well but did not write ${out}`,
      place: `${file}:${step.line}`,
      details: { step: step.name, out },
    });
  }
}

/** Hashes what is in place and puts it into the cache: in place, because a rename would make the hash forgotten again. */
async function keep(run: RunContext, step: Step): Promise<Record<string, OutputRecord>> {
  const outputs: Record<string, OutputRecord> = {};
  for (const out of step.outs) {
    const path = resolve(run.keys.pipeline.root, out);
    outputs[out] = step.cache ? toOutput(await run.cache.addTree(path)) : await run.keys.hashPath(path);
  }
  return outputs;
}

const toOutput = (stored: { md5: string; size: number; nfiles?: number }): OutputRecord => ({
  digest: stored.md5,
  sizeBytes: stored.size,
  ...(stored.nfiles === undefined ? {} : { files: stored.nfiles }),
});

async function commit(run: RunContext, attempt: Attempt, record: StepRecord, outcome: StepOutcome): Promise<void> {
  const { model } = run.keys.pipeline;
  const end = endRow(run, attempt, { state: "done", ...record, exitCode: outcome.exitCode });
  const data = { runId: run.runId, key: record.key, durationMs: record.durationMs, outputs: record.outputs };
  const subject = `pipeline/${model}/${record.step}`;
  await run.keys.db.write(async (sql) => {
    await writeRecord(sql, model, record);
    await endStepRun(sql, end);
    const event = { kind: "step.finished", subject, actor: run.actor, reason: attempt.reason, data };
    await appendEvent(sql, event, record.endedMs);
  });
  for (const [name, value] of Object.entries(outcome.metrics ?? {}))
    await (run.nested ?? run.recorder)?.metric(name, value);
}

type EndFacts = Omit<StepRunEnd, "runId" | "step" | "attempt" | "endedMs" | "exitCode"> & {
  exitCode?: number | undefined;
};

function endRow(run: RunContext, attempt: Attempt, facts: EndFacts): StepRunEnd {
  return {
    state: facts.state,
    runId: run.runId,
    step: attempt.node.step.name,
    attempt: attempt.number,
    endedMs: run.clock.nowMs(),
    durationMs: facts.durationMs ?? 0,
    cpuMs: facts.cpuMs ?? 0,
    memoryBytesPeak: facts.memoryBytesPeak ?? 0,
    outputBytes: attempt.log.outputBytes,
    ...(facts.exitCode === undefined ? {} : { exitCode: facts.exitCode }),
    ...(facts.error === undefined ? {} : { error: facts.error }),
  };
}

async function failed(
  run: RunContext,
  attempt: Attempt,
  error: TrimtabError,
  used: Used & { durationMs: number },
): Promise<StepResult> {
  await attempt.swap.putBack();
  const state = error.code === "RUN_CANCELLED" ? "cancelled" : "failed";
  const exitCode = (error.details as { exitCode?: number } | undefined)?.exitCode;
  const subject = `pipeline/${run.keys.pipeline.model}/${attempt.node.step.name}`;
  const data = { runId: run.runId, attempt: attempt.number, code: error.code, message: error.message, ...used };
  const { attempts } = attempt.node.step.retry;
  const event = {
    kind: `step.${state}`,
    subject,
    actor: run.actor,
    reason: attempt.reason,
    data: { ...data, attempts },
  };
  await run.keys.db.write(async (sql) => {
    await endStepRun(sql, endRow(run, attempt, { state, ...used, exitCode, error: error.oneLine() }));
    await appendEvent(sql, event, run.clock.nowMs());
  });
  return { ...resultOf(attempt, state, used), error };
}

function resultOf(
  attempt: Attempt,
  state: StepResult["state"],
  from: Used & { durationMs: number; outputs?: Record<string, OutputRecord>; result?: Record<string, unknown> },
): StepResult {
  return {
    step: attempt.node.step.name,
    state,
    reason: attempt.reason,
    attempts: attempt.number,
    durationMs: from.durationMs,
    cpuMs: from.cpuMs,
    memoryBytesPeak: from.memoryBytesPeak,
    outputs: from.outputs ?? {},
    result: from.result ?? {},
    log: attempt.log.path,
  };
}

/** Brings the outputs of a matching record back from the cache. Rejects when the cache cannot give them. */
export async function restoreStep(run: RunContext, node: StepNode, plan: PlannedStep): Promise<StepEnd> {
  const { pipeline, db } = run.keys;
  const record = plan.record!;
  const beganMs = performance.now();
  for (const [out, { digest }] of Object.entries(record.outputs))
    if (run.facts.current.get(out) !== digest) await run.cache.restore(digest, resolve(pipeline.root, out));
  const subject = `pipeline/${pipeline.model}/${record.step}`;
  const nowMs = run.clock.nowMs();
  await db.write(async (sql) => {
    await useRecord(sql, pipeline.model, record.step, record.key, nowMs);
    const data = { runId: run.runId, key: record.key };
    await appendEvent(sql, { kind: "step.restored", subject, actor: run.actor, reason: plan.reason, data }, nowMs);
  });
  return { result: { ...settledResult(node, "restored", plan), durationMs: performance.now() - beganMs }, record };
}

/** The result of a step that stands on an earlier record. */
export function settledResult(node: StepNode, state: StepResult["state"], plan: PlannedStep): StepResult {
  return {
    step: node.step.name,
    state,
    reason: plan.reason,
    attempts: 0,
    durationMs: 0,
    cpuMs: 0,
    memoryBytesPeak: 0,
    outputs: plan.record?.outputs ?? {},
    result: plan.record?.result ?? {},
  };
}
