/** Time as a value that can be handed in, so that rules about time are tested without waiting. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** A clock that stands still until told otherwise. */
export class ManualClock implements Clock {
  constructor(private timeMs: number) {}
  nowMs(): number {
    return this.timeMs;
  }
  set(timeMs: number): void {
    this.timeMs = timeMs;
  }
  advance(deltaMs: number): void {
    this.timeMs += deltaMs;
  }
}

/** ISO 8601 in UTC with milliseconds, the one way Trimtab prints a time for machines. */
export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString();
