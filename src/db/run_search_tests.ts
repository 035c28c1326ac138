/** The clauses of a search over runs as SQL: tests of one run, and subqueries that find the runs by an index. */

import type { Db } from "./db.ts";
import type { Clause } from "./search/grammar.ts";
import { allOf, compare, type Piece } from "./search/sql.ts";

/** Attribute → column of runs. */
export const RUN_COLUMN: Readonly<Record<string, string>> = {
  run_id: "run_id",
  run_name: "name",
  user_id: "user_id",
  status: "status",
  artifact_uri: "artifact_uri",
  start_time: "start_ms",
  end_time: "end_ms",
};

/** Entity → table of its values. */
export const VALUE_TABLE: Readonly<Record<string, string>> = {
  metric: "latest_metrics",
  param: "params",
  tag: "run_tags",
};

/** Clauses about one thing (one metric, one param, …), met by one row of its table. */
export type ClauseGroup = readonly [Clause, ...Clause[]];

function valueTests(db: Db, clause: Clause): Piece[] {
  if (clause.comparator === "IS NULL" || clause.comparator === "IS NOT NULL") return [];
  const compared = compare(db.dialect, "x.value", clause);
  if (clause.entity === "metric") {
    // NaN is stored as 0. It differs from every number and compares with none.
    return clause.comparator === "!="
      ? [{ sql: `(x.is_nan = 1 OR ${compared.sql})`, params: compared.params }]
      : [{ sql: "x.is_nan = 0", params: [] }, compared];
  }
  return [compared];
}

/** The index of params and tags holds the first letters only: what it needs to be used. */
const forIndex = (group: ClauseGroup): Piece[] =>
  group
    .filter(({ entity, comparator }) => comparator === "=" && (entity === "param" || entity === "tag"))
    .map(({ value }) => ({ sql: "substr(x.value, 1, 200) = substr(?, 1, 200)", params: [value as string] }));

/** Clauses on one key are one look at one row; those on datasets stay apart, since a run may have several. */
export function groupClauses(clauses: readonly Clause[]): ClauseGroup[] {
  const groups = new Map<string, [Clause, ...Clause[]]>();
  clauses.forEach((clause, i) => {
    const apart = clause.entity === "dataset" || clause.entity === "attribute" || clause.comparator === "IS NULL";
    const id = apart ? String(i) : `${clause.entity} ${clause.key}`;
    const group = groups.get(id);
    if (group) group.push(clause);
    else groups.set(id, [clause]);
  });
  return [...groups.values()];
}

/** The rows that meet a group: FROM and WHERE. x.run_seq is to be had, or for an attribute x.seq. */
function matching(db: Db, group: ClauseGroup): { from: string; where: Piece } {
  const [first] = group;
  if (first.entity === "attribute")
    return { from: "runs AS x", where: compare(db.dialect, `x.${RUN_COLUMN[first.key]}`, first) };
  if (first.entity === "dataset")
    return {
      from: "run_inputs AS x JOIN run_datasets AS d ON d.seq = x.dataset_seq",
      where: compare(db.dialect, first.key === "context" ? "x.context" : `d.${first.key}`, first),
    };
  const key: Piece = { sql: "x.key = ?", params: [first.key] };
  return {
    from: `${VALUE_TABLE[first.entity]} AS x`,
    where: allOf([key, ...group.flatMap((clause) => valueTests(db, clause))]),
  };
}

/** The group as a test of one row of runs. */
export function runTest(db: Db, group: ClauseGroup): Piece {
  const [first] = group;
  if (first.entity === "attribute") return compare(db.dialect, `runs.${RUN_COLUMN[first.key]}`, first);
  const { from, where } = matching(db, group);
  const negated = first.comparator === "IS NULL" ? "NOT " : "";
  return {
    sql: `${negated}EXISTS (SELECT 1 FROM ${from} WHERE x.run_seq = runs.seq AND ${where.sql})`,
    params: where.params,
  };
}

const RANGE = new Set(["=", ">", ">=", "<", "<="]);

/** Names are short and all in one index: reading 100,000 of them for a pattern takes a tenth of reading the runs. */
const DRIVING_ATTRIBUTES = new Set(["run_name", "run_id"]);
const FINDING = new Set(["=", "LIKE", "ILIKE", "IN"]);

function clauseDrives({ entity, key, comparator }: Clause): boolean {
  if (entity === "metric") return RANGE.has(comparator);
  if (entity === "attribute") return DRIVING_ATTRIBUTES.has(key) && FINDING.has(comparator);
  return comparator === "=";
}

/** Whether an index finds the runs that meet the group. */
export const canDrive = (group: ClauseGroup): boolean => group.some(clauseDrives);

/** The runs of those experiments that meet a group, as a subquery that gives run_seq. */
export function driverOf(db: Db, group: ClauseGroup, experiments: Piece): Piece {
  const { from, where: meets } = matching(db, group);
  const where = allOf([...forIndex(group), meets]);
  const { entity } = group[0];
  const isDataset = entity === "dataset";
  // A run may have several datasets that match.
  const columns = isDataset ? "DISTINCT x.run_seq" : entity === "attribute" ? "x.seq AS run_seq" : "x.run_seq";
  return {
    sql: `SELECT ${columns} FROM ${from} WHERE ${isDataset ? "d" : "x"}.experiment_id ${experiments.sql} AND ${where.sql}`,
    params: [...experiments.params, ...where.params],
  };
}
