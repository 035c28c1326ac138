/** The thread of loop-guard.ts: ends the process when its main thread takes no turn for too long. */

import { writeSync } from "node:fs";
import type { GuardOrder } from "./loop-guard.ts";

declare const self: { onmessage: ((event: { data: GuardOrder }) => void) | null };

self.onmessage = ({ data: { turns, limitMs, line } }) => {
  const view = new Int32Array(turns);
  let seen = Atomics.load(view, 0);
  let seenMs = performance.now();
  setInterval(() => {
    const now = Atomics.load(view, 0);
    if (now !== seen) [seen, seenMs] = [now, performance.now()];
    if (performance.now() - seenMs < limitMs) return;
    writeSync(2, `${line}\n`);
    process.kill(process.pid, "SIGKILL");
  }, limitMs / 10);
};
