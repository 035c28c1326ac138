/** Search over logged models: attributes, params, tags, and metrics that may be confined to datasets. */

import type { Db, SqlValue } from "./db.ts";
import { LOGGED_MODEL_COLUMNS, type LoggedModelRow } from "./logged_models.ts";
import type { Clause } from "./search/grammar.ts";
import { afterSql, allOf, compare, orderSql, type Piece, type SortTerm } from "./search/sql.ts";
import type { Position } from "./token.ts";

export interface DatasetFilter {
  name: string;
  digest?: string;
}

export interface LoggedModelOrder {
  entity: "attribute" | "metric";
  key: string;
  descending: boolean;
  dataset?: { name?: string; digest?: string };
}

export interface LoggedModelQuery {
  experimentIds: Piece;
  clauses: readonly Clause[];
  /** A model must have a metric on one of these; metrics of the filter are those on them. Empty: any. */
  datasets: readonly DatasetFilter[];
  order: readonly LoggedModelOrder[];
  limit: number;
  after?: Position | undefined;
}

const COLUMN: Readonly<Record<string, string>> = {
  model_id: "model_id",
  name: "name",
  model_type: "model_type",
  status: "status",
  source_run_id: "source_run_id",
  creation_timestamp: "created_ms",
  last_updated_timestamp: "updated_ms",
};

/** "x is a metric on one of the datasets". */
function onDatasets(datasets: readonly DatasetFilter[]): Piece[] {
  if (datasets.length === 0) return [];
  const each = datasets.map(({ name, digest }) =>
    digest === undefined
      ? { sql: "x.dataset_name = ?", params: [name] }
      : { sql: "(x.dataset_name = ? AND x.dataset_digest = ?)", params: [name, digest] },
  );
  return [{ sql: `(${each.map((e) => e.sql).join(" OR ")})`, params: each.flatMap((e) => e.params) }];
}

const exists = (table: string, tests: readonly Piece[]): Piece => {
  const where = allOf(tests);
  return {
    sql: `EXISTS (SELECT 1 FROM ${table} AS x WHERE x.model_seq = logged_models.seq AND ${where.sql})`,
    params: where.params,
  };
};

function testOf(db: Db, clause: Clause, datasets: readonly DatasetFilter[]): Piece {
  if (clause.entity === "attribute") return compare(db.dialect, `logged_models.${COLUMN[clause.key]}`, clause);
  const key: Piece = { sql: "x.key = ?", params: [clause.key] };
  const value = compare(db.dialect, "x.value", clause);
  if (clause.entity !== "metric")
    return exists(clause.entity === "param" ? "logged_model_params" : "logged_model_tags", [key, value]);
  const number: Piece =
    clause.comparator === "!="
      ? { sql: `(x.is_nan = 1 OR ${value.sql})`, params: value.params }
      : { sql: `x.is_nan = 0 AND ${value.sql}`, params: value.params };
  return exists("logged_model_metrics", [key, number, ...onDatasets(datasets)]);
}

/** The latest value of a metric for each model, as a subquery of model_seq, value and is_nan. */
function latestValue({ key, dataset }: LoggedModelOrder): Piece {
  const where = allOf([
    { sql: "key = ?", params: [key] },
    ...(dataset?.name ? [{ sql: "dataset_name = ?", params: [dataset.name] }] : []),
    ...(dataset?.digest ? [{ sql: "dataset_digest = ?", params: [dataset.digest] }] : []),
  ]);
  return {
    sql: `(SELECT * FROM (SELECT model_seq, value, is_nan, row_number() OVER
      (PARTITION BY model_seq ORDER BY timestamp_ms DESC, step DESC, run_id, dataset_name, dataset_digest) AS place
      FROM logged_model_metrics WHERE ${where.sql}) AS ranked WHERE place = 1)`,
    params: where.params,
  };
}

/** Missing values come last in either direction, NaN before them. */
function termsOf(order: readonly LoggedModelOrder[]): SortTerm[] {
  const asked = order.flatMap(({ entity, key, descending }, i): SortTerm[] =>
    entity === "attribute"
      ? [{ expression: `logged_models.${COLUMN[key]}`, descending }]
      : [
          { expression: `CASE WHEN o${i}.is_nan IS NULL THEN 2 ELSE o${i}.is_nan END`, descending: false },
          { expression: `COALESCE(o${i}.value, 0)`, descending },
        ],
  );
  const has = (key: string) => order.some((o) => o.entity === "attribute" && o.key === key);
  return [
    ...asked,
    ...(has("creation_timestamp") ? [] : [{ expression: "logged_models.created_ms", descending: true }]),
    ...(has("model_id") ? [] : [{ expression: "logged_models.model_id", descending: false }]),
  ];
}

/** Active models in order, each with its position; at most `limit`. */
export async function searchLoggedModelRows(
  db: Db,
  query: LoggedModelQuery,
): Promise<{ row: LoggedModelRow; position: Position }[]> {
  const terms = termsOf(query.order);
  const joins = query.order.map((order, i) => {
    const latest = order.entity === "metric" ? latestValue(order) : undefined;
    return (
      latest && {
        sql: ` LEFT JOIN ${latest.sql} AS o${i} ON o${i}.model_seq = logged_models.seq`,
        params: latest.params,
      }
    );
  });
  const joined = joins.filter((join) => join !== undefined);
  const onlyDatasets = query.datasets.length > 0 && !query.clauses.some((clause) => clause.entity === "metric");
  const where = allOf([
    { sql: `logged_models.experiment_id ${query.experimentIds.sql}`, params: query.experimentIds.params },
    { sql: "logged_models.lifecycle = 'active'", params: [] },
    ...query.clauses.map((clause) => testOf(db, clause, query.datasets)),
    ...(onlyDatasets ? [exists("logged_model_metrics", onDatasets(query.datasets))] : []),
    ...(query.after ? [afterSql(terms, query.after)] : []),
  ]);
  const keys = terms.map((term, i) => `${term.expression} AS k${i}`).join(", ");
  const params: SqlValue[] = [...joined.flatMap((join) => join.params), ...where.params, query.limit];
  const rows = await db.all<LoggedModelRow & Record<string, unknown>>(
    `SELECT ${LOGGED_MODEL_COLUMNS}, ${keys} FROM logged_models${joined.map((join) => join.sql).join("")}
     WHERE ${where.sql} ORDER BY ${orderSql(terms)} LIMIT ?`,
    params,
  );
  return rows.map((row) => ({ row, position: terms.map((_, i) => row[`k${i}`] as string | number) }));
}
