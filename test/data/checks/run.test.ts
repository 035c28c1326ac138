import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { ColumnSpec } from "../../../src/base/columns.ts";
import { fail, type TrimtabErrors } from "../../../src/base/errors.ts";
import { CHECKS } from "../../../src/data/checks/registry.ts";
import { checkFailure } from "../../../src/data/checks/report.ts";
import { runChecks } from "../../../src/data/checks/run.ts";
import { type Duck, openDuck } from "../../../src/data/duckdb.ts";
import { EXPECTATIONS } from "../../../src/spec/expectations.ts";
import type { Expectation } from "../../../src/spec/types.ts";

const duck = await openDuck({ threads: 2 });
afterAll(() => duck.close());

const expectation = (type: string, kwargs: Record<string, unknown>, line = 7): Expectation => ({ type, kwargs, line });
const one = async (scan: string, type: string, kwargs: Record<string, unknown>) =>
  (await runChecks(duck, scan, [expectation(type, kwargs)])).results[0]!;
const NUMBERS = "SELECT range AS i, range / 4.0::DOUBLE AS x, 'k' || (range % 3) AS k FROM range(1000)";

test("every expectation of the language can be checked, or says that it cannot", async () => {
  const python = ["column_values_to_be_dateutil_parseable", "column_values_to_match_json_schema"];
  expect(EXPECTATIONS.filter((type) => !CHECKS.has(type))).toEqual(python);
  expect([...CHECKS.keys()].filter((type) => !EXPECTATIONS.includes(type))).toEqual([]);
  for (const type of python)
    await expect(runChecks(duck, NUMBERS, [expectation(type, { column: "k" })])).rejects.toThrow("NOT_AVAILABLE");
});

test("all complaints about expectations come at once, each with line, name and mend", async () => {
  const cases: [string, Record<string, unknown>, string][] = [
    [
      "column_values_to_not_be_nul",
      { column: "i" },
      "there is no expectation column_values_to_not_be_nul. Mend: write column_values_to_not_be_null.",
    ],
    [
      "column_values_to_be_between",
      { column: "i", min: 1 },
      "column_values_to_be_between: there is no argument min. Mend: write min_value.",
    ],
    [
      "column_values_to_be_between",
      { column: "i" },
      "column_values_to_be_between: neither min_value nor max_value is given.",
    ],
    [
      "column_values_to_be_between",
      { column: "i", min_value: 5, max_value: 1 },
      "min_value 5 is greater than max_value 1",
    ],
    [
      "column_values_to_be_between",
      { column: "i", min_value: [1] },
      "min_value is [1]. Mend: min_value is a number or a text.",
    ],
    ["column_values_to_not_be_null", {}, "column is missing. Mend: add column."],
    [
      "column_values_to_not_be_null",
      { column: "i", mostly: 80 },
      "mostly is 80. Mend: mostly is a number from 0 to 1.",
    ],
    ["column_values_to_match_regex", { column: "k", regex: "(?=a)" }, "uses look-around"],
    [
      "column_values_to_be_of_type",
      { column: "k", type_: "StringTyp" },
      'there is no type "StringTyp". Mend: write stringtype.',
    ],
    [
      "column_quantile_values_to_be_between",
      { column: "i", quantile_ranges: { quantiles: [0.5], value_ranges: [] } },
      "there are 1 quantiles and 0 value_ranges",
    ],
    ["table_row_count_to_equal", { value: "many" }, 'value is "many". Mend: value is a number.'],
    ["column_values_to_be_unique", { column: "i", row_condition: "i $ 2" }, "cannot read"],
    [
      "column_values_to_be_unique",
      { column: "i", row_condition: "i > 2", condition_parser: "r" },
      "there is no condition_parser r",
    ],
  ];
  try {
    await runChecks(
      duck,
      "SELECT error('nothing is read')",
      cases.map(([type, kwargs], i) => expectation(type, kwargs, i + 1)),
      { file: "pipeline.yaml" },
    );
    throw new Error("nothing was refused");
  } catch (error) {
    const lines = (error as TrimtabErrors).errors.map((e) => e.oneLine());
    expect(lines.length).toBe(cases.length);
    for (const [i, [, , text]] of cases.entries()) {
      expect(lines[i]).toStartWith(`error[CHECK_INVALID] pipeline.yaml:${i + 1}: `);
      expect(lines[i]).toContain(text);
    }
  }
});

