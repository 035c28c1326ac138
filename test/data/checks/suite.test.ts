import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { arithmetic } from "../../../src/data/checks/arithmetic.ts";
import { toGreatExpectations } from "../../../src/data/checks/great-expectations.ts";
import { runChecks } from "../../../src/data/checks/run.ts";
import { readSuite } from "../../../src/data/checks/suite.ts";
import { openDuck } from "../../../src/data/duckdb.ts";

const duck = await openDuck({ threads: 2 });
afterAll(() => duck.close());

const OLD = `{
  "expectation_suite_name": "flights.warning",
  "ge_cloud_id": null,
  "data_asset_type": null,
  "expectations": [
    {
      "expectation_type": "expect_column_values_to_not_be_null",
      "kwargs": { "column": "date", "mostly": 0.9 },
      "meta": {}
    },
    {
      "expectation_type": "expect_table_row_count_to_be_between",
      "kwargs": { "min_value": { "$PARAMETER": "rows * 0.9 - (1 + 1)", "$PARAMETER.rows": 10 }, "max_value": { "$PARAMETER": "most" } },
      "meta": {}
    }
  ],
  "evaluation_parameters": { "most": 40 },
  "meta": { "great_expectations_version": "0.18.19" }
}`;
const NEW = JSON.stringify(
  {
    name: "flights",
    id: "0b3d",
    expectations: [
      {
        type: "expect_column_values_to_not_be_null",
        kwargs: { column: "date" },
        meta: {},
        id: "1",
        severity: "critical",
      },
      { type: "unexpected_rows_expectation", kwargs: { unexpected_rows_query: "SELECT * FROM {batch}" }, meta: {} },
      { type: "expect_column_values_to_not_be_null", kwargs: { column: { $PARAMETER: "name" } }, meta: {} },
    ],
    suite_parameters: { name: "origin" },
    meta: { great_expectations_version: "1.2.0" },
    notes: null,
  },
  null,
  1,
);

test("suites of both formats are read, with lines and parameters", () => {
  expect(readSuite(OLD, "s.json")).toEqual({
    name: "flights.warning",
    expectations: [
      { type: "column_values_to_not_be_null", kwargs: { column: "date", mostly: 0.9 }, line: 7 },
      { type: "table_row_count_to_be_between", kwargs: { min_value: 7, max_value: 40 }, line: 12 },
    ],
  });
  expect(readSuite(OLD, "s.json", { rows: 100 }).expectations[1]!.kwargs).toEqual({ min_value: 88, max_value: 40 });
  const suite = readSuite(NEW, "s.json");
  expect(suite.name).toBe("flights");
  expect(suite.expectations.map((e) => [e.type, e.line, e.kwargs.column])).toEqual([
    ["column_values_to_not_be_null", 6, "date"],
    ["unexpected_rows_expectation", 15, undefined],
    ["column_values_to_not_be_null", 22, "origin"],
  ]);
});

test("a suite that cannot be read is refused by name", () => {
  const cases: [string, string][] = [
    ["{", "the suite is not JSON"],
    ["[]", "the suite has no list of expectations"],
    ['{"expectations": [{}]}', "an expectation has no type"],
    ['{"expectations": [{"type": "expect_x", "kwargs": {"a": {"$PARAMETER": "nope + 1"}}}]}', "nope has no number"],
    ['{"expectations": [{"type": "expect_x", "kwargs": {"a": {"$PARAMETER": "now() - 1"}}}]}', "now has no number"],
    ['{"expectations": [{"type": "expect_x", "kwargs": {"a": {"$PARAMETER": "1 +"}}}]}', "it ends too soon"],
    ['{"expectations": [{"type": "expect_x", "kwargs": {"a": {"$PARAMETER": "urn:great"}}}]}', "cannot read"],
  ];
  for (const [text, message] of cases) expect(() => readSuite(text, "s.json")).toThrow(message);
});

