/**
 * Runs a pipeline: plans, takes the lock, recovers what a killed run left, executes what must run as slots allow, and
 * plans again after every step. At-least-once execution, exactly-once publication.
 */

import { rmdir } from "node:fs/promises";
import { systemClock } from "../base/clock.ts";
import { asTrimtabError, fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { LIMITS } from "../base/limits.ts";
import type { Db } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import {
  endPipelineRun,
  type PipelineRunState,
  renamePipelineRun,
  runningPipelineRun,
  touchPipelineRun,
  unfinishedStepRuns,
} from "../db/step-runs.ts";
import { requireAvailable } from "../spec/availability.ts";
import type { Pipeline } from "../spec/types.ts";
import { linkBun, paramText } from "./env.ts";
import { type FactsContext, gatherFacts, hashLocalData, planWithCache } from "./facts.ts";
import { buildGraph, type Graph, withUpstream } from "./graph.ts";
import { expandGrids, gridOf } from "./grid.ts";
import { acquireRun } from "./lock.ts";
import { HEARTBEAT_MS } from "./processes.ts";
import { pruneRuns } from "./prune.ts";
import { recoverRuns, runFolder } from "./recover.ts";
import { runnerOf } from "./runners.ts";
import { Schedule } from "./schedule.ts";
import { cpuCount } from "./slots.ts";
import type { RunContext } from "./step.ts";
import type { PlannedStep, RunOptions, RunResult } from "./types.ts";

/**
 * Runs what must run. A failed or cancelled step is in the result, with `error`; rejects for what prevents a run at all:
 * RUN_BUSY, KEY_INCOMPLETE, NOT_FOUND (a step in `only`), NOT_AVAILABLE, and errors of the database.
 */
export async function runPipeline(pipeline: Pipeline, options: RunOptions): Promise<RunResult> {
  const beganMs = performance.now();
  const ctx = contextOf(pipeline, options);
  const plan = await planNow(ctx, options);
  const isIdle = plan.every((step) => step.action === "keep");
  if (options.dryRun || (isIdle && (await isQuiet(options.db, pipeline.model))))
    return { state: "nothing", plan, steps: [], durationMs: performance.now() - beganMs };
  return await new Run(ctx, options, beganMs).execute();
}

/** No run under way, and none that died and was not cleaned up after. */
async function isQuiet(db: Db, pipeline: string): Promise<boolean> {
  const running = await runningPipelineRun(db, pipeline);
  return running === undefined && (await unfinishedStepRuns(db, pipeline)).length === 0;
}

/** What `run` would do now. Writes nothing. */
export function planPipeline(pipeline: Pipeline, options: RunOptions): Promise<PlannedStep[]> {
  return planNow({ ...contextOf(pipeline, options), mayWrite: false }, options);
}

/** The steps that a name means: itself, or all that came of the matrix of that name. */
const stepsCalled = (graph: Graph, name: string): string[] =>
  graph.has(name)
    ? [name]
    : [...graph].filter(([made, { step }]) => step.item && made.startsWith(`${name}@`)).map(([made]) => made);

function contextOf(written: Pipeline, options: RunOptions): FactsContext {
  const kinds = options.kinds ?? {};
  const pipeline = expandGrids(written);
  const graph = buildGraph(pipeline, (step) => runnerOf(step, kinds).reads?.(step, pipeline) ?? []);
  const only = options.only?.flatMap((name) => {
    const steps = stepsCalled(graph, name);
    if (steps.length === 0)
      throw fail("NOT_FOUND", {
        what: `there is no step ${name}`,
        place: pipeline.file,
        mend: `name one of: ${[...graph.keys()].join(", ")}`,
      });
    return steps;
  });
  requireAvailable(pipeline, "run", only === undefined ? undefined : withUpstream(graph, only));
  return {
    pipeline,
    graph,
    db: options.db,
    hashPath: options.hashPath,
    hashData: options.hashData ?? hashLocalData(options.hashPath),
    kinds,
    env: options.env ?? process.env,
    mayWrite: options.dryRun !== true,
    only,
    force: options.force ?? false,
  };
}

async function planNow(ctx: FactsContext, options: RunOptions): Promise<PlannedStep[]> {
  return planWithCache(ctx.pipeline, ctx.graph, await gatherFacts(ctx), options.cache);
}

class Run {
  private readonly clock;
  private readonly emit;
  private readonly signal: AbortSignal;
  private readonly actor: string;
  private id = randomId();
  private isRecorded = false;

  constructor(
    private readonly ctx: FactsContext,
    private readonly options: RunOptions,
    private readonly beganMs: number,
  ) {
    this.clock = options.clock ?? systemClock;
    this.emit = options.onEvent ?? (() => {});
    this.signal = options.signal ?? new AbortController().signal;
    this.actor = options.actor ?? "trimtab";
  }

  async execute(): Promise<RunResult> {
    await this.lock();
    const heartbeat = setInterval(() => void this.touch(), HEARTBEAT_MS);
    try {
      return await this.locked();
    } catch (error) {
      // What went wrong is what the caller must hear, also when the database that should note it is gone.
      await this.end("failed", asTrimtabError(error).oneLine()).catch(() => undefined);
      if (this.isRecorded) await this.options.recorder?.end(this.id, "FAILED").catch(() => undefined);
      throw error;
    } finally {
      // Not recursive: what is still in there are former outputs that could not be put back, for the next run to try.
      await rmdir(runFolder(this.ctx.pipeline.root, this.id)).catch(() => undefined);
      clearInterval(heartbeat);
    }
  }

  private lock(): Promise<boolean> {
    const { options, signal, actor, id } = this;
    return acquireRun(options.db, this.clock, {
      id,
      pipeline: this.ctx.pipeline.model,
      trigger: options.trigger ?? "manual",
      reason: options.reason ?? "",
      actor,
      params: paramsOf(this.ctx.pipeline),
      waitMs: options.waitMs ?? 0,
      signal,
      onWaiting: (holder) => this.emit({ type: "run.waiting", holder }),
    });
  }

  private async touch(): Promise<void> {
    const { db } = this.options;
    await db.write((sql) => touchPipelineRun(sql, this.id, this.clock.nowMs()), "logged").catch(() => undefined);
  }

  /** With the lock: recovers, looks at everything anew (another run may just have ended), and works. */
  private async locked(): Promise<RunResult> {
    const { options, ctx } = this;
    const interrupted = await recoverRuns(options.db, this.clock, ctx.pipeline, this.id);
    for (const runId of interrupted) await options.recorder?.abandon(ctx.pipeline, runId);
    await linkBun(ctx.pipeline.root);
    const facts = await gatherFacts(ctx);
    const plan = await planWithCache(ctx.pipeline, ctx.graph, facts, options.cache);
    if (plan.every((step) => step.action === "keep")) {
      await this.end("done");
      return { state: "nothing", plan, steps: [], durationMs: performance.now() - this.beganMs };
    }
    const runEnv = await this.begin(plan);
    const run: RunContext = {
      keys: ctx,
      facts,
      cache: options.cache,
      clock: this.clock,
      runId: this.id,
      runEnv,
      actor: this.actor,
      recorder: options.recorder,
      signal: this.signal,
      graceMs: options.graceMs ?? LIMITS.stepGraceMs,
      random: options.random ?? Math.random,
      emit: this.emit,
    };
    const schedule = new Schedule(run, plan, options.jobs ?? cpuCount());
    return this.finish(plan, await schedule.work());
  }

  /** Opens the recorder's run, whose id this run takes over, and says so in the journal. */
  private async begin(plan: PlannedStep[]): Promise<Record<string, string>> {
    const { pipeline } = this.ctx;
    const { recorder, db, parentRunId } = this.options;
    const trigger = this.options.trigger ?? "manual";
    const begun = await recorder?.begin({
      pipeline,
      trigger,
      params: paramsOf(pipeline),
      ...(parentRunId === undefined ? {} : { parentRunId }),
    });
    const runId = begun?.runId ?? this.id;
    const steps = plan.filter((step) => step.action !== "keep").map((step) => step.step);
    await db.write(async (sql) => {
      if (runId !== this.id) await renamePipelineRun(sql, this.id, runId);
      const data = { runId, trigger, steps };
      const reason = this.options.reason ?? trigger;
      const subject = `pipeline/${pipeline.model}`;
      await appendEvent(sql, { kind: "run.started", subject, actor: this.actor, reason, data }, this.clock.nowMs());
    });
    this.id = runId;
    this.isRecorded = begun !== undefined;
    this.emit({ type: "run.start", runId, steps: plan });
    return begun?.env ?? {};
  }

  private async finish(plan: PlannedStep[], steps: RunResult["steps"]): Promise<RunResult> {
    const own = steps.filter((step) => gridOf(this.ctx.pipeline.steps[step.step]!) === undefined);
    const broken = own.find((step) => step.state === "failed") ?? own.find((step) => step.error !== undefined);
    const isCancelled = this.signal.aborted && broken?.state !== "failed";
    const state = isCancelled ? "cancelled" : broken ? "failed" : "done";
    const error = isCancelled ? fail("RUN_CANCELLED", { what: `run ${this.id} was cancelled` }) : broken?.error;
    const durationMs = performance.now() - this.beganMs;
    await this.end(state, error?.oneLine(), durationMs);
    await this.options.recorder?.end(this.id, isCancelled ? "KILLED" : error ? "FAILED" : "FINISHED");
    this.isRecorded = false;
    await pruneRuns(this.options.db, this.clock, this.ctx.pipeline);
    this.emit({ type: "run.end", runId: this.id, state, durationMs });
    return { runId: this.id, state, plan, steps, durationMs, ...(error ? { error } : {}) };
  }

  private end(state: PipelineRunState, error?: string, durationMs?: number): Promise<void> {
    const nowMs = this.clock.nowMs();
    const subject = `pipeline/${this.ctx.pipeline.model}`;
    const data = { runId: this.id, state, durationMs: Math.round(durationMs ?? 0) };
    const reason = error ?? this.options.reason ?? state;
    return this.options.db.write(async (sql) => {
      await endPipelineRun(sql, this.id, state, nowMs, error);
      if (durationMs !== undefined || error !== undefined)
        await appendEvent(sql, { kind: "run.finished", subject, actor: this.actor, reason, data }, nowMs);
    });
  }
}

/** Parameters of all steps but those that a grid searches: by name where every step that has it agrees, else by "step.name". */
export function paramsOf(pipeline: Pipeline): Record<string, string> {
  const steps = Object.values(pipeline.steps).filter((step) => gridOf(step) === undefined);
  const all = steps.flatMap((step) =>
    Object.entries(step.params).map(([name, value]) => ({ step: step.name, name, text: paramText(value) })),
  );
  const isShared = (name: string, text: string) => all.every((other) => other.name !== name || other.text === text);
  return Object.fromEntries(all.map(({ step, name, text }) => [isShared(name, text) ? name : `${step}.${name}`, text]));
}
