/** One entity's remembered rows for one window: times ascending, values beside them, and the window's answer for a new row. */

import { finite } from "./functions/define.ts";
import { reachMs, rowsKept, usable, type WindowFrame } from "./windows.ts";

export class Series {
  /** Rows before `start` are forgotten; they are cut off now and then, so that forgetting costs nothing a row. */
  private start = 0;
  private readonly times: number[] = [];
  private readonly values: number[] = [];

  constructor(private readonly frame: WindowFrame) {}

  get length(): number {
    return this.times.length - this.start;
  }

  /** Rows usually come in the order of their times; a late one is put where it belongs. */
  add(timeMs: number, value: number): void {
    const { times, values } = this;
    const last = times.length - 1;
    if (last < this.start || times[last]! <= timeMs) {
      times.push(timeMs);
      values.push(value);
    } else {
      const at = this.countUpTo(timeMs);
      times.splice(at, 0, timeMs);
      values.splice(at, 0, value);
    }
    this.forget();
  }

  /** What the window says for a row at this time whose own value is `current` (used only by windows that include it). */
  read(timeMs: number, current: number): number {
    const { frame } = this;
    if (frame.rangeMs !== undefined) {
      const to = this.countUpTo(timeMs - frame.lagMs! - 1);
      return this.aggregate(this.countUpTo(timeMs - frame.lagMs! - frame.rangeMs - 1), to, Number.NaN);
    }
    const before = this.countUpTo(timeMs);
    if (!frame.current)
      return this.aggregate(before - frame.lagRows! - frame.rows!, before - frame.lagRows!, Number.NaN);
    if (frame.lagRows === 0) return this.aggregate(before - frame.rows! + 1, before, current);
    const end = before - frame.lagRows! + 1;
    return this.aggregate(end - frame.rows!, end, Number.NaN);
  }

  /** The remembered rows, oldest first. */
  tail(): { times: number[]; values: number[] } {
    return { times: this.times.slice(this.start), values: this.values.slice(this.start) };
  }

  private forget(): void {
    const { times, frame } = this;
    if (frame.rangeMs === undefined) this.start = Math.max(this.start, times.length - rowsKept(frame));
    else {
      const oldestMs = times.at(-1)! - reachMs(frame);
      while (times[this.start]! < oldestMs) this.start++;
    }
    if (this.start < 1024 || this.start * 2 < times.length) return;
    times.splice(0, this.start);
    this.values.splice(0, this.start);
    this.start = 0;
  }

  /** Index behind the last row whose time is at or before this one. */
  private countUpTo(timeMs: number): number {
    let low = this.start;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle]! <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private aggregate(from: number, to: number, extra: number): number {
    const tally = new Tally();
    const { aggregate, minPeriods } = this.frame;
    for (let i = Math.max(from, this.start); i < to; i++) {
      const value = this.values[i]!;
      if (usable(aggregate, value)) tally.add(value);
    }
    if (usable(aggregate, extra)) tally.add(extra);
    if (tally.count < minPeriods) return Number.NaN;
    if (aggregate !== "std") return tally[aggregate];
    return tally.count < 2 ? Number.NaN : this.deviation(from, to, extra, tally);
  }

  /** Two passes: exact to the last digits also when the mean is large beside the spread. Sample deviation, ddof 1. */
  private deviation(from: number, to: number, extra: number, tally: Tally): number {
    let squares = 0;
    const add = (value: number) => {
      if (usable("std", value)) squares += (value - tally.sum / tally.count) ** 2;
    };
    for (let i = Math.max(from, this.start); i < to; i++) add(this.values[i]!);
    add(extra);
    return Math.sqrt(squares / (tally.count - 1));
  }
}

/** Running aggregates; missing values are skipped. */
class Tally {
  count = 0;
  private total = 0;
  private least = Number.NaN;
  private most = Number.NaN;
  last = Number.NaN;

  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.count++;
    this.total += value;
    this.last = value;
    if (!(this.least <= value)) this.least = value;
    if (!(this.most >= value)) this.most = value;
  }
  get sum(): number {
    return this.count > 0 ? finite(this.total) : Number.NaN;
  }
  get mean(): number {
    return finite(this.total / this.count);
  }
  get min(): number {
    return this.least;
  }
  get max(): number {
    return this.most;
  }
}
