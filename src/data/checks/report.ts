/** What checking a table found. */

import { fail, type TrimtabError } from "../../base/errors.ts";

export interface CheckReport {
  success: boolean;
  rows: number;
  evaluated: number;
  failed: number;
  /** In the order of the expectations. */
  results: CheckResult[];
}

export interface CheckResult {
  /** Great Expectations' name without `expect_`. */
  type: string;
  kwargs: Record<string, unknown>;
  line: number;
  success: boolean;
  columns: string[];
  /** For people: 'distance: 3 of 1,000 values (0.3%) are not between 10 and 6000'. */
  says: string;
  /** Row by row expectations. `share` is of the rows that count: unexpected / (elements - missing). */
  counts?: { elements: number; missing?: number; unexpected: number; share: number };
  observed?: unknown;
  details?: Record<string, unknown>;
  /** Up to 20 rows that were not as expected, whole; times as ISO text. */
  sampleRows: Record<string, unknown>[];
  /** The most frequent values among those rows. */
  unexpectedValues: { value: unknown; count: number }[];
  /** Why it could not be held against this table. */
  problem?: string;
}

/** Of a table with very many columns a row is shown in part. */
const EXAMPLE_CHARS = 160;

/** A sample row on one line, the columns that were checked first. */
export function rowText({ columns }: CheckResult, row: Record<string, unknown>): string {
  const checked = columns.filter((name) => name in row).map((name) => [name, row[name]]);
  const text = JSON.stringify(Object.fromEntries([...checked, ...Object.entries(row)]));
  return text.length > EXAMPLE_CHARS ? `${text.slice(0, EXAMPLE_CHARS)}…` : text;
}

/**
 * The error that stops a pipeline when a report is bad: names what failed, and carries the report. Rows are not
 * in its message, which also goes to alerts and the journal.
 */
export function checkFailure(report: CheckReport, place: string): TrimtabError {
  const failed = report.results.filter((result) => !result.success);
  const shown = failed.slice(0, 3).map((result) => `${result.type} (line ${result.line}): ${result.says}`);
  const more = failed.length > shown.length ? `; and ${failed.length - shown.length} more` : "";
  return fail("CHECK_FAILED", {
    what: `${failed.length} of ${report.evaluated} expectations failed: ${shown.join("; ")}${more}`,
    place,
    details: report,
  });
}
