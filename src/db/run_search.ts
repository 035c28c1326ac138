/**
 * Search over runs that stays fast at 100,000 runs of 20 metrics. Two ways through the data, chosen by counting a little:
 *
 * - A filter that few runs meet drives: its runs are taken from its index, checked and sorted.
 * - Otherwise the order drives: its index is walked and each run is checked, until the page is full.
 *
 * Pages go on from a position (the sort values of the last run), not from an offset.
 */

import type { Db } from "./db.ts";
import type { Lifecycle } from "./experiments.ts";
import { allIn, inList } from "./lists.ts";
import { plainShape, type Shape, type Term, walkShapes } from "./run_search_order.ts";
import { type ClauseGroup, canDrive, driverOf, groupClauses, runTest } from "./run_search_tests.ts";
import { RUN_COLUMNS, type RunRow } from "./runs.ts";
import type { Clause, Order } from "./search/grammar.ts";
import { afterSql, allOf, orderSql, type Piece } from "./search/sql.ts";
import type { Position } from "./token.ts";

export interface RunQuery {
  experimentIds: readonly number[];
  lifecycle: Lifecycle | "all";
  clauses: readonly Clause[];
  order: readonly Order[];
  limit: number;
  /** Position of the last run of the page before. */
  after?: Position | undefined;
  /** A filter that at most so many runs meet drives; DRIVER_RUNS unless told. */
  driverRuns?: number;
}

export interface FoundRun {
  row: RunRow;
  position: Position;
}

interface FoundSeq {
  seq: number;
  position: Position;
}

/** Checking and sorting so many runs takes about 25 ms; with more that meet the filter a walk soon fills a page. */
const DRIVER_RUNS = 5_000;
/** More experiments than this are not walked one by one. */
const WALKED_EXPERIMENTS = 50;

interface Driver {
  group: ClauseGroup;
  sql: Piece;
}

/** The most selective of the filter's parts that an index serves and few enough runs meet. */
async function chooseDriver(db: Db, query: RunQuery, experiments: Piece): Promise<Driver | undefined> {
  let best: Driver | undefined;
  let fewest = query.driverRuns ?? DRIVER_RUNS;
  for (const group of groupClauses(query.clauses).filter(canDrive)) {
    const driver = driverOf(db, group, experiments);
    const counted = await db.get<{ n: number }>(`SELECT count(*) AS n FROM (${driver.sql} LIMIT ?) AS few`, [
      ...driver.params,
      fewest,
    ]);
    const count = Number(counted?.n ?? 0);
    if (count < fewest) [best, fewest] = [{ group, sql: driver }, count];
  }
  return best;
}

/** What a run must meet besides what the way through gives. */
const testsOf = (db: Db, { clauses, lifecycle }: RunQuery, but?: ClauseGroup): Piece[] => [
  ...groupClauses(clauses)
    .filter((group) => group[0] !== but?.[0])
    .map((group) => runTest(db, group)),
  ...(lifecycle === "all" ? [] : [{ sql: "runs.lifecycle = ?", params: [lifecycle] }]),
];

/** A way through the data, and what to do along it. */
interface Way {
  shape: Shape;
  tests: readonly Piece[];
  /** Each is "= ?" or "IN (…)"; several are walked apart and merged. */
  experiments: readonly Piece[];
  limit: number;
  after: Position | undefined;
}

const literal = (value: string | number): string => (typeof value === "number" ? String(value) : `'${value}'`);

const selected = (terms: readonly Term[]): string =>
  terms
    .map((term, i) => `${term.constant === undefined ? term.expression : literal(term.constant)} AS k${i}`)
    .join(", ");

/** The first `limit` runs along a way, after a position. */
async function follow(db: Db, { shape, tests, experiments, limit, after }: Way): Promise<FoundSeq[]> {
  const free = shape.terms.map((term, i) => ({ term, i })).filter(({ term }) => term.constant === undefined);
  const terms = free.map(({ term }) => term);
  const beyond = after
    ? [
        afterSql(
          terms,
          free.map(({ i }) => after[i]!),
        ),
      ]
    : [];
  const parts = experiments.map((experiment): Piece => {
    const inside = { sql: `runs.experiment_id ${experiment.sql}`, params: experiment.params };
    const where = allOf([inside, ...shape.where(experiment), ...tests, ...beyond]);
    return {
      sql: `SELECT runs.seq AS seq, ${selected(shape.terms)} FROM ${shape.from} WHERE ${where.sql} ORDER BY ${orderSql(terms)} LIMIT ?`,
      params: [...shape.params, ...where.params, limit],
    };
  });
  const merged = merge(parts, orderSql(free.map(({ term, i }) => ({ ...term, expression: `k${i}` }))), limit);
  const rows = await db.all<Record<string, unknown>>(merged.sql, merged.params);
  return rows.map((row) => ({
    seq: Number(row.seq),
    position: shape.terms.map((_, i) => row[`k${i}`] as string | number),
  }));
}

function merge(parts: readonly Piece[], order: string, limit: number): Piece {
  if (parts.length === 1) return parts[0]!;
  const all = parts.map((part, i) => `SELECT * FROM (${part.sql}) AS p${i}`).join(" UNION ALL ");
  return {
    sql: `SELECT * FROM (${all}) AS every ORDER BY ${order} LIMIT ?`,
    params: [...parts.flatMap((part) => part.params), limit],
  };
}

/** Walks one shape after the other until the page is full. */
async function walk(db: Db, query: RunQuery, shapes: readonly Shape[], way: Omit<Way, "shape">): Promise<FoundSeq[]> {
  const found: FoundSeq[] = [];
  const from = Number(query.after?.[0] ?? 0);
  for (const shape of shapes) {
    const rank = shape.terms[0]!.constant as number;
    if (rank < from || found.length >= query.limit) continue;
    const after = rank === from ? query.after : undefined;
    found.push(...(await follow(db, { ...way, shape, limit: query.limit - found.length, after })));
  }
  return found;
}

async function find(db: Db, query: RunQuery): Promise<FoundSeq[]> {
  const list = inList(query.experimentIds);
  const together: Piece = { sql: `IN ${list.sql}`, params: list.params };
  const page = { limit: query.limit, after: query.after };
  const driver = await chooseDriver(db, query, together);
  if (driver) {
    const tests = testsOf(db, query, driver.group);
    return follow(db, { shape: plainShape(query.order, driver.sql), tests, experiments: [together], ...page });
  }
  const apart = query.experimentIds.map((id): Piece => ({ sql: "= ?", params: [id] }));
  const experiments = apart.length <= WALKED_EXPERIMENTS ? apart : [together];
  const way = { tests: testsOf(db, query), experiments, ...page };
  const shapes = walkShapes(query.order);
  if (shapes.length > 0) return walk(db, query, shapes, way);
  return follow(db, { ...way, shape: plainShape(query.order) });
}

/** The page's runs in order, each with its position. `experimentIds` without repetition. */
export async function searchRunRows(db: Db, query: RunQuery): Promise<FoundRun[]> {
  if (query.experimentIds.length === 0) return [];
  const found = await find(db, query);
  const seqs = found.map((one) => one.seq);
  const rows = await allIn<RunRow>(db, seqs, (list) => `SELECT ${RUN_COLUMNS} FROM runs WHERE seq IN ${list}`);
  const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
  return found.flatMap(({ seq, position }) => {
    const row = bySeq.get(seq);
    return row ? [{ row, position }] : [];
  });
}
