/**
 * The order of a search over runs as SQL: sort terms that are never NULL (what is missing comes last in either direction,
 * after NaN), and the walks along an index for an order that begins with what a run may lack.
 */

import type { SqlValue } from "./db.ts";
import { RUN_COLUMN, VALUE_TABLE } from "./run_search_tests.ts";
import type { Order } from "./search/grammar.ts";
import type { Piece, SortTerm } from "./search/sql.ts";

/** `constant`: in this query the term has that value for every row. */
export interface Term extends SortTerm {
  constant?: string | number;
}

/** What a query reads and in which order; every shape of one search has the same number of terms. */
export interface Shape {
  from: string;
  params: SqlValue[];
  /** Conditions that belong to the way through; `experiment` is "= ?" or "IN (…)" with its parameters. */
  where(experiment: Piece): Piece[];
  terms: Term[];
}

/** What makes the order total; what the query orders by already is left out. */
const lastTerms = (order: readonly Order[]): Term[] => [
  ...(order.some((o) => o.entity === "attribute" && o.key === "start_time")
    ? []
    : [{ expression: "runs.start_ms", descending: true }]),
  ...(order.some((o) => o.entity === "attribute" && o.key === "run_id")
    ? []
    : [{ expression: "runs.run_id", descending: false }]),
];

/** Terms of the i-th element, whose row is joined as o<i> and may be missing. */
function generalTerms(order: Order, i: number): Term[] {
  const { descending } = order;
  const rank = (expression: string): Term => ({ expression, descending: false });
  if (order.entity === "attribute") {
    const column = `runs.${RUN_COLUMN[order.key]}`;
    if (order.key !== "end_time") return [{ expression: column, descending }];
    return [
      rank(`CASE WHEN ${column} IS NULL THEN 1 ELSE 0 END`),
      { expression: `COALESCE(${column}, 0)`, descending },
    ];
  }
  if (order.entity === "metric")
    return [
      rank(`CASE WHEN o${i}.is_nan IS NULL THEN 2 ELSE o${i}.is_nan END`),
      { expression: `COALESCE(o${i}.value, 0)`, descending },
    ];
  return [
    rank(`CASE WHEN o${i}.value IS NULL THEN 1 ELSE 0 END`),
    // The first letters are in the index; then the whole decides.
    { expression: `COALESCE(substr(o${i}.value, 1, 200), '')`, descending },
    { expression: `COALESCE(o${i}.value, '')`, descending },
  ];
}

function joins(order: readonly Order[], first: number): Piece {
  const joined = order.map((o, i) => ({ o, i })).filter(({ o, i }) => i >= first && o.entity !== "attribute");
  return {
    sql: joined
      .map(({ o, i }) => ` LEFT JOIN ${VALUE_TABLE[o.entity]} AS o${i} ON o${i}.run_seq = runs.seq AND o${i}.key = ?`)
      .join(""),
    params: joined.map(({ o }) => o.key),
  };
}

/** Through the table of runs; with a driver only those that it gives. */
export function plainShape(order: readonly Order[], driver?: Piece): Shape {
  const joined = joins(order, 0);
  return {
    from: driver ? `(${driver.sql}) AS driver CROSS JOIN runs${joined.sql}` : `runs${joined.sql}`,
    params: [...(driver?.params ?? []), ...joined.params],
    where: () => (driver ? [{ sql: "runs.seq = driver.run_seq", params: [] }] : []),
    terms: [...order.flatMap(generalTerms), ...lastTerms(order)],
  };
}

/**
 * The walks, in their order, for an order that begins with what a run may lack: along the index of its values (numbers,
 * then NaN), then the runs without. The first term is constant in each. None when the table of runs is walked as it is.
 */
export function walkShapes(order: readonly Order[]): Shape[] {
  const first = order[0];
  if (first === undefined) return [];
  if (first.entity === "attribute") return first.key === "end_time" ? [endWalk(order), missingWalk(order, 1)] : [];
  const found = first.entity === "metric" ? [valueWalk(order, 0), valueWalk(order, 1)] : [valueWalk(order)];
  return [...found, missingWalk(order, found.length)];
}

/** Runs that have ended, by the time at which they did. */
function endWalk(order: readonly Order[]): Shape {
  const shape = plainShape(order);
  return {
    ...shape,
    where: () => [{ sql: "runs.end_ms IS NOT NULL", params: [] }],
    terms: [
      { expression: "", descending: false, constant: 0 },
      { expression: "runs.end_ms", descending: order[0]!.descending },
      ...shape.terms.slice(2),
    ],
  };
}

function valueWalk(order: readonly Order[], isNan?: number): Shape {
  const first = order[0]!;
  const { descending } = first;
  const rest = joins(order, 1);
  const values = first.entity === "metric" ? ["o0.value"] : ["substr(o0.value, 1, 200)", "o0.value"];
  return {
    from: `${VALUE_TABLE[first.entity]} AS o0 CROSS JOIN runs${rest.sql}`,
    params: rest.params,
    where: (experiment) => [
      { sql: `o0.experiment_id ${experiment.sql}`, params: experiment.params },
      { sql: "o0.key = ? AND runs.seq = o0.run_seq", params: [first.key] },
      ...(isNan === undefined ? [] : [{ sql: "o0.is_nan = ?", params: [isNan] }]),
    ],
    terms: [
      { expression: "", descending: false, constant: isNan ?? 0 },
      ...values.map((expression) => ({ expression, descending })),
      ...order.slice(1).flatMap((o, i) => generalTerms(o, i + 1)),
      ...lastTerms(order),
    ],
  };
}

function missingWalk(order: readonly Order[], rank: number): Shape {
  const shape = plainShape(order);
  const first = order[0]!;
  const own = generalTerms(first, 0).length;
  const standIn = first.entity === "param" || first.entity === "tag" ? "" : 0;
  return {
    ...shape,
    where: () => [{ sql: first.entity === "attribute" ? "runs.end_ms IS NULL" : "o0.run_seq IS NULL", params: [] }],
    terms: shape.terms.map((term, i) => (i >= own ? term : { ...term, constant: i === 0 ? rank : standIn })),
  };
}
