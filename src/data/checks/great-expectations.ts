/**
 * A report as Great Expectations 1.x writes a suite's result with result_format SUMMARY, for the tools that read that. Left out is what
 * only it can know: tracebacks, positions in a pandas index.
 */

import type { CheckReport, CheckResult } from "./report.ts";

export interface SuiteResultNames {
  suiteName: string;
  suiteParameters?: Record<string, unknown>;
}

/** The JSON value of a suite's result: success, results, statistics, … */
export function toGreatExpectations(report: CheckReport, names: SuiteResultNames): Record<string, unknown> {
  const successful = report.evaluated - report.failed;
  return {
    success: report.success,
    results: report.results.map(resultOf),
    suite_name: names.suiteName,
    suite_parameters: names.suiteParameters ?? {},
    statistics: {
      evaluated_expectations: report.evaluated,
      successful_expectations: successful,
      unsuccessful_expectations: report.failed,
      success_percent: report.evaluated === 0 ? null : (successful / report.evaluated) * 100,
    },
    meta: {},
    id: null,
  };
}

function resultOf(result: CheckResult): Record<string, unknown> {
  // The class UnexpectedRowsExpectation is the one whose name has no "expect_".
  const type = result.type === "unexpected_rows_expectation" ? result.type : `expect_${result.type}`;
  const { meta, notes, id, ...kwargs } = result.kwargs;
  return {
    success: result.success,
    expectation_config: { type, kwargs, meta: meta ?? {}, ...(notes ? { notes } : {}), ...(id ? { id } : {}) },
    result: result.problem === undefined ? figures(result) : {},
    meta: {},
    exception_info: {
      raised_exception: result.problem !== undefined,
      exception_message: result.problem ?? null,
      exception_traceback: null,
    },
  };
}

function figures(result: CheckResult): Record<string, unknown> {
  if (!result.counts) {
    const details = result.details ? { details: result.details } : {};
    return "observed" in result ? { observed_value: result.observed, ...details } : details;
  }
  const { elements, missing, unexpected } = result.counts;
  const percent = (n: number, of: number): number | null => (of === 0 ? null : (n / of) * 100);
  const nonmissing = percent(unexpected, elements - (missing ?? 0));
  const missingFigures =
    missing === undefined
      ? {}
      : {
          missing_count: missing,
          missing_percent: percent(missing, elements),
          unexpected_percent_total: percent(unexpected, elements),
          unexpected_percent_nonmissing: nonmissing,
        };
  return {
    element_count: elements,
    unexpected_count: unexpected,
    unexpected_percent: nonmissing,
    partial_unexpected_list: result.sampleRows.map((row) => shown(result, row)),
    ...missingFigures,
    partial_unexpected_counts: result.unexpectedValues,
  };
}

/** One column: its value; a pair: a list of two; a list of columns: an object. */
function shown(result: CheckResult, row: Readonly<Record<string, unknown>>): unknown {
  const values = result.columns.map((column) => row[column] ?? null);
  if (result.columns.length === 1) return values[0];
  if (result.type.startsWith("column_pair_")) return values;
  return Object.fromEntries(result.columns.map((column, i) => [column, values[i]]));
}
