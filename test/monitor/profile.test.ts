import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Profile } from "../../src/base/profile.ts";
import { type Duck, openDuck } from "../../src/data/duckdb.ts";
import { profileSource } from "../../src/data/profile.ts";
import { createCounter } from "../../src/monitor/counts.ts";
import { judgeDrift } from "../../src/monitor/drift/verdict.ts";
import { DRIFT_TESTS } from "../../src/spec/types.ts";
import { drift } from "./helpers.ts";

const ROWS = 20_000;
const TABLE = `SELECT (i * 7919 % 10007)::DOUBLE / 7 AS many, i % 7 AS few, i % 3 = 0 AS flag, 'x' || (i * i % 900) AS text,
  TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS moment, CASE WHEN i % 5 > 0 THEN sqrt(i) END AS gaps, NULL::DOUBLE AS nothing
  FROM range(${ROWS}) t(i)`;

let duck: Duck;
let profile: Profile;
let cells: Record<string, unknown[]>;
beforeAll(async () => {
  duck = await openDuck({ threads: 1 });
  profile = await profileSource(duck, TABLE);
  const { columns } = await duck.batch(TABLE);
  // As serving captures them: through JSON, a missing number as null.
  cells = JSON.parse(
    JSON.stringify(
      Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, Array.from<unknown>(column)])),
    ),
  ) as typeof cells;
});
afterAll(() => duck.close());

const counted = (from: number, to: number) => {
  const counter = createCounter(profile, Object.keys(profile.columns));
  const counts = counter.empty();
  counter.add(counts, cells, from, to);
  return counts;
};

test("the monitor counts rows as the profiler did: the training rows themselves give the profile's own counts", () => {
  for (const [name, live] of Object.entries(counted(0, ROWS))) {
    const { counts, nulls } = profile.columns[name]!;
    expect([name, live.counts, live.nulls]).toEqual([name, counts, nulls]);
  }
});

test("so the training rows drift from themselves by no test", () => {
  for (const name of DRIFT_TESTS) {
    const threshold = name === "ks" || name === "chi_square" ? 0.99 : 1e-9;
    const verdict = judgeDrift(drift({ test: name, threshold }), profile, counted(0, ROWS));
    expect(verdict.columns.length).toBe(7);
    expect([name, verdict.drifted]).toEqual([name, []]);
  }
});

test("and their first half drifts where it differs: in what grows with time", () => {
  expect(judgeDrift(drift(), profile, counted(0, ROWS / 2)).drifted.sort()).toEqual(["gaps", "moment"]);
});
