import { expect, test } from "bun:test";
import { cronProblem, nextScheduleMs } from "../../src/spec/cron.ts";

const next = (expression: string, after: string): string | undefined => {
  const timeMs = nextScheduleMs(expression, Date.parse(after));
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString();
};

test("the next time is in UTC, wherever the machine stands", () => {
  const zone = process.env.TZ;
  try {
    for (const other of ["America/New_York", "Australia/Lord_Howe", "UTC"]) {
      process.env.TZ = other;
      expect(next("0 2 * * 0", "2026-03-01T02:00:00Z")).toBe("2026-03-08T02:00:00.000Z");
      expect(next("30 2 8 3 *", "2026-03-01T00:00:00Z")).toBe("2026-03-08T02:30:00.000Z");
      expect(next("*/15 * * * *", "2026-11-01T05:46:00Z")).toBe("2026-11-01T06:00:00.000Z");
      expect(next("@daily", "2026-11-01T05:46:00Z")).toBe("2026-11-02T00:00:00.000Z");
    }
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("what is no schedule is said", () => {
  expect(cronProblem("0 2 * * SUN")).toBeUndefined();
  expect(cronProblem("0 2 * *")).toBe("does not have five fields");
  expect(cronProblem("0 0 2 * * *")).toBe("does not have five fields");
  expect(cronProblem("2026-01-01T00:00:00")).toBe("does not have five fields");
  expect(cronProblem("61 * * * *")).toBe("has an invalid value for minute: 61");
  expect(cronProblem("0 0 30 2 *")).toBe("names a time that never comes");
  expect(cronProblem("@sometimes")).toBeString();
});
