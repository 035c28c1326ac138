/**
 * One run at a time of a pipeline: the row in state `running` is the lock. It holds who runs (process, start time, boot),
 * so a row whose process is gone is taken over at once, without a timeout.
 */

import { hostname } from "node:os";
import { type Clock, isoTime } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import type { Db } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { endPipelineRun, insertPipelineRun, type PipelineRun, runningPipelineRun } from "../db/step-runs.ts";
import { isAlive, ownIdentity } from "./processes.ts";

const POLL_MS = 200;

export interface LockRequest {
  id: string;
  pipeline: string;
  trigger: string;
  reason: string;
  actor: string;
  params: Record<string, string>;
  /** How long to wait for another run; 0: not at all. */
  waitMs: number;
  signal: AbortSignal;
  onWaiting: (holder: string) => void;
}

/** Takes the lock, or throws RUN_BUSY with who holds it. Resolves to true when it had to wait. */
export async function acquireRun(db: Db, clock: Clock, request: LockRequest): Promise<boolean> {
  const untilMs = performance.now() + request.waitMs;
  for (let waited = false; ; waited = true) {
    const holder = await tryAcquire(db, clock, request);
    if (holder === undefined) return waited;
    if (performance.now() >= untilMs) throw busy(holder);
    if (!waited) request.onWaiting(showHolder(holder));
    await Bun.sleep(POLL_MS);
    if (request.signal.aborted) throw fail("RUN_CANCELLED", { what: "cancelled while waiting for another run" });
  }
}

function tryAcquire(db: Db, clock: Clock, request: LockRequest): Promise<PipelineRun | undefined> {
  return db.write(async (sql) => {
    const nowMs = clock.nowMs();
    const holder = await runningPipelineRun(sql, request.pipeline);
    if (holder && isAlive(holder, nowMs)) return holder;
    if (holder) {
      await endPipelineRun(sql, holder.id, "interrupted", nowMs, "its process is gone");
      const subject = `pipeline/${request.pipeline}`;
      const data = { runId: holder.id, pid: holder.pid };
      const reason = "its process is gone";
      await appendEvent(sql, { kind: "run.interrupted", subject, actor: request.actor, reason, data }, nowMs);
    }
    const { id, pipeline, trigger, reason, params } = request;
    await insertPipelineRun(sql, { id, pipeline, trigger, reason, params, startedMs: nowMs, ...ownIdentity() });
    return undefined;
  });
}

const showHolder = (run: PipelineRun): string =>
  `run ${run.id} (${run.trigger}) of process ${run.pid}${run.host === hostname() ? "" : ` on ${run.host}`}, since ${isoTime(run.startedMs)}`;

const busy = (run: PipelineRun) =>
  fail("RUN_BUSY", {
    what: `${showHolder(run)} is under way`,
    place: `pipeline ${run.pipeline}`,
    details: { runId: run.id, pid: run.pid, host: run.host, startedMs: run.startedMs },
  });
