import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createStream, type Slice, type Slot, type Stream } from "../../src/monitor/stream.ts";
import type { WindowSize } from "../../src/spec/types.ts";

const streamOf = (size: WindowSize, byArrival = false, open: Slot[] = []): Stream<Slot> =>
  createStream<Slot>({
    size,
    byArrival,
    open,
    nextSeq: 1,
    closedThrough: Number.NEGATIVE_INFINITY,
    make: (slot) => slot,
  });

/** Places rows in pieces, closing after each; all windows in the order in which they were made. */
function cut(
  stream: Stream<Slot>,
  pieces: readonly (readonly number[])[],
): { windows: Slot[]; slices: Slice<Slot>[][] } {
  const windows = new Set<Slot>();
  const slices = pieces.map((times) => {
    const placed = stream.place(times.length, (row) => times[row]!);
    for (const { window } of placed) windows.add(window);
    stream.close(0);
    return placed;
  });
  return { windows: [...windows], slices };
}

const pieces = fc.array(fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 30 }), {
  maxLength: 20,
});
const sizes = fc.oneof(
  fc.record({ rows: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ ms: fc.integer({ min: 1, max: 900 }) }),
);

test("windows part the stream: every row is in exactly one", () => {
  fc.assert(
    fc.property(sizes, pieces, (size, given) => {
      const { windows, slices } = cut(streamOf(size), given);
      slices.forEach((placed, i) => {
        // The slices of a piece follow on one another and cover it.
        expect(placed[0]!.from).toBe(0);
        expect(placed.at(-1)!.to).toBe(given[i]!.length);
        for (const [k, slice] of placed.entries()) if (k > 0) expect(slice.from).toBe(placed[k - 1]!.to);
      });
      const rows = windows.reduce((sum, window) => sum + window.rows, 0);
      expect(rows).toBe(given.reduce((sum, piece) => sum + piece.length, 0));
      expect(new Set(windows.map((window) => window.seq)).size).toBe(windows.length);
    }),
  );
});

describe("by count", () => {
  test("every closed window is full, in order of arrival", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), pieces, (rows, given) => {
        const { windows } = cut(streamOf({ rows }), given);
        expect(windows.slice(0, -1).every((window) => window.rows === rows)).toBe(true);
        if (windows.length > 0) expect(windows.at(-1)!.rows).toBeLessThanOrEqual(rows);
      }),
    );
  });
  test("goes on with the window that was open", () => {
    const before: Slot = { seq: 7, bucket: null, fromMs: 10, toMs: 20, rows: 3 };
    const stream = streamOf({ rows: 5 }, false, [before]);
    stream.place(3, (row) => 30 + row);
    expect(stream.close(0)).toEqual([{ seq: 7, bucket: null, fromMs: 10, toMs: 31, rows: 5 }]);
    expect(stream.open()).toEqual([{ seq: 1, bucket: null, fromMs: 32, toMs: 32, rows: 1 }]);
  });
});

describe("by the rows' own time", () => {
  test("a slice closes when a fiftieth of its rows came later, and not before", () => {
    const stream = streamOf({ ms: 100 });
    stream.place(200, () => 50);
    stream.place(3, () => 150);
    expect(stream.close(1e9)).toEqual([]);
    stream.place(1, () => 160);
    expect(stream.close(1e9)).toEqual([{ seq: 1, bucket: 0, fromMs: 0, toMs: 100, rows: 200 }]);
  });
  test("a row for a closed slice joins the nearest open one", () => {
    const stream = streamOf({ ms: 100 });
    stream.place(2, (row) => row * 100);
    stream.close(0);
    const [slice] = stream.place(1, () => 20);
    expect(slice!.window.bucket).toBe(1);
    expect(slice!.window.rows).toBe(2);
  });
  test("times of garbage open a bounded number of windows", () => {
    const stream = streamOf({ ms: 1 });
    stream.place(10_000, (row) => (row * 7919) % 100_003);
    expect(stream.open().length).toBeLessThanOrEqual(64);
  });
  test("closed windows never overlap, in whatever order rows come", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900 }), pieces, (ms, given) => {
        const buckets = cut(streamOf({ ms }), given).windows.map((window) => window.bucket);
        expect(new Set(buckets).size).toBe(buckets.length);
      }),
    );
  });
});

test("by arrival, a slice closes when the clock has passed its end", () => {
  const stream = streamOf({ ms: 100 }, true);
  stream.place(1, () => 50);
  expect(stream.close(99)).toEqual([]);
  expect(stream.close(100).map((window) => window.seq)).toEqual([1]);
});

test("a stream that has ended closes what others have gone past, full or not, and may begin again", () => {
  const slices = streamOf({ ms: 100 });
  slices.place(3, (row) => row * 100);
  expect(slices.end(200).map((window) => window.bucket)).toEqual([0, 1]);
  expect(slices.open().map((window) => window.bucket)).toEqual([2]);
  expect(slices.end(200)).toEqual([]);
  const counted = streamOf({ rows: 10 });
  counted.place(3, (row) => row * 100);
  expect(counted.end(199)).toEqual([]);
  expect(counted.end(200)).toMatchObject([{ seq: 1, rows: 3 }]);
  expect(counted.open()).toEqual([]);
  expect(counted.place(1, () => 300)[0]!.window).toMatchObject({ seq: 2, rows: 1 });
});