test("a failed check names the column, the share and sample rows", async () => {
  const scan =
    "SELECT range AS id, CASE WHEN range % 100 = 7 THEN -1116 ELSE 5 END AS delay, TIMESTAMP '2001-02-03 04:05:06' AS t FROM range(1000)";
  const report = await runChecks(duck, scan, [
    expectation("column_values_to_be_between", { column: "delay", min_value: -100, max_value: 2000 }),
    expectation("table_row_count_to_equal", { value: 1000 }),
  ]);
  expect([report.success, report.rows, report.evaluated, report.failed]).toEqual([false, 1000, 2, 1]);
  const [failed] = report.results;
  expect(failed!.says).toBe("delay: 10 of 1,000 values (1%) are not between -100 and 2000");
  expect(failed!.counts).toEqual({ elements: 1000, missing: 0, unexpected: 10, share: 0.01 });
  expect(failed!.sampleRows.length).toBe(10);
  expect(failed!.sampleRows[0]).toEqual({ id: 7, delay: -1116, t: "2001-02-03T04:05:06.000Z" });
  expect(failed!.unexpectedValues).toEqual([{ value: -1116, count: 10 }]);
  expect(checkFailure(report, "pipeline.yaml:3").oneLine()).toBe(
    "error[CHECK_FAILED] pipeline.yaml:3: 1 of 2 expectations failed: column_values_to_be_between (line 7): delay: 10 of 1,000 values (1%) are not between -100 and 2000. Mend: look at the rows that trimtab validate shows; mend the data or the expectation.",
  );
});

test("a column that is not there, or not of that kind, fails its check and no other", async () => {
  const report = await runChecks(duck, NUMBERS, [
    expectation("column_values_to_not_be_null", { column: "j" }),
    expectation("column_values_to_be_between", { column: "k", min_value: 1 }),
    expectation("column_mean_to_be_between", { column: "k", min_value: 1 }),
    expectation("multicolumn_sum_to_equal", { column_list: ["i", "k"], sum_total: 1 }),
    expectation("column_values_to_not_be_null", { column: "i", row_condition: "nope > 1" }),
    expectation("table_row_count_to_equal_other_table", { other_table_name: "b" }),
    expectation("unexpected_rows_expectation", { unexpected_rows_query: "SELECT nope FROM {batch}" }),
    expectation("column_values_to_not_be_null", { column: "i" }),
  ]);
  expect(report.results.map((result) => result.problem)).toEqual([
    "there is no column j",
    "column k is VARCHAR and cannot be compared with min_value 1",
    "column k is VARCHAR, which has no mean",
    "column k is VARCHAR, not a number",
    expect.stringContaining("there is no column nope"),
    "there is no data source b to compare with",
    expect.stringContaining("there is no column nope"),
    undefined,
  ]);
  expect(report.failed).toBe(7);
});

test("a figure that overflows fails alone", async () => {
  const scan = "SELECT unnest([1e200, 2e200, 3e200]) AS big, unnest([1.0, 'inf'::DOUBLE, 'nan'::DOUBLE]) AS odd";
  const report = await runChecks(duck, scan, [
    expectation("column_stdev_to_be_between", { column: "big", min_value: 0 }),
    expectation("column_stdev_to_be_between", { column: "odd", min_value: 0 }),
    expectation("column_max_to_be_between", { column: "odd", min_value: 0 }),
    expectation("column_values_to_not_be_null", { column: "odd", mostly: 0.6 }),
  ]);
  expect(report.results.map((result) => [result.success, result.observed, result.problem !== undefined])).toEqual([
    [false, undefined, true],
    [false, null, false],
    [true, Number.POSITIVE_INFINITY, false],
    [true, undefined, false],
  ]);
});

