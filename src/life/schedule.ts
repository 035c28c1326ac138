/** Schedules of `retrain.when` as jobs. Several control replicas may tick at once: the job's key makes it one. */

import { automationOn } from "../base/automation.ts";
import { asTrimtabError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { nextScheduleMs } from "../spec/cron.ts";
import type { Pipeline } from "../spec/types.ts";
import { leaveToPerson } from "./automation.ts";
import type { Life } from "./context.ts";
import { queueRun } from "./jobs.ts";

/** A timer sleeps at most this long: timers drift, clocks are set, and 32-bit milliseconds end at 24 days. */
const SLEEP_MS_MAX = 60 * 60_000;

/** Starts every schedule; returns what stops them. Times are UTC. */
export function schedule(life: Life, pipelines: readonly Pipeline[], wake: () => void): () => void {
  const stops = pipelines.flatMap((pipeline) =>
    pipeline.retrain.when.schedules.map((pattern) =>
      atEach(life, pattern, (dueMs) =>
        enqueueScheduled(life, pipeline, pattern, dueMs)
          .then(wake)
          .catch((error: unknown) => log.error("schedule.failed", { pattern, error: asTrimtabError(error).oneLine() })),
      ),
    ),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

function atEach(life: Life, pattern: string, work: (dueMs: number) => Promise<unknown>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = (dueMs: number | undefined) => {
    if (dueMs === undefined) return;
    const waitMs = Math.max(0, dueMs - life.clock.nowMs());
    timer = setTimeout(
      () => {
        if (waitMs > SLEEP_MS_MAX) return arm(dueMs);
        void work(dueMs);
        arm(nextScheduleMs(pattern, Math.max(dueMs, life.clock.nowMs())));
      },
      Math.min(waitMs, SLEEP_MS_MAX),
    );
  };
  arm(nextScheduleMs(pattern, life.clock.nowMs()));
  return () => clearTimeout(timer);
}

/** Queues the run that is due, once for each due time, or records that it is left to a person. */
async function enqueueScheduled(life: Life, pipeline: Pipeline, pattern: string, dueMs: number): Promise<void> {
  const reason = `schedule ${pattern}`;
  if (!automationOn(life.env, "retrain")) return leaveToPerson(life, `pipeline/${pipeline.model}`, reason);
  await queueRun(life, {
    pipeline: pipeline.model,
    trigger: "schedule",
    reason,
    onceKey: `schedule:${pipeline.model}:${pattern}:${dueMs}`,
  });
}
