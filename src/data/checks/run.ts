/**
 * Holds expectations against a table. Whatever the number of expectations: one scan for all figures of the rows, one group-by for
 * each column whose distinct values are asked for, one more scan for figures that need the first ones (quantiles, z-scores), and
 * a short one for the sample rows of each that failed.
 */

import type { Expectation } from "../../spec/types.ts";
import type { Duck } from "../duckdb.ts";
import { columnTypeOf, type DuckColumn, ident } from "../sql.ts";
import { Answers, isOfTheFigure } from "./answers.ts";
import { ask, count, type Judgement, type Plan, Problem, type Unexpected } from "./check.ts";
import { type PreparedCheck, prepareChecks } from "./prepare.ts";
import type { CheckReport, CheckResult } from "./report.ts";
import { OTHER_TYPES, retyped, retypedSql, valuelessColumns } from "./valueless.ts";

export interface CheckOptions {
  /** The file that the expectations' lines are of. */
  file?: string;
  /** SELECTs of other data sources, by name, for table_row_count_to_equal_other_table. */
  others?: Record<string, string>;
}

const SAMPLE_ROWS = 20;

/**
 * Checks the rows of `scan` (a SELECT). Wrong expectations throw before anything is read; a table that does not meet them is
 * a report with `success: false`. Semantics are Great Expectations 1.2's on pandas; NaN is a null.
 */
export async function runChecks(
  duck: Duck,
  scan: string,
  expectations: readonly Expectation[],
  options: CheckOptions = {},
): Promise<CheckReport> {
  const checks = prepareChecks(expectations, options.file ?? "expectations");
  const columns = await duck.columns(scan);
  const answers = new Answers();
  const views = new Map<string | undefined, View>();
  try {
    for (const condition of [undefined, ...checks.map((check) => check.condition)])
      if (!views.has(condition)) views.set(condition, await createView(duck, scan, columns, condition));
    const others = options.others ?? {};
    const runs = checks.map((check) => begin(check, views.get(check.condition)!, columns, others));
    if (runs.some(isStuck)) {
      const names = await valuelessColumns(duck, views.get(undefined)!.name, columns);
      for (const [i, run] of runs.entries())
        if (names && isStuck(run)) runs[i] = await beginRetyped(duck, run, views, columns, names, others);
    }
    const total = ask(views.get(undefined)!.name, "count(*)");
    await answers.find(duck, [total, ...runs.flatMap((run) => run.plan?.asks ?? [])]);
    await answers.find(
      duck,
      runs.flatMap((run) => attempt(run, (plan) => plan.followUp?.(answers.get)) ?? []),
    );
    const results: CheckResult[] = [];
    for (const run of runs) results.push(await finish(duck, run, answers, columns));
    const failed = results.filter((result) => !result.success).length;
    return { success: failed === 0, rows: count(answers.get(total)), evaluated: results.length, failed, results };
  } finally {
    // The later ones are over the first.
    for (const { name } of [...views.values()].reverse())
      if (name !== "") await duck.run(`DROP VIEW IF EXISTS ${name}`);
  }
}

/** One expectation under way: its plan, or why there is none. */
interface Run {
  check: PreparedCheck;
  plan?: Plan;
  problem?: string;
}

function begin(
  check: PreparedCheck,
  view: View,
  columns: readonly DuckColumn[],
  others: Readonly<Record<string, string>>,
): Run {
  if (view.problem !== undefined) return { check, problem: view.problem };
  try {
    return { check, plan: check.plan({ rows: view.name, columns, others }) };
  } catch (error) {
    return { check, problem: problemOf(error) };
  }
}

/** It looks at values, and the types of its columns do not fit. */
const isStuck = ({ check, plan, problem }: Run): boolean =>
  check.isRowWise && plan === undefined && !problem?.startsWith(NO_CONDITION);

/** Tries the other types that columns without a value may have; the run as it is when none of them fits. */
async function beginRetyped(
  duck: Duck,
  run: Run,
  views: Map<string | undefined, View>,
  columns: readonly DuckColumn[],
  names: ReadonlySet<string>,
  others: Readonly<Record<string, string>>,
): Promise<Run> {
  const { check } = run;
  const { name } = views.get(check.condition)!;
  for (const type of OTHER_TYPES) {
    const key = `${type} ${name}`;
    const view = views.get(key) ?? { name: await nameView(duck, retypedSql(name, names, type)) };
    views.set(key, view);
    const again = begin(check, view, retyped(columns, names, type), others);
    if (!isStuck(again)) return again;
  }
  return run;
}

/** Goes on with a plan; a Problem on the way ends it. */
function attempt<T>(run: Run, work: (plan: Plan) => T): T | undefined {
  if (!run.plan || run.problem !== undefined) return undefined;
  try {
    return work(run.plan);
  } catch (error) {
    run.problem = problemOf(error);
    return undefined;
  }
}

