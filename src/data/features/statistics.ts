/** Statistics over the training rows, in as few scans as possible: three for all numbers, one for each column of categories. */

import { compareCodePoints } from "../../store/manifest.ts";
import { exactSum, magnitudeOf, momentsOf } from "./moments.ts";
import type { Program } from "./program.ts";
import { programSql, type SelectOptions, type Source, type Sql } from "./sql.ts";
import { type CategoryCount, type Need, type Statistics, TransformProblem } from "./transforms/define.ts";

/** More categories than this are an id, not a category. */
const CATEGORIES_MAX = 100_000;

export interface TrainingRows {
  sql: Sql;
  program: Program;
  source: Source;
  /** Which rows train. */
  rowsThat: SelectOptions;
  /** A numeric target, for target_mean. */
  target?: { node: number; mean: number; magnitude: number };
}

export type Requests = ReadonlyMap<number, ReadonlySet<Need>>;

/** Statistics of every operation asked for. Throws TransformProblem when a column has too many categories. */
export async function collectStatistics(rows: TrainingRows, requests: Requests): Promise<Map<number, Statistics>> {
  const found = await collectNumbers(rows, requests);
  for (const [node, needs] of requests) {
    const statistics = found.get(node)!;
    if (needs.has("mode")) statistics.mode = await collectMode(rows, node);
    if (needs.has("categories")) statistics.categories = await collectCategories(rows, node);
  }
  return found;
}

/** Mean and magnitude of a numeric target over the training rows. */
export async function measureTarget(rows: TrainingRows, node: number): Promise<NonNullable<TrainingRows["target"]>> {
  const found = await collectNumbers(rows, new Map([[node, new Set<Need>(["moments"])]]));
  const { moments } = found.get(node)!;
  return { node, mean: moments?.mean ?? Number.NaN, magnitude: moments ? magnitudeOf(moments.min, moments.max) : 0 };
}

async function collectNumbers(rows: TrainingRows, requests: Requests): Promise<Map<number, Statistics>> {
  const nodes = [...requests.keys()];
  const selected = nodes.map((node) => ({ as: `c${node}`, node }));
  const inner = programSql(rows.program, rows.source, selected, rows.rowsThat);
  const ask = async (items: string[]) => {
    const [answer] = await rows.sql.rows<Record<string, number>>(`SELECT ${items.join(", ")} FROM (${inner})`);
    return answer!;
  };
  const first = await ask(["CAST(count(*) AS DOUBLE) AS n", ...nodes.flatMap((n) => aggregates(n, requests.get(n)!))]);
  const found = new Map(nodes.map((node) => [node, readNumbers(first, node, requests.get(node)!)]));
  const wanted = nodes.filter((node) => requests.get(node)!.has("moments"));
  const measured = wanted.map((node) => {
    const { present } = found.get(node)!;
    return { column: `c${node}`, present, min: first[`min${node}`]!, max: first[`max${node}`]! };
  });
  const moments = await momentsOf(measured, ask);
  for (const node of wanted) {
    const known = moments.get(`c${node}`);
    if (known) found.get(node)!.moments = known;
  }
  return found;
}

function aggregates(node: number, needs: ReadonlySet<Need>): string[] {
  const c = `c${node}`;
  const items = [`CAST(count(${c}) AS DOUBLE) AS present${node}`];
  if (needs.has("moments")) items.push(`min(${c}) AS min${node}`, `max(${c}) AS max${node}`);
  if (needs.has("median")) items.push(`quantile_cont(${c}, 0.5) AS median${node}`);
  return items;
}

function readNumbers(answer: Record<string, number>, node: number, needs: ReadonlySet<Need>): Statistics {
  const statistics: Statistics = { rows: answer.n!, present: answer[`present${node}`]! };
  if (needs.has("median")) statistics.median = answer[`median${node}`]!;
  return statistics;
}

async function collectMode(rows: TrainingRows, node: number): Promise<string | number> {
  const sql = programSql(rows.program, rows.source, [{ as: "v", node }], rows.rowsThat);
  const [most] = await rows.sql.rows<{ v: string | number }>(
    `SELECT v FROM (${sql}) WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT 1`,
  );
  return most?.v ?? "";
}

async function collectCategories(rows: TrainingRows, node: number): Promise<CategoryCount[]> {
  const target = rows.target;
  const selected = [{ as: "v", node }, ...(target === undefined ? [] : [{ as: "t", node: target.node }])];
  const sql = programSql(rows.program, rows.source, selected, rows.rowsThat);
  const mean = target === undefined ? "NULL" : `${exactSum("t", target.magnitude)} / count(t)`;
  const found = await rows.sql.rows<{ value: string | number | null; count: number; mean: number | null }>(
    `SELECT v AS value, CAST(count(*) AS DOUBLE) AS count, ${mean} AS mean FROM (${sql}) GROUP BY v LIMIT ${CATEGORIES_MAX + 1}`,
  );
  if (found.length > CATEGORIES_MAX)
    throw new TransformProblem(`has more than ${CATEGORIES_MAX} categories`, "derive a coarser column");
  const counts = found.map(({ value, count, mean }) => ({ value, count, targetMean: mean ?? Number.NaN }));
  return counts.sort((a, b) => compareCategories(a.value, b.value));
}

/** Missing last, as scikit-learn sorts. */
function compareCategories(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return typeof a === "string" ? compareCodePoints(a, b as string) : a - (b as number);
}
