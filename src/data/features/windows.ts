/**
 * A window: an aggregate over earlier rows of the same entity. By rows: the `rows` rows before this one, after leaving out
 * the nearest `lag`. By time: rows whose time is in [t - lag - range, t - lag), so neither the row itself, nor another at
 * the very same instant, nor anything younger than `lag` is seen. Missing values are skipped, as pandas does; below
 * `minPeriods` values the answer is missing. Rows without an entity or a time have no windows and are in none.
 */

import { finiteSql } from "./functions/define.ts";
import type { Op } from "./program.ts";

export const AGGREGATES = ["count", "sum", "mean", "std", "min", "max", "last"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface WindowFrame {
  aggregate: Aggregate;
  /** By rows. */
  rows?: number;
  lagRows?: number;
  /** By rows only: the current row is the newest of the window. */
  current?: boolean;
  /** By time. */
  rangeMs?: number;
  lagMs?: number;
  minPeriods: number;
}

/** The arguments of a window operation: its value, time, whether the row counts (`where`), then the parts of the entity. */
export const VALUE = 0;
export const TIME = 1;
export const COUNTS = 2;
export const ENTITY = 3;

/** The arguments that a row must bring to ask a window. Its own value only when it is part of it. */
export function askedArgs(op: Op): number[] {
  const asked = [op.args[TIME]!, ...op.args.slice(ENTITY)];
  return op.params!.current === true ? [op.args[VALUE]!, ...asked] : asked;
}

/** Squares beyond this overflow; DuckDB ends with an error where a column would give infinity, so std skips such values. */
const STD_LIMIT = 1e150;

/** NaN is never usable for std, and is skipped by every other aggregate. */
export const usable = (aggregate: Aggregate, value: number): boolean =>
  aggregate !== "std" || Math.abs(value) <= STD_LIMIT;

/** The rows of an entity that a window by rows must remember. */
export const rowsKept = (frame: WindowFrame): number => (frame.rows ?? 0) + (frame.lagRows ?? 0);

/** How far back a window by time looks. */
export const reachMs = (frame: WindowFrame): number => (frame.rangeMs ?? 0) + (frame.lagMs ?? 0);

/** Names in SQL: of a window's arguments, and of the number of a row in its order of arrival, which breaks ties in time. */
export interface WindowNames {
  value: string;
  time: string;
  entity: readonly string[];
  row: string;
}

/**
 * `last` by time needs the row's place in its entity's order as a column of its own: DuckDB orders a RANGE by one key, and
 * which of several rows at one instant comes last is then left to chance. Undefined for other windows.
 */
export function placeSql(frame: WindowFrame, { time, entity, row }: WindowNames): string | undefined {
  if (frame.aggregate !== "last" || frame.rangeMs === undefined) return undefined;
  return `row_number() OVER (PARTITION BY ${entity.join(", ")} ORDER BY ${time} NULLS LAST, ${row})`;
}

/** SQL for one window. `place` is the name of the column that `placeSql` asked for. */
export function windowSql(frame: WindowFrame, names: WindowNames, place: string): string {
  const { value, time, entity, row } = names;
  const over = `OVER (PARTITION BY ${entity.join(", ")} ORDER BY ${orderSql(frame, time, row)} ${boundsSql(frame)})`;
  const input = frame.aggregate === "std" ? `CASE WHEN abs(${value}) <= ${STD_LIMIT} THEN ${value} END` : value;
  const known = [...entity, time].map((name) => `${name} IS NOT NULL`);
  // Every aggregate but count is NULL without a value anyway, and counting a RANGE costs as much again (5 s over 3M rows).
  const counted = frame.aggregate === "count" ? frame.minPeriods > 0 : frame.minPeriods > 1;
  if (counted) known.push(`count(${input}) ${over} >= ${frame.minPeriods}`);
  const last = frame.rangeMs === undefined ? `last_value(${value} IGNORE NULLS)` : `arg_max(${value}, ${place})`;
  const answer = frame.aggregate === "last" ? `${last} ${over}` : aggregateSql(frame.aggregate, input, over);
  return `CASE WHEN ${known.join(" AND ")} THEN ${answer} END`;
}

const orderSql = (frame: WindowFrame, time: string, row: string): string =>
  frame.rangeMs === undefined ? `${time} NULLS LAST, ${row}` : `CAST(${time} AS BIGINT)`;

function boundsSql(frame: WindowFrame): string {
  if (frame.rangeMs !== undefined) {
    const lagMs = frame.lagMs ?? 0;
    return `RANGE BETWEEN ${lagMs + frame.rangeMs} PRECEDING AND ${lagMs + 1} PRECEDING`;
  }
  const nearest = (frame.lagRows ?? 0) + (frame.current ? 0 : 1);
  return `ROWS BETWEEN ${nearest + frame.rows! - 1} PRECEDING AND ${nearest} PRECEDING`;
}

function aggregateSql(aggregate: Exclude<Aggregate, "last">, value: string, over: string): string {
  switch (aggregate) {
    case "count":
      return `CAST(count(${value}) ${over} AS DOUBLE)`;
    case "sum":
      return finiteSql(`sum(${value}) ${over}`);
    case "mean":
      return finiteSql(`avg(${value}) ${over}`);
    case "std":
      return `stddev_samp(${value}) ${over}`;
    case "min":
    case "max":
      return `${aggregate}(${value}) ${over}`;
    default:
      return aggregate satisfies never;
  }
}
