/**
 * The loop's main stroke: run the pipeline, register what it made, let the gate decide, deploy what passed. Each stage
 * leaves a record before the next begins, so that a run which dies is taken up where it was: steps by their records,
 * registration by the model's digest.
 *
 *   run ──▶ nothing new? ──▶ done
 *    │
 *    ▼
 *   register version N ──▶ gate ──no──▶ tagged "refused", champion keeps serving (exit 3)
 *                           │yes
 *                           ▼
 *                         deploy, or wait for a person's yes
 */

import { fail } from "../base/errors.ts";
import { childEnv } from "../base/program.ts";
import { recordDataset } from "../data/datasets.ts";
import { runPipeline } from "../pipeline/run.ts";
import type { RunEvent, RunResult } from "../pipeline/types.ts";
import type { Verdict } from "../registry/gate.ts";
import { currentDeployment, type Deployment } from "../serving/deployment.ts";
import { requireAvailable } from "../spec/availability.ts";
import type { DataSource, Pipeline, TriggerName } from "../spec/types.ts";
import { adopt } from "./adopt.ts";
import { settleYes } from "./approval.ts";
import type { Life } from "./context.ts";
import { deploy } from "./deploy.ts";
import type { Evaluation } from "./evaluate.ts";
import { decide, verdictOf } from "./gate.ts";
import { stepKinds } from "./kinds.ts";
import { evaluateOf } from "./package.ts";
import { type ChildEnv, createRecorder } from "./recorder.ts";
import { candidateDigest, register, versionWithDigest } from "./register.ts";
import { release } from "./release.ts";
import { settleDeployment, wasLive } from "./settle.ts";

export interface CycleOptions {
  trigger: TriggerName;
  reason: string;
  only?: string[];
  force?: boolean;
  jobs?: number;
  signal?: AbortSignal;
  waitMs?: number;
  onEvent?: (event: RunEvent) => void;
  /** Serves MLflow's protocol for calls inside the steps; started when a run begins. */
  serveTracking?: (life: Life, pipeline: Pipeline) => Promise<TrackingServer>;
  /** Told of the stages after the steps: "registering", "gate", "deploying". */
  onStage?: (stage: string) => void;
}

export interface TrackingServer {
  uri: string;
  stop(): Promise<void>;
}

export interface CycleResult {
  run: RunResult;
  /** The version that this cycle registered; absent when the run made nothing new. */
  version?: number;
  verdict?: Verdict;
  deployment?: Deployment;
  /** What holds a version back that passed the gate and is not deployed. */
  waits?: string;
  /** Why steps ran and no version came of it. */
  note?: string;
}

/** Runs one cycle. A failed step is in `run.error`; the gate's refusal is a verdict, not an error. */
export async function runCycle(life: Life, pipeline: Pipeline, options: CycleOptions): Promise<CycleResult> {
  const evaluate = evaluateOf(pipeline);
  // Asked before the training, not after it: what cannot be deployed as the file says is not worth the wait.
  if (evaluate) requireAvailable(pipeline, "deploy");
  await settleDeployment(life, pipeline.model);
  const run = await runSteps(life, pipeline, options);
  if (run.state === "failed" || run.state === "cancelled") return { run };
  const planned = run.plan.find((step) => step.step === evaluate?.name);
  const evaluation = (run.steps.find((step) => step.step === evaluate?.name) ?? planned?.record)?.result.evaluation;
  if (!evaluate || !evaluation) return { run };

  const runId = planned?.action === "keep" ? planned.record?.runId : run.runId;
  const digest = await candidateDigest(life, pipeline, evaluate);
  const known = await versionWithDigest(life, pipeline.model, digest);
  const judged = known ? await verdictOf(life, known) : undefined;
  // A version that was deployed once and then rolled back must not come back by itself.
  if (known && judged && (!judged.pass || (await wasLive(life, pipeline.model, known.version))))
    return run.state === "nothing" ? { run } : { run, note: await sameAs(life, pipeline.model, known.version, judged) };

  options.onStage?.("registering");
  const version = known?.version ?? (await register(life, pipeline, evaluate, digest, runId));
  options.onStage?.("gate");
  const verdict = judged ?? (await decide(life, pipeline, evaluate, version, evaluation as Evaluation));
  if (!verdict.pass) return { run, version, verdict };
  options.onStage?.("deploying");
  const released = await release(life, pipeline, { version, reason: `${options.trigger}: ${options.reason}` });
  return { run, version, verdict, ...released };
}

