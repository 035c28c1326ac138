/** What checks found, as text: a line for each expectation, and rows that were not as expected. */

import type { CheckReport, CheckResult } from "../data/checks/report.ts";
import { type Io, table } from "./io.ts";

const ROWS_MAX = 5;
const COLUMNS_MAX = 8;
const CELL_CHARS = 30;

export const reportText = (io: Io, step: string, report: CheckReport): string =>
  [
    `${io.paint.bold(step)} ${report.rows.toLocaleString("en")} rows`,
    table(io, report.results, [
      { title: "", value: (r) => (r.success ? io.paint.green("✓") : io.paint.red("✗")) },
      { title: "expectation", value: (r) => r.type },
      { title: "column", value: (r) => String(r.kwargs.column ?? "") },
      { title: "found", value: (r) => r.says },
    ]),
    ...failedRows(io, report).map((part) => `\n${part}`),
  ].join("\n");

/** The first sample rows of each expectation that failed; --json has more of them. */
export const failedRows = (io: Io, report: CheckReport): string[] =>
  report.results
    .filter((result) => !result.success && result.sampleRows.length > 0)
    .map((result) => `${io.paint.red(result.type)} ${result.says}\n${rowsTable(io, result)}`);

/** The columns that were checked come first, then as many others as fit. */
function rowsTable(io: Io, { sampleRows, columns }: CheckResult): string {
  const names = [...new Set([...columns, ...Object.keys(sampleRows[0]!)])].filter((name) => name in sampleRows[0]!);
  return table(
    io,
    sampleRows.slice(0, ROWS_MAX),
    names.slice(0, Math.max(COLUMNS_MAX, columns.length)).map((title) => ({ title, value: (row) => cell(row[title]) })),
  );
}

/** As JSON, so that null, "" and "1" are told apart; cut, and on one line. */
function cell(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.length > CELL_CHARS ? `${text.slice(0, CELL_CHARS - 1)}…` : text;
}