function problemOf(error: unknown): string {
  if (error instanceof Problem) return error.message;
  throw error;
}

/** The rows that one row condition lets through; or why it cannot be asked of this table. */
interface View {
  name: string;
  problem?: string;
}

let viewCount = 0;
const NO_CONDITION = "the row condition cannot be asked";

async function nameView(duck: Duck, select: string): Promise<string> {
  const name = ident(`rows under test ${++viewCount}`);
  await duck.run(`CREATE TEMP VIEW ${name} AS ${select}`);
  return name;
}

async function createView(
  duck: Duck,
  scan: string,
  columns: readonly DuckColumn[],
  condition: string | undefined,
): Promise<View> {
  // Dates without an end are no dates elsewhere either, and cannot leave the engine.
  const replaced = columns
    .flatMap(({ name, type }) => {
      const column = ident(name);
      if (type === "DOUBLE" || type === "FLOAT")
        return `CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END AS ${column}`;
      return columnTypeOf(type) === "timestamp" ? `CASE WHEN isfinite(${column}) THEN ${column} END AS ${column}` : [];
    })
    .join(", ");
  const select = `SELECT *${replaced === "" ? "" : ` REPLACE (${replaced})`} FROM (${scan})`;
  try {
    const filter = condition === undefined ? "" : ` WHERE ${condition}`;
    return { name: await nameView(duck, `SELECT * FROM (${select})${filter}`) };
  } catch (error) {
    if (condition === undefined || !isOfTheFigure(error)) throw error;
    return { name: "", problem: `${NO_CONDITION}: ${error.message}` };
  }
}

async function finish(duck: Duck, run: Run, answers: Answers, columns: readonly DuckColumn[]): Promise<CheckResult> {
  const { expectation } = run.check;
  const judgement = attempt(run, (plan) => plan.judge(answers.get));
  const base = { type: expectation.type, kwargs: expectation.kwargs, line: expectation.line };
  if (!judgement) {
    const problem = run.problem ?? "it was not evaluated";
    return { ...base, success: false, columns: [], says: problem, sampleRows: [], unexpectedValues: [], problem };
  }
  const names = [...run.plan!.columns];
  return {
    ...base,
    success: judgement.success,
    columns: names,
    says: names.length === 0 ? judgement.says : `${names.join(", ")}: ${judgement.says}`,
    ...(judgement.counts ? { counts: { ...judgement.counts, share: shareOf(judgement.counts) } } : {}),
    ...("observed" in judgement ? { observed: judgement.observed } : {}),
    ...(judgement.details ? { details: judgement.details } : {}),
    ...(await evidence(duck, judgement, columns)),
  };
}

function shareOf({ elements, missing = 0, unexpected }: NonNullable<Judgement["counts"]>): number {
  return elements === missing ? 0 : unexpected / (elements - missing);
}

async function evidence(
  duck: Duck,
  judgement: Judgement,
  columns: readonly DuckColumn[],
): Promise<Pick<CheckResult, "sampleRows" | "unexpectedValues">> {
  const { unexpected, counts, success } = judgement;
  if (!unexpected || (counts ? counts.unexpected === 0 : success)) return { sampleRows: [], unexpectedValues: [] };
  const shown = unexpected.columns.length === 0 ? await duck.columns(`SELECT * FROM ${unexpected.from}`) : columns;
  const list = shown.map((column) => `${shownSql(column)} AS ${ident(column.name)}`).join(", ");
  const where = `FROM ${unexpected.from} WHERE ${unexpected.where}`;
  const sampleRows = await duck.rows(`SELECT ${list} ${where} LIMIT ${SAMPLE_ROWS}`);
  return { sampleRows, unexpectedValues: await frequentValues(duck, unexpected, columns, where) };
}

/** Only of checks of one column: combinations of several are in the sample rows. */
async function frequentValues(
  duck: Duck,
  unexpected: Unexpected,
  columns: readonly DuckColumn[],
  where: string,
): Promise<{ value: unknown; count: number }[]> {
  const column = columns.find(({ name }) => name === unexpected.columns[0]);
  if (!column || unexpected.columns.length !== 1) return [];
  return duck.rows(
    `SELECT ${shownSql(column)} AS value, count(*) AS count ${where} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${SAMPLE_ROWS}`,
  );
}

/** Times are shown as ISO text, as everywhere a person reads them; bytes and times of day as the engine writes them. */
function shownSql({ name, type }: DuckColumn): string {
  const column = ident(name);
  if (/^(BLOB|TIME|TIME WITH TIME ZONE|INTERVAL)$/.test(type)) return `${column}::VARCHAR`;
  if (columnTypeOf(type) !== "timestamp") return column;
  const format = type === "DATE" ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S.%gZ";
  return `strftime(${column}, '${format}')`;
}