/** What the steps made is a version already. */
async function sameAs(life: Life, model: string, version: number, verdict: Verdict): Promise<string> {
  const same = `the model is the same as version ${version}`;
  if (!verdict.pass) return `${same}, which the gate refused; trimtab gate ${version} --again --deploy asks it anew`;
  const current = await currentDeployment(life.workspace.deploy, model);
  if (current?.models.some((served) => served.version === version)) return `${same}, which serves`;
  return `${same}, which served before; trimtab deploy ${version} brings it back`;
}

/** The steps, with MLflow's protocol at hand for as long as they run. */
async function runSteps(life: Life, pipeline: Pipeline, options: CycleOptions): Promise<RunResult> {
  let server: TrackingServer | undefined;
  const childEnv: ChildEnv = async (runId, experimentId) => {
    server = await options.serveTracking?.(life, pipeline);
    if (!server) return {};
    return { MLFLOW_TRACKING_URI: server.uri, MLFLOW_RUN_ID: runId, MLFLOW_EXPERIMENT_ID: experimentId };
  };
  try {
    return await runPipeline(pipeline, await runOptions(life, pipeline, options, childEnv));
  } finally {
    await server?.stop();
  }
}

/** What the pipeline needs to run in this workspace; shared by run, dry run and why. */
export async function runOptions(
  life: Life,
  pipeline: Pipeline,
  options: Partial<CycleOptions> = {},
  stepEnv: ChildEnv = async () => ({}),
) {
  const ports = { db: life.db, stats: life.stats, clock: life.clock, duck: life.duck };
  const record = ({ name, uri }: DataSource) =>
    recordDataset(ports, { name, uri, root: pipeline.root, actor: life.actor });
  return {
    db: life.db,
    hashPath: (path: string) => life.stats.hashPath(path),
    cache: life.cache,
    hashData: (source: DataSource) => life.hashData(source.uri),
    kinds: stepKinds({ duck: life.duck, tmp: life.workspace.tmp }),
    clock: life.clock,
    env: childEnv(life.env),
    actor: life.actor,
    recorder: createRecorder({
      tracking: life.tracking,
      datasets: () => Promise.all(Object.values(pipeline.data).map(record)),
      actor: life.actor,
      childEnv: stepEnv,
    }),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
}

/** Deploys a version by hand through the same gate's record: a refused version needs `force`. */
export async function deployByHand(
  life: Life,
  pipeline: Pipeline,
  options: { version: number; reason: string; force: boolean },
) {
  const version = await life.registry.getVersion(pipeline.model, options.version);
  const verdict = await verdictOf(life, version);
  if (verdict?.pass !== true && !options.force) {
    const why = verdict ? "the gate refused it" : "it has not met the gate";
    throw fail("GATE_REFUSED", {
      what: `version ${options.version} is not deployed: ${why}`,
      mend: verdict
        ? "train a better one, or overrule with --force, which is recorded"
        : `trimtab gate ${options.version}, or overrule with --force, which is recorded`,
    });
  }
  if (verdict?.pass !== true)
    await life.event({
      kind: "gate.overruled",
      subject: `model/${pipeline.model}/${options.version}`,
      reason: options.reason,
    });
  requireAvailable(pipeline, "deploy");
  const evaluate = evaluateOf(pipeline);
  // One that a client registered and that is deployed by force has no files of its own yet.
  if (evaluate) await adopt(life, pipeline, evaluate, version);
  const deployment = await deploy(life, pipeline, options);
  await settleYes(life, pipeline, options.version, options.reason);
  return deployment;
}
