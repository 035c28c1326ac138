/** When a failed step is tried again. */

import type { TrimtabError } from "../base/errors.ts";
import type { Step } from "../spec/types.ts";

const DELAY_MS_MAX = 3_600_000;
/** Each delay is spread by this share either way, so that many steps that failed together do not return together. */
const JITTER = 0.2;

/** The pause after failed attempt `attempt` (1 for the first): delay · backoff^(attempt − 1), at most an hour, ± 20 %. */
export function retryDelayMs(retry: Step["retry"], attempt: number, random: () => number): number {
  const delayMs = Math.min(retry.delayMs * retry.backoff ** (attempt - 1), DELAY_MS_MAX);
  return Math.round(delayMs * (1 - JITTER + 2 * JITTER * random()));
}

/** What another attempt cannot mend is not tried again. */
export const isRetryable = (error: TrimtabError): boolean =>
  !["RUN_CANCELLED", "NOT_AVAILABLE", "KEY_INCOMPLETE", "DB_LOCKED", "DISK_FULL"].includes(error.code);
