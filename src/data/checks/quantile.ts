/**
 * column_quantile_values_to_be_between. A quantile is the value at the nearest rank, as pandas' interpolation "nearest" has it;
 * a bound is met when the value is within it or equal to it up to 1 in 10,000 (both as Great Expectations).
 */

import { type Args, show } from "./args.ts";
import { type Ask, ask, type CheckDefinition, count, Problem } from "./check.ts";
import { columnOf, parseTimeMs, type TestedColumn } from "./columns.ts";

interface QuantileRange {
  quantile: number;
  min: number | string | null;
  max: number | string | null;
}

const RELATIVE_TOLERANCE = 1e-4;
const ABSOLUTE_TOLERANCE = 1e-8;

function readRanges(args: Args): QuantileRange[] {
  const given = args.raw("quantile_ranges") as { quantiles?: unknown; value_ranges?: unknown } | undefined;
  const mend = "write quantile_ranges: { quantiles: [0.5], value_ranges: [[1, 5]] }";
  if (!Array.isArray(given?.quantiles) || !Array.isArray(given.value_ranges))
    return args.refuse("quantile_ranges needs quantiles and value_ranges", mend);
  const ranges = given.value_ranges as unknown[];
  if (given.quantiles.length !== ranges.length)
    return args.refuse(`there are ${given.quantiles.length} quantiles and ${ranges.length} value_ranges`, mend);
  return given.quantiles.map((quantile: unknown, i) => {
    if (typeof quantile !== "number" || !(quantile >= 0 && quantile <= 1))
      return args.refuse(`the quantile ${show(quantile)} is not a number from 0 to 1`);
    const [min, max] =
      Array.isArray(ranges[i]) && ranges[i].length === 2 ? (ranges[i] as unknown[]) : [undefined, undefined];
    if (!isBound(min) || !isBound(max)) return args.refuse(`the range ${show(ranges[i])} is not [min, max]`, mend);
    if (min !== null && max !== null && min > max) return args.refuse(`the range ${show(ranges[i])} is upside down`);
    return { quantile, min, max };
  });
}

const isBound = (value: unknown): value is number | string | null =>
  value === null || typeof value === "string" || (typeof value === "number" && !Number.isNaN(value));

/** The rank, from 0, of the value nearest to a quantile among n; halves go to the even rank, as NumPy's. */
function nearestRank(quantile: number, n: number): number {
  const position = quantile * (n - 1);
  const below = Math.floor(position);
  const rest = position - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

/** DuckDB's quantile_disc(q) is the value of rank ceil(q n) - 1: the middle of a rank's share picks that rank, without rounding. */
const rankSql = (column: string, rank: number, n: number): string =>
  `quantile_disc(${column}, ${((rank + 0.5) / n).toExponential()}::DOUBLE)`;

/** NumPy's isclose; an open end is close to nothing. */
const close = (value: number, bound: number): boolean =>
  Number.isFinite(bound) && Math.abs(value - bound) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * Math.abs(bound);

function meets(value: number, column: TestedColumn, { min, max }: QuantileRange): boolean {
  const side = (bound: number | string | null, open: number): number => {
    const other = typeof bound === "string" && column.kind === "timestamp" ? parseTimeMs(bound) : (bound ?? open);
    if (typeof other === "number") return other;
    throw new Problem(`column ${column.name} is ${column.type} and cannot be compared with ${bound}`);
  };
  const low = side(min, Number.NEGATIVE_INFINITY);
  const high = side(max, Number.POSITIVE_INFINITY);
  return (low <= value && value <= high) || close(value, low) || close(value, high);
}

export const QUANTILE_CHECKS: CheckDefinition[] = [
  {
    type: "column_quantile_values_to_be_between",
    kwargs: ["column", "quantile_ranges", "allow_relative_error"],
    prepare: (args) => {
      const [name, ranges] = [args.text("column"), readRanges(args)];
      if (args.has("allow_relative_error") && args.raw("allow_relative_error") !== false)
        args.refuse("allow_relative_error is not supported", "remove it: quantiles are exact");
      return (table) => {
        const column = columnOf(table, name);
        if (column.kind !== "number" && column.kind !== "timestamp")
          throw new Problem(`column ${name} is ${column.type}, which has no quantiles`);
        const present = ask(table.rows, `count(${column.sql})`);
        let second: Ask[] = [];
        return {
          columns: [name],
          asks: [present],
          followUp: (answer) => {
            const n = count(answer(present));
            const ranks = ranges.map((range) => nearestRank(range.quantile, n));
            second = n === 0 ? [] : ranks.map((rank) => ask(table.rows, rankSql(column.sql, rank, n)));
            return second;
          },
          judge: (answer) => {
            const values = second.map((quantile) => Number(answer(quantile)));
            const quantiles = ranges.map((range) => range.quantile);
            if (values.length === 0) return { success: false, observed: null, says: "there are no values" };
            const met = ranges.map((range, i) => meets(values[i]!, column, range));
            const shown = column.kind === "timestamp" ? values.map((ms) => new Date(ms).toISOString()) : values;
            const missed = ranges.flatMap((range, i) =>
              met[i] ? [] : [`quantile ${range.quantile} is ${shown[i]}, not in ${show([range.min, range.max])}`],
            );
            return {
              success: missed.length === 0,
              observed: { quantiles, values: shown },
              details: { success_details: met },
              says: missed.join("; ") || `quantiles ${show(quantiles)} are ${show(shown)}, as expected`,
            };
          },
        };
      };
    },
  },
];
