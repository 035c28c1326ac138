/** Slots never give out more than there is, and retries wait as they should. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { fail } from "../../src/base/errors.ts";
import { isRetryable, retryDelayMs } from "../../src/pipeline/retry.ts";
import { type Lease, Slots } from "../../src/pipeline/slots.ts";
import { cmdStep } from "./make.ts";

const wishes = fc.record({
  cpus: fc.option(fc.integer({ min: 1, max: 6 })),
  memoryBytes: fc.option(fc.nat(150)),
  free: fc.boolean(),
});

test("what is given out fits the jobs and the memory, or runs alone; what is freed can be taken again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(wishes), (jobs, asked) => {
      const slots = new Slots(jobs, 100, [0, 1, 2, 3]);
      const given: Lease[] = [];
      for (const { cpus, memoryBytes, free } of asked) {
        if (free && given.length > 0) slots.free(given.pop()!);
        const resources = { ...(cpus === null ? {} : { cpus }), ...(memoryBytes === null ? {} : { memoryBytes }) };
        const lease = slots.take(cmdStep("a", { cmd: "", resources }));
        if (lease === undefined) expect(given.length).toBeGreaterThan(0);
        else given.push(lease);
        expect(given.reduce((sum, each) => sum + each.cpus, 0)).toBeLessThanOrEqual(jobs);
        expect(given.reduce((sum, each) => sum + each.memoryBytes, 0)).toBeLessThanOrEqual(100);
      }
      for (const lease of given) slots.free(lease);
      expect(slots.take(cmdStep("a", { cmd: "", resources: { cpus: jobs } }))).toBeDefined();
    }),
  );
});

test("steps that declare CPUs are spread over them", () => {
  const slots = new Slots(4, 100, [0, 1, 2, 3]);
  const step = cmdStep("a", { cmd: "", resources: { cpus: 2 } });
  expect(slots.take(step)!.cpuIds).toEqual([0, 1]);
  expect(slots.take(step)!.cpuIds).toEqual([2, 3]);
  expect(new Slots(4, 100, [0, 1]).take(step)!.cpuIds).toEqual([]);
  expect(new Slots(4, 100, []).take(step)!.cpuIds).toEqual([]);
});

test("pauses grow by the backoff to at most an hour, spread by a fifth either way", () => {
  const retry = { attempts: 9, delayMs: 1000, backoff: 2 };
  expect([1, 2, 3].map((attempt) => retryDelayMs(retry, attempt, () => 0.5))).toEqual([1000, 2000, 4000]);
  expect([0, 0.999999].map((r) => retryDelayMs(retry, 1, () => r))).toEqual([800, 1200]);
  expect(retryDelayMs(retry, 60, () => 0.5)).toBe(3_600_000);
});

test("what another attempt cannot mend is not tried again", () => {
  expect(isRetryable(fail("CHECK_FAILED", { what: "" }))).toBe(true);
  expect(isRetryable(fail("STEP_TIMEOUT", { what: "" }))).toBe(true);
  expect(isRetryable(fail("RUN_CANCELLED", { what: "" }))).toBe(false);
  expect(isRetryable(fail("DISK_FULL", { what: "" }))).toBe(false);
});
