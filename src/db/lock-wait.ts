/** How long a write waits for the lock that another program holds: long in life, briefly once this process was told to end. */

import { LIMITS } from "../base/limits.ts";

export interface LockWait {
  busyMs(): number;
  /** A wait was in vain. */
  ranOut(): void;
  hurry(): void;
}

export function createLockWait(usualMs: number): LockWait {
  let busyMs = usualMs;
  let isHurried = false;
  return {
    busyMs: () => busyMs,
    ranOut() {
      // Whoever held the lock so long holds it still; the writes behind this one would add up.
      if (isHurried) busyMs = 0;
    },
    hurry() {
      isHurried = true;
      busyMs = Math.min(busyMs, LIMITS.dbHurryMs);
    },
  };
}
