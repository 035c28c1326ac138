/** Background work waits, is claimed once and ends, on every engine. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Db } from "../../src/db/db.ts";
import { claimJob, enqueueJob, finishJob, listJobs, type NewJob, releaseJobs, retryJob } from "../../src/db/jobs.ts";

const job = (onceKey: string, more: Partial<NewJob> = {}): NewJob => ({
  kind: "retrain",
  pipeline: "flights",
  trigger: "drift",
  reason: "distance moved",
  payload: { window: 3 },
  onceKey,
  ...more,
});
/** `open` gives a fresh, migrated database. */
export function jobsSuite(name: string, open: () => Promise<Db>): void {
  describe(`${name}: jobs`, () => {
    let db: Db;
    beforeEach(async () => {
      db = await open();
    });
    afterEach(() => db.close());
    const claim = (owner: string, nowMs = 1000) => claimJob(db, { kinds: ["retrain"], owner, nowMs });

    test("the same cause queues one job, also after it has ended", async () => {
      expect(await enqueueJob(db, job("a"), 10)).toBeString();
      expect(await enqueueJob(db, job("a"), 11)).toBeUndefined();
      const claimed = await claim("me");
      expect(await finishJob(db, claimed!.id, "done", { run: "r1" }, 2000)).toBe(true);
      expect(await enqueueJob(db, job("a"), 12)).toBeUndefined();
      const [only, ...none] = await listJobs(db);
      expect(none).toEqual([]);
      expect(only).toMatchObject({ ...job("a"), state: "done", attempts: 1, endedMs: 2000, result: { run: "r1" } });
    });

    test("jobs are claimed oldest first, when due, of the kinds asked for, each once", async () => {
      await enqueueJob(db, job("late", { runAfterMs: 5000 }), 1);
      await enqueueJob(db, job("second"), 3);
      await enqueueJob(db, job("first"), 2);
      await enqueueJob(db, job("other", { kind: "alert" }), 0);
      const both = await Promise.all([claim("a"), claim("b"), claim("c")]);
      expect(both.map((j) => j?.onceKey)).toEqual(["first", "second", undefined]);
      expect((await claim("d", 5000))?.onceKey).toBe("late");
    });

    test("a job goes back to the queue to be retried, and when its owner is gone", async () => {
      await enqueueJob(db, job("a"), 1);
      const first = await claim("dead");
      expect(await releaseJobs(db, ["alive"])).toBe(1);
      expect(await finishJob(db, first!.id, "done", {}, 2000)).toBe(false);
      const second = await claim("alive");
      expect(second).toMatchObject({ id: first!.id, attempts: 2, owner: "alive" });
      expect(await releaseJobs(db, ["alive"])).toBe(0);
      expect(await retryJob(db, second!.id, 9000, { error: "no" })).toBe(true);
      expect(await claim("alive", 8999)).toBeUndefined();
      expect(await claim("alive", 9000)).toMatchObject({ attempts: 3, result: { error: "no" } });
      expect(await releaseJobs(db, [])).toBe(1);
    });

    test("lists by kind, pipeline and state", async () => {
      await enqueueJob(db, job("a"), 1);
      await enqueueJob(db, job("b", { pipeline: "other" }), 2);
      await enqueueJob(db, job("c", { kind: "alert" }), 3);
      await claim("me");
      const keys = async (filter: Parameters<typeof listJobs>[1]) => (await listJobs(db, filter)).map((j) => j.onceKey);
      expect(await keys({})).toEqual(["c", "b", "a"]);
      expect(await keys({ kind: "retrain", states: ["queued", "running"] })).toEqual(["b", "a"]);
      expect(await keys({ pipeline: "flights", states: ["running"] })).toEqual(["a"]);
      expect(await keys({ limit: 1 })).toEqual(["c"]);
    });
  });
}
