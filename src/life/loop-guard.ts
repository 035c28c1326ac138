/**
 * A model in JavaScript runs in our own process: one that loops for ever would stop us where no timeout, no signal and no
 * Ctrl-C can reach. While such a model is measured or proven, a thread (loop-guard-thread.ts) watches that this process still
 * takes its turns; when it has not for too long, the thread says so in our one line and ends the process.
 */

import { fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

/** How often a turn is shown; far below any limit. */
const TURN_MS = 100;

/** What the thread is told. */
export interface GuardOrder {
  /** One number, which changes with every turn. */
  turns: SharedArrayBuffer;
  limitMs: number;
  /** The line to end with. */
  line: string;
}

/** Does the work under guard. `place`: the model, for the message. The process ends when it takes no turn for `limitMs`. */
export async function underGuard<T>(
  place: string,
  work: () => Promise<T>,
  limitMs: number = LIMITS.modelBlockMs,
): Promise<T> {
  const turns = new SharedArrayBuffer(4);
  const view = new Int32Array(turns);
  const error = fail("MODEL_TIMEOUT", {
    what: `the model has not come back for ${limitMs / 1000} s, so the process was ended`,
    place,
    mend: "look for a loop without end, or make the model faster",
  });
  const thread = new Worker(new URL("./loop-guard-thread.ts", import.meta.url));
  thread.unref();
  thread.postMessage({ turns, limitMs, line: error.oneLine() } satisfies GuardOrder);
  const timer = setInterval(() => Atomics.add(view, 0, 1), TURN_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    thread.terminate();
  }
}
