/**
 * column_kl_divergence_to_be_less_than: Kullback-Leibler divergence, in nats, of the column from an expected distribution, which
 * is a weight for each value or for each bin. Formula and holdouts as Great Expectations (SciPy's entropy: both sides are scaled
 * to sum to 1): what is observed where nothing is expected makes it infinite, unless a holdout keeps weight for it.
 */

import { literal } from "../sql.ts";
import { valueCounts } from "./aggregate.ts";
import { type Args, show } from "./args.ts";
import { type Answer, ask, type CheckDefinition, count, type Judgement, type Plan, type Table } from "./check.ts";
import { columnOf, comparable, inSetSql, numericColumn } from "./columns.ts";

interface Holdouts {
  tail: number;
  internal: number;
}

/** Sum of p ln(p / q) after scaling both to 1. Infinite when something is observed where nothing is expected. */
function klDivergence(observed: readonly number[], expected: readonly number[]): number {
  const [p, q] = [total(observed), total(expected)];
  return observed.reduce((sum, weight, i) => {
    if (weight === 0) return sum;
    return sum + (weight / p) * Math.log(weight / p / (expected[i]! / q));
  }, 0);
}

const total = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0);

function judgeKl(divergence: number, threshold: number | undefined, details: Record<string, unknown>): Judgement {
  const success = threshold === undefined || divergence <= threshold;
  const known = Number.isFinite(divergence);
  const says = known
    ? `the KL divergence is ${divergence.toPrecision(4)}, ${success ? "" : "not "}at most ${threshold ?? "anything"}`
    : "the KL divergence is infinite: there are values where none is expected";
  return { success, observed: known ? divergence : null, details, says };
}

/** Weights by value. Values that are not in the list share the tail holdout. */
function byValue(table: Table, name: string, values: readonly unknown[], weights: readonly number[], holdout: number) {
  return (threshold: number | undefined): Plan => {
    const column = columnOf(table, name);
    const counts = valueCounts(table, column);
    const each = values.map((value) => {
      const sql = comparable(column, value);
      return ask(counts, sql === undefined ? "0" : `coalesce(sum(n) FILTER (value = ${sql}), 0)`);
    });
    const other = `NOT (${inSetSql(column, "value", values)})`;
    const asks = {
      rows: ask(counts, "coalesce(sum(n), 0)"),
      others: ask(counts, `count(*) FILTER (${other})`),
      otherCounts: ask(counts, `list(n ORDER BY n) FILTER (${other})`),
    };
    return {
      columns: [name],
      asks: [...each, ...Object.values(asks)],
      judge: (answer: Answer) => {
        const rows = count(answer(asks.rows));
        if (rows === 0) return { success: false, observed: null, says: "there are no values" };
        const others = count(answer(asks.others));
        const otherCounts = (answer(asks.otherCounts) ?? []) as number[];
        const observed = [...each.map((one) => count(answer(one))), ...otherCounts].map((n) => n / rows);
        const expected = others === 0 ? [...weights] : weights.map((weight) => weight * (1 - holdout));
        while (expected.length < observed.length) expected.push(holdout / others);
        return judgeKl(klDivergence(observed, expected), threshold, {
          observed_partition: { values, weights: observed.slice(0, values.length) },
          expected_partition: { values, weights: expected.slice(0, values.length) },
        });
      },
    };
  };
}

interface Bins {
  bins: readonly number[];
  weights: readonly number[];
  tailWeights: readonly [number, number] | undefined;
}

/** What is expected below the first bin, in each bin and above the last. A side that has no end holds nothing beyond it. */
function expectedWeights({ bins, weights, tailWeights }: Bins, { tail, internal }: Holdouts): number[] {
  const scaled = weights.map((weight) => weight * (1 - tail - internal));
  const empty = scaled.filter((weight) => weight === 0).length;
  const filled = scaled.map((weight) => (weight === 0 && empty > 0 ? internal / empty : weight));
  const openBelow = bins[0] === Number.NEGATIVE_INFINITY;
  const openAbove = bins.at(-1) === Number.POSITIVE_INFINITY;
  const each = openBelow || openAbove ? tail : tail / 2;
  const [below, above] = tailWeights ?? [openBelow ? 0 : each, openAbove ? 0 : each];
  return [below, ...filled, above];
}

