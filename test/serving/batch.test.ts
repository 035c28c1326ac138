import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Batch } from "../../src/base/columns.ts";
import { fail } from "../../src/base/errors.ts";
import { createBatcher } from "../../src/serving/batch.ts";
import type { Predictions } from "../../src/serving/model.ts";

const rowsOf = (...values: number[]): Batch => ({
  rows: values.length,
  columns: { x: Float64Array.from(values), s: values.map(String) },
});

/** Answers x + 1 and P(1) = x, after checking that columns stayed together. */
function model(onCall: (values: number[]) => void = () => {}) {
  return async ({ rows, columns }: Batch): Promise<Predictions> => {
    const values = [...(columns.x as Float64Array)];
    expect(columns.s).toEqual(values.map(String));
    expect(values.length).toBe(rows);
    onCall(values);
    await Bun.sleep(1);
    return {
      values: Float64Array.from(values, (value) => value + 1),
      classes: [0, 1],
      probabilities: Float64Array.from(values.flatMap((value) => [1 - value, value])),
    };
  };
}

test("each request gets its own rows back, however requests meet in batches", async () => {
  const requests = fc.array(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 9 }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(requests, fc.integer({ min: 1, max: 20 }), async (all, rowsMax) => {
      const sizes: number[] = [];
      const batcher = createBatcher(model(), { batchRowsMax: rowsMax, onBatch: (rows) => sizes.push(rows) });
      const answers = await Promise.all(all.map((values) => batcher.submit(rowsOf(...values))));
      answers.forEach((answer, i) => {
        expect([...(answer.values as Float64Array)]).toEqual(all[i]!.map((value) => value + 1));
        expect([...answer.probabilities!]).toEqual(all[i]!.flatMap((value) => [1 - value, value]));
      });
      const longest = Math.max(0, ...all.map((values) => values.length));
      for (const size of sizes) expect(size).toBeLessThanOrEqual(Math.max(rowsMax, longest));
      expect(batcher.waitingRows()).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test("a lone request goes at once; those that come while it runs form the next batch", async () => {
  const calls: number[][] = [];
  const batcher = createBatcher(model((values) => calls.push(values)));
  const first = batcher.submit(rowsOf(1));
  expect(calls).toEqual([[1]]);
  await Promise.all([first, ...[2, 3, 4].map((value) => batcher.submit(rowsOf(value)))]);
  expect(calls).toEqual([[1], [2, 3, 4]]);
});

test.each([
  ["quick, of another process", true, 0, 2],
  ["slow, of another process", true, 5, 1],
  ["quick, of this process", false, 0, 1],
] as const)(
  "behind a model (%s; it takes batches ahead: %p, %d ms each) that holds many rows up, %d batches are under way",
  async (_, ahead, tookMs, underWay) => {
    let pause = () => (tookMs === 0 ? Promise.resolve() : Bun.sleep(tookMs));
    let running = 0;
    const batcher = createBatcher(
      async ({ rows }) => {
        running++;
        await pause();
        running--;
        return { values: new Float64Array(rows) };
      },
      { ahead },
    );
    await batcher.submit(rowsOf(1));
    await batcher.idle();
    const held = Promise.withResolvers<void>();
    pause = () => held.promise;
    const all = Array.from({ length: 40 }, (_, i) => batcher.submit(rowsOf(i)));
    expect(running).toBe(underWay);
    held.resolve();
    await Promise.all(all);
  },
);

test("beyond the queue's bound requests are shed, and what waited is answered", async () => {
  const batcher = createBatcher(model(), { queueRowsMax: 5 });
  const running = batcher.submit(rowsOf(1));
  const waiting = [batcher.submit(rowsOf(2, 3)), batcher.submit(rowsOf(4, 5))];
  await expect(batcher.submit(rowsOf(6, 7))).rejects.toMatchObject({ code: "OVERLOADED", status: 503 });
  const last = batcher.submit(rowsOf(8));
  await expect(batcher.submit(rowsOf(1, 2, 3, 4, 5, 6))).rejects.toMatchObject({ code: "REQUEST_TOO_LARGE" });
  expect((await Promise.all([running, ...waiting, last])).map((answer) => answer.values.length)).toEqual([1, 2, 2, 1]);
  await batcher.idle();
  expect((await batcher.submit(rowsOf(1, 2, 3, 4, 5))).values.length).toBe(5);
});

describe("a failing batch is taken apart", () => {
  const poisoned = (code: "MODEL_FAILED" | "MODEL_CRASHED" | "MODEL_TIMEOUT", calls: number[][]) => {
    const answer = model((values) => calls.push(values));
    return async (batch: Batch) => {
      const predictions = await answer(batch);
      if ((batch.columns.x as Float64Array).includes(666)) throw fail(code, { what: "poison" });
      return predictions;
    };
  };
  /** Calls of the model: raising halves, dying and hanging take one by one; only dying is tried again alone. */
  const expected = { MODEL_FAILED: 2 + 4, MODEL_CRASHED: 2 + 4, MODEL_TIMEOUT: 2 + 4 };

  test.each(["MODEL_FAILED", "MODEL_CRASHED", "MODEL_TIMEOUT"] as const)(
    "after %s only the request at fault fails",
    async (code) => {
      const calls: number[][] = [];
      const batcher = createBatcher(poisoned(code, calls));
      const settled = await Promise.allSettled([0, 1, 2, 666, 3].map((value) => batcher.submit(rowsOf(value))));
      expect(settled.map((one) => one.status)).toEqual([
        "fulfilled",
        "fulfilled",
        "fulfilled",
        "rejected",
        "fulfilled",
      ]);
      expect(calls.length).toBe(expected[code]);
    },
  );

  test("alone: raising and hanging are not tried again, dying once", async () => {
    for (const [code, times] of [
      ["MODEL_FAILED", 1],
      ["MODEL_TIMEOUT", 1],
      ["MODEL_CRASHED", 2],
    ] as const) {
      const calls: number[][] = [];
      await expect(createBatcher(poisoned(code, calls)).submit(rowsOf(666))).rejects.toMatchObject({ code });
      expect(calls.length).toBe(times);
    }
  });
});