test("arithmetic gives what JavaScript gives", () => {
  const term: fc.Arbitrary<string> = fc.letrec<{ e: string }>((tie) => ({
    e: fc.oneof(
      { maxDepth: 4 },
      fc.nat(99).map(String),
      fc.constantFrom("a", "b"),
      fc.tuple(tie("e"), fc.constantFrom("+", "-", "*", "/"), tie("e")).map(([l, op, r]) => `(${l} ${op} ${r})`),
      fc.tuple(tie("e"), fc.constantFrom("+", "*"), tie("e")).map(([l, op, r]) => `${l}${op} ${r}`),
      tie("e").map((e) => `- ${e}`),
    ),
  })).e;
  fc.assert(
    fc.property(term, (text) => {
      const expected = new Function("a", "b", `return ${text}`)(3, 0.5) as number;
      expect(arithmetic(text, (name) => ({ a: 3, b: 0.5 })[name])).toEqual(expected);
    }),
  );
});

test("a report goes out as Great Expectations writes it", async () => {
  interface Golden {
    table: Record<string, (number | null)[]>;
    cases: { type: string; kwargs: Record<string, unknown>; result: Record<string, unknown> }[];
  }
  const golden = (await Bun.file(join(import.meta.dir, "../../golden/great-expectations.json")).json()) as Golden;
  const ids = golden.table.id!;
  await duck.load(
    "t",
    [
      { name: "id", type: "number", required: true },
      { name: "x", type: "number", required: false },
      { name: "a1", type: "number", required: true },
      { name: "a2", type: "number", required: true },
    ],
    {
      rows: ids.length,
      columns: Object.fromEntries(
        ["id", "x", "a1", "a2"].map((name) => [
          name,
          Float64Array.from(golden.table[name]!.map((v) => v ?? Number.NaN)),
        ]),
      ),
    },
  );
  const wanted = [
    "column_values_to_be_between",
    "column_pair_values_to_be_equal",
    "multicolumn_sum_to_equal",
    "column_values_to_be_unique",
  ];
  const isLoaded = ({ column, column_A, column_B, column_list }: Record<string, unknown>) =>
    [column, column_A, column_B, column_list]
      .flat()
      .every((name) => name === undefined || ["id", "x", "a1", "a2"].includes(name as string));
  const cases = golden.cases.filter(
    ({ type, kwargs }) => wanted.includes(type) && isLoaded(kwargs) && !kwargs.row_condition,
  );
  expect(cases.length).toBeGreaterThan(6);
  const report = await runChecks(
    duck,
    "SELECT * FROM t",
    cases.map(({ type, kwargs }) => ({ type, kwargs, line: 1 })),
  );
  const out = toGreatExpectations(report, { suiteName: "s" }) as { results: { result: Record<string, unknown> }[] };
  for (const [i, { result }] of cases.entries()) {
    const { partial_unexpected_index_list: _, partial_unexpected_counts: counts, ...theirs } = result;
    const { partial_unexpected_counts: ourCounts, ...ours } = out.results[i]!.result;
    expect(ours).toEqual(theirs);
    // Of one column only: several are not counted.
    if ("column" in cases[i]!.kwargs) expect(ourCounts).toEqual(counts as unknown[]);
  }
  const failed = await runChecks(duck, "SELECT * FROM t", [
    { type: "column_values_to_not_be_null", kwargs: { column: "zz", meta: { why: 1 } }, line: 1 },
    { type: "table_row_count_to_equal", kwargs: { value: 10 }, line: 2 },
  ]);
  expect(toGreatExpectations(failed, { suiteName: "s" })).toEqual({
    success: false,
    results: [
      {
        success: false,
        expectation_config: { type: "expect_column_values_to_not_be_null", kwargs: { column: "zz" }, meta: { why: 1 } },
        result: {},
        meta: {},
        exception_info: {
          raised_exception: true,
          exception_message: "there is no column zz",
          exception_traceback: null,
        },
      },
      {
        success: true,
        expectation_config: { type: "expect_table_row_count_to_equal", kwargs: { value: 10 }, meta: {} },
        result: { observed_value: 10 },
        meta: {},
        exception_info: { raised_exception: false, exception_message: null, exception_traceback: null },
      },
    ],
    suite_name: "s",
    suite_parameters: {},
    statistics: {
      evaluated_expectations: 2,
      successful_expectations: 1,
      unsuccessful_expectations: 1,
      success_percent: 50,
    },
    meta: {},
    id: null,
  });
});
