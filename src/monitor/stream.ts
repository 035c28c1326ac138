/**
 * Cuts one version's stream of live rows into windows. Every row falls into exactly one, and a closed window never changes.
 *
 * By count: rows in order of arrival; a window closes when it is full.
 * By time: the slice [k·size, (k + 1)·size) since the epoch, of the rows' own time when the pipeline names a column, else of
 *   arrival. By arrival it closes when the clock has passed its end. By the rows' own time nothing says that a slice is over
 *   but later rows: it closes when those are at least a fiftieth of its own. A row for a slice that has closed, or for one
 *   more than `OPEN_MAX` open slices, joins the nearest open one.
 *
 * A version that takes no traffic any more gets no later rows: `end` closes what the model's other versions have left behind.
 */

import type { WindowSize } from "../spec/types.ts";

/** The part of a window that cutting needs. */
export interface Slot {
  seq: number;
  bucket: number | null;
  fromMs: number;
  toMs: number;
  rows: number;
}

/** Rows `from` to `to` (excluded) of what was placed, in one window. */
export interface Slice<W> {
  window: W;
  from: number;
  to: number;
}

export interface StreamOptions<W extends Slot> {
  size: WindowSize;
  /** Windows of time: whether times are those of arrival. */
  byArrival: boolean;
  open: W[];
  nextSeq: number;
  /** Highest bucket that has closed. */
  closedThrough: number;
  make: (slot: Slot) => W;
}

export interface Stream<W extends Slot> {
  /** Assigns rows 0 to n in order; `timeOf` gives each its time. Adds to the windows' `rows` and, by count, their times. */
  place(n: number, timeOf: (row: number) => number): Slice<W>[];
  /** Takes out the windows that are over, in the order of their time. Times of arrival before `arrivedMs` have all been placed. */
  close(arrivedMs: number): W[];
  /** Takes out the windows that end by `reachedMs`, full or not, for a stream that has ended. */
  end(reachedMs: number): W[];
  open(): readonly W[];
}

/** Guards against columns whose times are garbage: each row would open a window. */
const OPEN_MAX = 64;
/** Share of a window's rows that must have come later for it to be over. */
const LATER_SHARE = 0.02;

export function createStream<W extends Slot>(options: StreamOptions<W>): Stream<W> {
  return "rows" in options.size ? countStream(options, options.size.rows) : timeStream(options, options.size.ms);
}

function countStream<W extends Slot>({ open, make, ...rest }: StreamOptions<W>, size: number): Stream<W> {
  let { nextSeq } = rest;
  const full: W[] = [];
  let current = open[0];
  return {
    place(n, timeOf) {
      const slices: Slice<W>[] = [];
      for (let from = 0; from < n; ) {
        current ??= make({ seq: nextSeq++, bucket: null, fromMs: timeOf(from), toMs: timeOf(from), rows: 0 });
        const to = Math.min(n, from + Math.max(1, size - current.rows));
        for (let row = from; row < to; row++) widen(current, timeOf(row));
        current.rows += to - from;
        slices.push({ window: current, from, to });
        if (current.rows >= size) {
          full.push(current);
          current = undefined;
        }
        from = to;
      }
      return slices;
    },
    close: () => full.splice(0),
    end(reachedMs) {
      if (!current || current.toMs > reachedMs) return [];
      const last = current;
      current = undefined;
      return [last];
    },
    open: () => (current ? [current] : []),
  };
}

function widen(slot: Slot, timeMs: number): void {
  if (timeMs < slot.fromMs) slot.fromMs = timeMs;
  if (timeMs > slot.toMs) slot.toMs = timeMs;
}

function timeStream<W extends Slot>(
  { open: given, make, byArrival, ...rest }: StreamOptions<W>,
  ms: number,
): Stream<W> {
  let { nextSeq, closedThrough } = rest;
  const open = [...given];

  function windowFor(bucket: number): W {
    const known = open.find((window) => window.bucket === bucket);
    if (known) return known;
    if (open.length > 0 && (bucket <= closedThrough || open.length >= OPEN_MAX)) return nearest(open, bucket);
    const free = Math.max(bucket, closedThrough + 1);
    const made = make({ seq: nextSeq++, bucket: free, fromMs: free * ms, toMs: (free + 1) * ms, rows: 0 });
    open.push(made);
    return made;
  }

  function take(over: readonly W[]): W[] {
    for (const window of over) {
      open.splice(open.indexOf(window), 1);
      closedThrough = Math.max(closedThrough, window.bucket!);
    }
    return over.toReversed();
  }
  const newestFirst = () => open.sort((a, b) => b.bucket! - a.bucket!);

  return {
    place(n, timeOf) {
      const slices: Slice<W>[] = [];
      for (let from = 0; from < n; ) {
        const bucket = Math.floor(timeOf(from) / ms);
        let to = from + 1;
        while (to < n && Math.floor(timeOf(to) / ms) === bucket) to++;
        const window = windowFor(bucket);
        window.rows += to - from;
        slices.push({ window, from, to });
        from = to;
      }
      return slices;
    },
    close: (arrivedMs) =>
      take(byArrival ? newestFirst().filter((window) => window.toMs <= arrivedMs) : overtaken(newestFirst())),
    end: (reachedMs) => take(newestFirst().filter((window) => window.toMs <= reachedMs)),
    open: () => open,
  };
}

/** Windows, newest first, that enough later rows have followed; all before one that is over are over too. */
function overtaken<W extends Slot>(newestFirst: readonly W[]): W[] {
  let later = 0;
  const first = newestFirst.findIndex((window) => {
    const over = later > 0 && later >= window.rows * LATER_SHARE;
    later += window.rows;
    return over;
  });
  return first < 0 ? [] : newestFirst.slice(first);
}

function nearest<W extends Slot>(open: readonly W[], bucket: number): W {
  const distance = (window: W) => Math.abs(window.bucket! - bucket);
  return open.reduce((best, window) => (distance(window) < distance(best) ? window : best));
}
