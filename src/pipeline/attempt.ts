/** The limits around one attempt: its timeout, cancellation, and for work inside this process its CPU time and memory. */

import { fail, type TrimtabError } from "../base/errors.ts";
import { showBytes, showDuration } from "../base/units.ts";
import type { Step } from "../spec/types.ts";
import type { StepOutcome } from "./types.ts";

export interface Deadline {
  /** Aborted with a TrimtabError as its reason. */
  signal: AbortSignal;
  abort(error: TrimtabError): void;
  clear(): void;
}

/** A signal that ends the attempt when the run is cancelled or the step's time is over. */
export function deadline(run: { signal: AbortSignal }, step: Step, place: string): Deadline {
  const controller = new AbortController();
  const abort = (error: TrimtabError) => controller.abort(error);
  const onCancel = () => abort(fail("RUN_CANCELLED", { what: `step ${step.name} was cancelled` }));
  if (run.signal.aborted) onCancel();
  run.signal.addEventListener("abort", onCancel, { once: true });
  const { timeoutMs } = step.resources;
  const onTime = () =>
    abort(
      fail("STEP_TIMEOUT", {
        what: `step ${step.name} ran longer than ${showDuration(timeoutMs ?? 0)}`,
        place,
        details: { step: step.name, timeoutMs },
      }),
    );
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTime, timeoutMs);
  const clear = () => {
    clearTimeout(timer);
    run.signal.removeEventListener("abort", onCancel);
  };
  return { signal: controller.signal, abort, clear };
}

const SAMPLE_MS = 50;
/** A child needs up to the grace and a few seconds to be ended; work that ignores its signal is given up after that. */
const GIVE_UP_MS = 5000;

/**
 * Runs `work`, and fills `used` with what it says it used, else with what this whole process used meanwhile. Memory of
 * work inside this process counts from its size at the start; over the step's limit the work is aborted.
 */
export async function inProcess(
  step: Step,
  limit: Deadline,
  graceMs: number,
  used: { cpuMs: number; memoryBytesPeak: number },
  work: () => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const cpu = process.cpuUsage();
  const startBytes = process.memoryUsage.rss();
  const { memoryBytes } = step.resources;
  let peakBytes = startBytes;
  const sample = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    if (step.kind === "cmd" || memoryBytes === undefined || peakBytes - startBytes <= memoryBytes) return;
    const what = `step ${step.name} used ${showBytes(peakBytes - startBytes)}, the limit is ${showBytes(memoryBytes)}`;
    limit.abort(fail("STEP_MEMORY", { what, details: { step: step.name, limitBytes: memoryBytes } }));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  let measured: StepOutcome = {};
  try {
    const outcome = await Promise.race([work(), givenUp(limit.signal, graceMs + GIVE_UP_MS)]);
    limit.signal.throwIfAborted();
    measured = outcome;
    return outcome;
  } finally {
    clearInterval(timer);
    sample();
    const spent = process.cpuUsage(cpu);
    used.cpuMs = measured.cpuMs ?? Math.round((spent.user + spent.system) / 1000);
    used.memoryBytesPeak = measured.memoryBytesPeak ?? peakBytes - startBytes;
  }
}

function givenUp(signal: AbortSignal, afterMs: number): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => setTimeout(() => reject(signal.reason), afterMs).unref(), { once: true });
  });
}