test("awkward columns are checked as they are", async () => {
  const scan = `SELECT * FROM (VALUES
    ('a', 9007199254740993, 0.1::FLOAT, 2147483647::INTEGER, DATE '2020-01-02', 'a' || chr(0) || 'b', '\\x00'::BLOB, TIME '01:02:03'),
    ('a', 9007199254740992, 0.1::FLOAT, 2147483647::INTEGER, DATE 'infinity', 'a' || chr(0) || 'b', '\\x00'::BLOB, TIME '01:02:03')
  ) AS t("x AS ""y", id, small, whole, day, nul, bytes, time)`;
  const says = async (type: string, kwargs: Record<string, unknown>) => (await one(scan, type, kwargs)).says;
  expect(await one(scan, "column_values_to_be_unique", { column: 'x AS "y' })).toMatchObject({
    success: false,
    unexpectedValues: [{ value: "a", count: 2 }],
    sampleRows: [
      { id: "9007199254740993", day: "2020-01-02", bytes: "\\x00", time: "01:02:03" },
      { id: "9007199254740992", day: null },
    ],
  });
  // No date without an end is a date.
  expect(await says("column_max_to_be_between", { column: "day", max_value: "2020-01-02" })).toBe(
    "day: the largest value is 2020-01-02T00:00:00.000Z, at most 2020-01-02",
  );
  expect(await says("column_values_to_not_be_null", { column: "day" })).toBe("day: 1 of 2 values (50%) are null");
  expect((await one(scan, "column_values_to_be_between", { column: "small", max_value: 0.1 })).success).toBe(true);
  expect((await one(scan, "column_values_to_be_between", { column: "small", max_value: 1e300 })).success).toBe(true);
  const sum = { column_list: ["whole", "whole"], sum_total: 4294967294 };
  expect((await one(scan, "multicolumn_sum_to_equal", sum)).success).toBe(true);
  for (const type of ["column_values_to_be_in_set", "column_distinct_values_to_equal_set"]) {
    expect((await one(scan, type, { column: "nul", value_set: ["a\0b"] })).success).toBe(true);
    expect(await says(type, { column: "id", value_set: [9007199254740992] })).toContain("is beyond 2^53");
  }
});

test("strftime formats read what Python's strptime reads", async () => {
  // Python 3.11's answers.
  const cases: [string, string, boolean][] = [
    ["%Y-%m-%d", "2020-01-02", true],
    ["%Y-%m-%d", "2020-1-2", true],
    ["%Y-%m-%d", "2020-01-02 ", false],
    ["%Y-%m-%d", " 2020-01-02", false],
    ["%Y-%m-%d", "20-01-02", false],
    ["%Y-%m-%d", "2020-02-30", false],
    ["%d/%m/%y", "01/02/2020", false],
    ["%d. %B  %Y", "2. January 2020", true],
    ["%d. %B %Y", "2x January 2020", false],
    ["%H:%M:%S.%f", "12:00:00.123", true],
    ["%Y-%m-%dT%H:%M:%S%z", "2020-01-02T03:04:05Z", true],
    ["%Y-%m-%dT%H:%M:%S%z", "2020-01-02T03:04:05+0100", true],
    ["%Y-%m-%dT%H:%M:%S%z", "2020-01-02T03:04:05", false],
    ["%Y%m%d", "20200102", true],
    ["%%%Y (x)", "%2020 (x)", true],
  ];
  for (const [format, text, expected] of cases) {
    const scan = `SELECT '${text}' AS x`;
    const { success } = await one(scan, "column_values_to_match_strftime_format", {
      column: "x",
      strftime_format: format,
    });
    expect([format, text, success]).toEqual([format, text, expected]);
  }
});

test("a query, another table and the other engines' conditions", async () => {
  const failed = await one(NUMBERS, "unexpected_rows_expectation", {
    unexpected_rows_query: "SELECT * FROM {batch} WHERE i > 997",
  });
  expect([failed.success, failed.observed]).toEqual([false, 2]);
  expect(failed.sampleRows.map((row) => row.i)).toEqual([998, 999]);
  const others = { b: "SELECT 1 FROM range(1000)" };
  const equal = expectation("table_row_count_to_equal_other_table", { other_table_name: "b" });
  expect((await runChecks(duck, NUMBERS, [equal], { others })).success).toBe(true);
  const counts: [string, string, number][] = [
    ["i < 10", "pandas", 10],
    ["`i` >= 10 and not (k == 'k1' or k in [\"k2\"])", "pandas", 330],
    ["(i % 2 == 0) & (x.notnull())", "sql", -1],
    ['col("i") < 5', "great_expectations", 5],
    ['col("k").notNull()', "great_expectations__experimental__", 1000],
    ["x.isnull()", "pandas", 0],
    ["i % 2 = 0 AND k LIKE 'k%'", "spark", 500],
  ];
  for (const [row_condition, condition_parser, value] of counts.filter(([, , n]) => n >= 0)) {
    const result = await one(NUMBERS, "table_row_count_to_equal", { value, row_condition, condition_parser });
    expect([row_condition, result.success, result.problem]).toEqual([row_condition, true, undefined]);
  }
});

