/**
 * The job loop: claims queued runs one at a time and runs each as a child process, so that a crash in one harms nothing
 * else. Jobs whose owner is gone are put back when a loop starts.
 *
 *   queued ──claim──▶ running ──exit 0 or 3──▶ done
 *      ▲                 │ other exit
 *      └─attempts left───┴──────────────▶ failed, with an alert
 */

import { asTrimtabError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { selfCommand } from "../base/program.ts";
import { claimJob, enqueueJob, finishJob, type Job, listJobs, releaseJobs, retryJob } from "../db/jobs.ts";
import { RETRAIN_JOB } from "../monitor/triggers.ts";
import { isAlive, ownIdentity } from "../pipeline/processes.ts";
import type { Pipeline, TriggerName } from "../spec/types.ts";
import { alertAll } from "./alerts.ts";
import type { Life } from "./context.ts";

/** How often the table is looked at when nobody wakes the loop. */
const POLL_MS = 1_000;
/** A failed job is tried this often in all. */
const ATTEMPTS = 2;
const RETRY_DELAY_MS = 60_000;
/** The gate's refusal is an answer, not a failure. */
const GATE_REFUSED_EXIT = 3;

/** The kind of job that the gate judges a registered version for. */
const GATE_JOB = "gate";
/** The beginning of such a job's key; the version's number follows. */
export const gateKey = (model: string): string => `${GATE_JOB}:${model}/`;

/** Queues a run; resolves to the job's id, undefined when the same cause queued it before. */
export const queueRun = (
  life: Life,
  job: { pipeline: string; trigger: TriggerName; reason: string; onceKey: string },
): Promise<string | undefined> =>
  life.db.write((sql) => enqueueJob(sql, { ...job, kind: RETRAIN_JOB, payload: {} }, life.clock.nowMs()));

/**
 * Queues a version's meeting with the gate, once for each version; resolves as `queueRun` does. Of those that are queued in one look
 * each has its `place`, and is due a millisecond after the one before, so that the loop takes them in order.
 */
export const queueGate = (
  life: Life,
  { model, version, reason, place }: { model: string; version: number; reason: string; place: number },
): Promise<string | undefined> => {
  const nowMs = life.clock.nowMs();
  const job = { pipeline: model, trigger: "registry", reason, onceKey: gateKey(model) + version };
  const due = { kind: GATE_JOB, payload: { version }, runAfterMs: nowMs + place };
  return life.db.write((sql) => enqueueJob(sql, { ...job, ...due }, nowMs));
};

export interface JobLoop {
  wake(): void;
  /** Ends the running child, puts its job back and waits for both. */
  stop(): Promise<void>;
}

/** Starts the loop. */
export function superviseJobs(life: Life, pipelines: () => Promise<Pipeline[]>): JobLoop {
  const stopping = new AbortController();
  const owner = JSON.stringify(ownIdentity());
  let wake = () => {};
  const next = () =>
    claimJob(life.db, { kinds: [RETRAIN_JOB, GATE_JOB], owner, nowMs: life.clock.nowMs() }).catch((error: unknown) => {
      log.error("jobs.claim_failed", { error: asTrimtabError(error).oneLine() });
      return undefined;
    });
  const loop = (async () => {
    await releaseOrphans(life).catch((error: unknown) =>
      log.error("jobs.release_failed", { error: asTrimtabError(error).oneLine() }),
    );
    while (!stopping.signal.aborted) {
      const job = await next();
      if (job)
        await runJob(life, pipelines, job, stopping.signal).catch((error: unknown) =>
          log.error("jobs.run_failed", { job: job.id, error: asTrimtabError(error).oneLine() }),
        );
      else
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
  })();
  return {
    wake: () => wake(),
    async stop() {
      stopping.abort();
      wake();
      await loop;
    },
  };
}

/** Puts back the jobs of loops whose process is gone. */
async function releaseOrphans(life: Life): Promise<void> {
  const running = await listJobs(life.db, { states: ["running"], limit: 1000 });
  const owners = [...new Set(running.flatMap((job) => (job.owner ? [job.owner] : [])))];
  const nowMs = life.clock.nowMs();
  const alive = owners.filter((owner) => isAlive({ ...JSON.parse(owner), seenMs: nowMs }, nowMs));
  await life.db.write((sql) => releaseJobs(sql, alive));
}

async function runJob(life: Life, pipelines: () => Promise<Pipeline[]>, job: Job, signal: AbortSignal): Promise<void> {
  const subject = `pipeline/${job.pipeline}`;
  const about = { subject, actor: job.trigger };
  await life.event({ ...about, kind: "job.started", reason: job.reason, data: { job: job.id } });
  const pipeline = (await pipelines()).find((candidate) => candidate.model === job.pipeline);
  const outcome = pipeline
    ? await runChild(life, pipeline, job, signal)
    : { exit: 1, error: `no pipeline here makes ${job.pipeline}` };
  const done = outcome.exit === 0 || outcome.exit === GATE_REFUSED_EXIT;
  const nowMs = life.clock.nowMs();
  if (done) {
    await life.db.write((sql) => finishJob(sql, job.id, "done", outcome, nowMs));
    await life.event({
      ...about,
      kind: "job.done",
      reason: outcome.exit === 0 ? "done" : "the gate refused the candidate",
      data: { job: job.id },
    });
    return;
  }
  const again = signal.aborted || job.attempts < ATTEMPTS;
  await life.db.write((sql) =>
    again
      ? retryJob(sql, job.id, signal.aborted ? nowMs : nowMs + RETRY_DELAY_MS, outcome)
      : finishJob(sql, job.id, "failed", outcome, nowMs),
  );
  await life.event({
    ...about,
    kind: again ? "job.put_back" : "job.failed",
    reason: outcome.error,
    data: { job: job.id, exit: outcome.exit },
  });
  if (again || !pipeline) return;
  const text = `${job.pipeline}: a ${job.trigger} run failed: ${outcome.error}`;
  await alertAll(life, pipeline, { text, occasion: `job ${job.id}`, trigger: job.trigger, facts: { job: job.id } });
}

async function runChild(
  life: Life,
  pipeline: Pipeline,
  job: Job,
  signal: AbortSignal,
): Promise<{ exit: number; error: string }> {
  const work = job.kind === GATE_JOB ? ["gate", String(job.payload.version), "--deploy"] : ["run"];
  const why = ["--trigger", job.trigger, "--reason", job.reason];
  const child = Bun.spawn(selfCommand(...work, "--quiet", "--file", pipeline.file, ...why, "--wait", "1h"), {
    cwd: life.workspace.root,
    env: { ...life.env, TRIMTAB_ACTOR: job.trigger },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    // A terminal that closes tells its whole group: the job would die and leave its step running. We end it.
    detached: true,
  });
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end);
  try {
    const [exit, talk] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    const error =
      talk
        .trim()
        .split("\n")
        .findLast((line) => line.startsWith("error[")) ?? `exit code ${exit}`;
    return { exit, error: exit === 0 ? "" : error };
  } finally {
    signal.removeEventListener("abort", end);
  }
}
