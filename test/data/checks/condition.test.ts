/** Which rows a row_condition lets through: counts are those of Great Expectations 1.24 on pandas 3, by hand. */

import { afterAll, expect, test } from "bun:test";
import { conditionSql } from "../../../src/data/checks/condition.ts";
import { runChecks } from "../../../src/data/checks/run.ts";
import { openDuck } from "../../../src/data/duckdb.ts";

const duck = await openDuck({ threads: 1 });
afterAll(() => duck.close());

const ROWS = `SELECT * FROM (VALUES (0, 1, 1, 'x'), (1, 2.5, NULL, NULL), (2, NULL, NULL, 'y'),
  (3, 5, 5, 'it''s'), (4, NULL, 2, 'z'), (5, 7, 8, NULL)) AS t(id, a, c, s)`;

async function rowsOf(row_condition: unknown): Promise<number> {
  const kwargs = { column: "id", row_condition, condition_parser: "pandas" };
  const { results } = await runChecks(duck, ROWS, [{ type: "column_values_to_not_be_null", kwargs, line: 1 }]);
  expect(results[0]!.problem).toBeUndefined();
  return results[0]!.counts!.elements;
}

test("a missing value is different from every value, and no less and no more than any", async () => {
  const counts: [string, number][] = [
    ["a != 2.5", 5],
    ["not (a == 2.5)", 5],
    ["not (a > 3)", 4],
    ["~(a > 3)", 4],
    ['s not in ["x"]', 5],
    ['s in ["x"]', 1],
    ['s != "x"', 5],
    ["a == c", 2],
    ["a != c", 4],
    ["1 < a <= 5", 2],
    ["a == [1, 5]", 2],
    ["a != [1, 5]", 4],
    ["s.isnull() or a + 1 > c", 4],
    ["a > 3 and c > 3 or s == 'y'", 3],
    ["(a > 3) & ~(c > 5) | (s == 'y')", 2],
    ["-a < -3", 2],
    ["s in []", 0],
  ];
  for (const [condition, count] of counts) expect([condition, await rowsOf(condition)]).toEqual([condition, count]);
});

const compared = (name: string, operator: string, parameter: unknown) => ({
  type: "comparison",
  column: { name },
  operator,
  parameter,
});

test("conditions that newer versions save as objects are read", async () => {
  const counts: [unknown, number][] = [
    [{ pass_through_filter: "a > 1", type: "pass_through" }, 3],
    [compared("a", "!=", 2.5), 5],
    [compared("s", "NOT_IN", ["x"]), 5],
    [compared("a", "NOT_IN", [1]), 5],
    [compared("s", "IN", ["x", "it's"]), 2],
    [compared("s", "==", "it's"), 1],
    [{ type: "or", conditions: [compared("a", ">", 3), { type: "nullity", column: { name: "s" }, is_null: true }] }, 3],
    [{ type: "and", conditions: [compared("a", ">", 1), compared("s", "!=", "y")] }, 3],
    [{ type: "nullity", column: { name: "s" }, is_null: false }, 4],
  ];
  for (const [condition, count] of counts) expect([condition, await rowsOf(condition)]).toEqual([condition, count]);
});

test("what is no condition is refused before anything is read, and nothing but a condition comes out", async () => {
  const wrong: unknown[] = [
    ...["", "a >", "a > > 1", "(a > 1", "a in 5", "a in [1", "a == 1) or (1 == 1", "a; DROP TABLE t", "f(a) > 1"],
    ...[
      7,
      {},
      { type: "comparison" },
      compared("a", "LIKE", "x"),
      compared("a", "IN", "x"),
      compared("a", ">", { x: 1 }),
    ],
    { type: "and", conditions: [] },
    { type: "or", conditions: [compared("a", ">", null)] },
  ];
  for (const row_condition of wrong) {
    const check = { type: "column_values_to_not_be_null", kwargs: { column: "id", row_condition }, line: 3 };
    await expect(runChecks(duck, "SELECT error('read')", [check], { file: "p.yaml" })).rejects.toThrow(
      /error\[CHECK_INVALID\] p\.yaml:3: column_values_to_not_be_null: .*condition/,
    );
  }
  expect(conditionSql("a > 1 -- b", "pandas")).toBe('coalesce("a" > (1 - (-"b")), FALSE)');
  expect(conditionSql('`x" OR 1=1` == "a\' OR 1=1"', "pandas")).toBe(`coalesce("x"" OR 1=1" = 'a'' OR 1=1', FALSE)`);
});