test("a whole suite costs one scan of the rows, and one for each column whose values are counted", async () => {
  const queries: string[] = [];
  const spy: Duck = Object.assign(Object.create(duck) as Duck, {
    rows: (sql: string) => {
      queries.push(sql);
      return duck.rows(sql);
    },
  });
  const columns = ["i", "x", "k"];
  const checks = columns.flatMap((column) => [
    expectation("column_values_to_not_be_null", { column }),
    expectation("column_values_to_be_unique", { column, mostly: 0 }),
    expectation("column_proportion_of_unique_values_to_be_between", { column, min_value: 0 }),
    expectation("column_unique_value_count_to_be_between", { column, min_value: 0 }),
    expectation("column_values_to_match_regex", { column, regex: "." }),
  ]);
  await runChecks(spy, NUMBERS, [...checks, expectation("column_mean_to_be_between", { column: "x", min_value: 0 })]);
  const scans = queries.filter((sql) => !sql.includes("LIMIT"));
  expect(scans.filter((sql) => !sql.includes("GROUP BY")).length).toBe(1);
  expect(scans.length).toBe(1 + columns.length);
});

test("row checks agree with the rule written out", async () => {
  const specs: ColumnSpec[] = [{ name: "v", type: "number", required: false }];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.integer({ min: -3, max: 3 }), { nil: Number.NaN }), { maxLength: 30 }),
      fc.integer({ min: -3, max: 3 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (values, bound, mostly) => {
        await duck.load("v", specs, { rows: values.length, columns: { v: Float64Array.from(values) } });
        const report = await runChecks(duck, "SELECT * FROM v", [
          expectation("column_values_to_be_between", { column: "v", min_value: bound, mostly }),
          expectation("column_values_to_be_unique", { column: "v", mostly }),
          expectation("column_values_to_not_be_null", { column: "v", mostly }),
        ]);
        const present = values.filter((v) => !Number.isNaN(v));
        const good = [
          [present.filter((v) => v >= bound).length, present.length],
          [present.filter((v) => present.filter((w) => w === v).length === 1).length, present.length],
          [present.length, values.length],
        ] as const;
        for (const [i, [ok, of]] of good.entries()) {
          expect(report.results[i]!.counts!.unexpected).toBe(of - ok);
          expect(report.results[i]!.success).toBe(of === 0 || ok / of >= mostly);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("a column of text without a value meets whatever is expected of values, as one of a table without rows does", async () => {
  const empty = "SELECT range AS i, NULL::VARCHAR AS e, NULL::VARCHAR AS f FROM range(3)";
  const cases: [string, Record<string, unknown>][] = [
    ["column_values_to_be_between", { column: "e", min_value: 1 }],
    ["column_values_to_be_between", { column: "e", min_value: "2024-01-01" }],
    ["column_values_to_be_between", { column: "e", max_value: "b" }],
    ["column_value_z_scores_to_be_less_than", { column: "e", threshold: 1 }],
    ["column_pair_values_a_to_be_greater_than_b", { column_A: "e", column_B: "f" }],
    [
      "column_pair_values_a_to_be_greater_than_b",
      { column_A: "i", column_B: "e", ignore_row_if: "either_value_is_missing" },
    ],
    ["column_values_to_be_increasing", { column: "e" }],
  ];
  for (const scan of [empty, `${empty} LIMIT 0`])
    for (const [type, kwargs] of cases) {
      const { success, problem, counts } = await one(scan, type, kwargs);
      expect({ type, success, problem, unexpected: counts?.unexpected }).toEqual({
        type,
        success: true,
        problem: undefined,
        unexpected: 0,
      });
    }
  // Of an aggregate there is no figure, and that is a failure.
  expect((await one(empty, "column_mean_to_be_between", { column: "e", min_value: 1 })).success).toBe(false);
  const mixed = "SELECT * FROM (VALUES ('x'), (NULL)) AS t(e)";
  expect(await one(mixed, "column_values_to_be_between", { column: "e", min_value: 1 })).toMatchObject({
    success: false,
    problem: "column e is VARCHAR and cannot be compared with min_value 1",
  });
});

test("where all values are the same none is an outlier", async () => {
  for (const scan of [
    "SELECT 3 AS v FROM range(5)",
    "SELECT 3.5 AS v",
    "SELECT NULL::DOUBLE AS v",
    "SELECT 1 AS v LIMIT 0",
  ])
    expect((await one(scan, "column_value_z_scores_to_be_less_than", { column: "v", threshold: 1 })).success).toBe(
      true,
    );
});

test("an aborted run is not a failed check", async () => {
  const stop = new AbortController();
  const other = await openDuck({ threads: 1, signal: stop.signal });
  const endless = "SELECT range AS i FROM range(1000000000000)";
  const running = runChecks(other, endless, [expectation("column_sum_to_be_between", { column: "i", min_value: 0 })]);
  setTimeout(() => stop.abort(fail("RUN_CANCELLED", { what: "cancelled" })), 50);
  await expect(running).rejects.toMatchObject({ code: "RUN_CANCELLED" });
  other.close();
});
