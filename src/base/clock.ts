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

const YEAR_0_MS = Date.UTC(-1, 12);
const YEAR_10000_MS = Date.UTC(10_000, 0);

/** Whether it is a time of the years 0 to 9999, those that ISO 8601 writes in four digits; false for NaN. */
export const isDate = (timeMs: number): boolean => timeMs >= YEAR_0_MS && timeMs < YEAR_10000_MS;

/** ISO 8601 in UTC with milliseconds, the one way Trimtab prints a time for machines. */
export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString();
