/**
 * A registered version meets the gate outside a run: one that a client registered, or one whose run died before. Measured
 * on the pipeline's holdout, under the pipeline's lock, so that no run writes other rows between candidate and champion.
 */

import { asTrimtabError, fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { holdPipeline } from "../pipeline/hold.ts";
import type { Verdict } from "../registry/gate.ts";
import { requireAvailable } from "../spec/availability.ts";
import type { EvaluateStep, Pipeline, TriggerName } from "../spec/types.ts";
import { adopt } from "./adopt.ts";
import type { Life } from "./context.ts";
import { decide, measureVersion, OWN_FAULTS, refuse, verdictOf } from "./gate.ts";
import { evaluateOf } from "./package.ts";
import { type Released, release } from "./release.ts";
import { settleDeployment, wasLive } from "./settle.ts";

export interface MeetOptions {
  version: number;
  /** Also one that was judged before. */
  again?: boolean;
  /** What passes is deployed, as after a run. */
  deploy?: boolean;
  trigger: TriggerName;
  reason: string;
  /** How long to wait for a run that is under way. */
  waitMs?: number;
  /** Told who holds the pipeline's lock, and of the stages: "measuring", "deploying". */
  onStage?: (stage: string) => void;
}

export interface Met extends Released {
  version: number;
  verdict: Verdict;
}

/** The verdict that is known, or a new one. NOT_FOUND for an unknown version, INVALID for a pipeline that measures nothing. */
export async function meetGate(life: Life, pipeline: Pipeline, options: MeetOptions): Promise<Met> {
  const evaluate = evaluateOf(pipeline);
  if (!evaluate)
    throw fail("INVALID", {
      what: "the pipeline measures nothing, so the gate cannot judge",
      place: pipeline.file,
      mend: "add an evaluate step",
    });
  if (options.deploy) requireAvailable(pipeline, "deploy");
  const { version } = options;
  const verdict =
    (await known(life, pipeline, options)) ??
    (await underLock(life, pipeline, options, async () => {
      // Another may have judged it while this one waited.
      return (await known(life, pipeline, options)) ?? judgeNow(life, pipeline, evaluate, options);
    }));
  if (!options.deploy || !verdict.pass) return { version, verdict };
  await settleDeployment(life, pipeline.model);
  // A version that was deployed once and then rolled back must not come back by itself.
  if (await wasLive(life, pipeline.model, version)) return { version, verdict };
  const newer = await newerPassed(life, pipeline.model, version);
  if (newer !== undefined) return { version, verdict, waits: `version ${newer}, which is newer, passed the gate too` };
  options.onStage?.("deploying");
  const reason = `${options.trigger}: ${options.reason}`;
  return { version, verdict, ...(await release(life, pipeline, { version, reason })) };
}

/** A newer version that passed: while this one waited for the lock, a run may have published and deployed its own. */
async function newerPassed(life: Life, model: string, version: number): Promise<number | undefined> {
  const recorded = await life.registry.listVerdicts(model);
  return recorded.find((one) => one.verdict.pass && (one.version ?? 0) > version)?.version;
}

async function known(life: Life, { model }: Pipeline, { version, again }: MeetOptions): Promise<Verdict | undefined> {
  const registered = await life.registry.getVersion(model, version);
  return again ? undefined : verdictOf(life, registered);
}

const underLock = <T>(life: Life, { model }: Pipeline, options: MeetOptions, work: () => Promise<T>): Promise<T> => {
  const { trigger, reason, waitMs = 0, onStage } = options;
  const request = {
    id: randomId(),
    pipeline: model,
    trigger,
    reason,
    actor: life.actor,
    params: {},
    waitMs,
    signal: new AbortController().signal,
    onWaiting: (holder: string) => onStage?.(`waiting for ${holder}`),
  };
  return holdPipeline(life.db, life.clock, request, work);
};

async function judgeNow(
  life: Life,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  { version, onStage }: MeetOptions,
): Promise<Verdict> {
  onStage?.("measuring");
  try {
    const adopted = await adopt(life, pipeline, evaluate, await life.registry.getVersion(pipeline.model, version));
    const measured = await measureVersion(life, pipeline, evaluate, adopted);
    return await decide(life, pipeline, evaluate, version, measured);
  } catch (error) {
    const { code, message } = asTrimtabError(error);
    if (!OWN_FAULTS.has(code)) throw error;
    return refuse(life, pipeline.model, version, message);
  }
}