/** Weights by bin: [a, b), the last one closed. */
function byBin(table: Table, name: string, partition: Bins, holdouts: Holdouts) {
  return (threshold: number | undefined): Plan => {
    const { sql } = numericColumn(table, name);
    const edges = partition.bins.map(literal);
    const last = edges.length - 1;
    const within = edges
      .slice(1)
      .map((edge, i) => `${sql} >= ${edges[i]} AND ${sql} ${i + 1 === last ? "<=" : "<"} ${edge}`);
    const asks = [`${sql} < ${edges[0]}`, ...within, `${sql} > ${edges[last]}`].map((condition) =>
      ask(table.rows, `count(*) FILTER (${condition})`),
    );
    const present = ask(table.rows, `count(${sql})`);
    return {
      columns: [name],
      asks: [present, ...asks],
      judge: (answer: Answer) => {
        const rows = count(answer(present));
        if (rows === 0) return { success: false, observed: null, says: "there are no values" };
        const observed = asks.map((one) => count(answer(one)) / rows);
        const expected = expectedWeights(partition, holdouts);
        const shown = (weights: readonly number[]) => ({
          bins: partition.bins,
          weights: weights.slice(1, -1),
          tail_weights: [weights[0], weights.at(-1)],
        });
        return judgeKl(klDivergence(observed, expected), threshold, {
          observed_partition: shown(observed),
          expected_partition: shown(expected),
        });
      },
    };
  };
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => typeof item === "number" && !Number.isNaN(item));

const sumsToOne = (weights: readonly number[]): boolean => Math.abs(total(weights) - 1) <= 1e-5;

function readBins(args: Args, given: Record<string, unknown>, weights: number[]): Bins {
  const { bins, tail_weights: tails } = given;
  if (!isNumbers(bins) || bins.length !== weights.length + 1)
    return args.refuse(`partition_object.bins is ${show(bins)}`, "give numbers, one more than weights");
  if (bins.some((edge, i) => i > 0 && edge <= bins[i - 1]!)) args.refuse("partition_object.bins do not ascend");
  if (tails !== undefined && (!isNumbers(tails) || tails.length !== 2))
    return args.refuse(`partition_object.tail_weights is ${show(tails)}`, "give two numbers");
  const isOpen = bins[0] === Number.NEGATIVE_INFINITY || bins.at(-1) === Number.POSITIVE_INFINITY;
  if (tails && isOpen) args.refuse("bins without an end have no tail_weights");
  const tailWeights = tails as [number, number] | undefined;
  return { bins, weights, tailWeights };
}

function readShare(args: Args, name: string): number {
  const share = args.has(name) ? args.number(name) : 0;
  return share >= 0 && share <= 1 ? share : args.refuse(`${name} is ${share}`, `${name} is from 0 to 1`);
}

export const DIVERGENCE_CHECKS: CheckDefinition[] = [
  {
    type: "column_kl_divergence_to_be_less_than",
    kwargs: [
      "column",
      "partition_object",
      "threshold",
      "tail_weight_holdout",
      "internal_weight_holdout",
      "bucketize_data",
      "min_value",
      "max_value",
    ],
    prepare: (args) => {
      const name = args.text("column");
      const given = (args.raw("partition_object") ?? {}) as Record<string, unknown>;
      const holdouts = {
        tail: readShare(args, "tail_weight_holdout"),
        internal: readShare(args, "internal_weight_holdout"),
      };
      const threshold = args.has("threshold") ? args.number("threshold") : undefined;
      const { weights, values } = given;
      if (!isNumbers(weights) || (values === undefined) === (given.bins === undefined))
        return args.refuse(
          "partition_object needs weights, and values or bins",
          "write { values: [a, b], weights: [0.4, 0.6] }",
        );
      if (values === undefined) {
        const bins = readBins(args, given, weights);
        if (!sumsToOne([...weights, ...(bins.tailWeights ?? [])])) args.refuse("the weights do not sum to 1");
        if (bins.tailWeights && holdouts.tail > 0)
          args.refuse("there are tail_weights, so tail_weight_holdout must be 0");
        return (table) => byBin(table, name, bins, holdouts)(threshold);
      }
      if (!Array.isArray(values) || values.length !== weights.length)
        return args.refuse("partition_object.values and weights are not of one length");
      if (!sumsToOne(weights)) args.refuse("the weights do not sum to 1");
      if (holdouts.internal > 0) args.refuse("internal_weight_holdout is for bins, not values");
      return (table) => byValue(table, name, values, weights, holdouts.tail)(threshold);
    },
  },
];
