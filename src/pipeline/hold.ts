/** The pipeline's lock for work that runs no step, as the gate's: no run changes the outputs that it reads meanwhile. */

import type { Clock } from "../base/clock.ts";
import { asTrimtabError } from "../base/errors.ts";
import type { Db } from "../db/db.ts";
import { endPipelineRun, touchPipelineRun } from "../db/step-runs.ts";
import { acquireRun, type LockRequest } from "./lock.ts";
import { HEARTBEAT_MS } from "./processes.ts";

/** Throws RUN_BUSY when another run has not ended in time, and what the work throws. */
export async function holdPipeline<T>(db: Db, clock: Clock, request: LockRequest, work: () => Promise<T>): Promise<T> {
  await acquireRun(db, clock, request);
  const touch = () => db.write((sql) => touchPipelineRun(sql, request.id, clock.nowMs()), "logged").catch(() => 0);
  const heartbeat = setInterval(touch, HEARTBEAT_MS);
  const end = (state: "done" | "failed", error?: string) =>
    db.write((sql) => endPipelineRun(sql, request.id, state, clock.nowMs(), error));
  try {
    const result = await work();
    await end("done");
    return result;
  } catch (error) {
    // What went wrong is what the caller must hear, also when the database that should note it is gone.
    await end("failed", asTrimtabError(error).oneLine()).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}
