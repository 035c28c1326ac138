/** Drift of a window: every watched column measured against the reference, and the rule over them. Pure. */

import type { Profile } from "../../base/profile.ts";
import type { DriftTest, MonitorSpec } from "../../spec/types.ts";
import { countedRows, type WindowCounts } from "../counts.ts";
import { chiSquare } from "./chi-square.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import { kl } from "./kl.ts";
import { ks } from "./ks.ts";
import type { DriftMeasure, Measured } from "./measure.ts";
import { psi } from "./psi.ts";
import { wasserstein } from "./wasserstein.ts";

const MEASURES: Record<DriftTest, DriftMeasure> = {
  psi,
  ks,
  kl,
  jensen_shannon: jensenShannon,
  wasserstein,
  chi_square: chiSquare,
};

export interface ColumnDrift extends Measured {
  column: string;
  drifted: boolean;
  /** Shares of missing values, reference and live. */
  missingBefore: number;
  missing: number;
  /** Share of live rows whose value is none of the reference's categories, or lies outside the reference's range. */
  unseen: number;
}

export interface DriftVerdict {
  fired: boolean;
  /** The rule: drift when at least `minColumns` columns pass `threshold`. */
  test: DriftTest;
  threshold: number;
  minColumns: number;
  drifted: string[];
  /** Most drifted first. */
  columns: ColumnDrift[];
  /** One line for people. */
  reason: string;
}

/**
 * Judges a window's counts. `spec.test` ks and chi_square fire below the threshold (a p-value, as in Evidently), the others
 * above it. Columns that were not counted are not judged.
 */
export function judgeDrift(
  spec: NonNullable<MonitorSpec["drift"]>,
  reference: Profile,
  counts: WindowCounts,
): DriftVerdict {
  const columns = Object.entries(counts)
    .filter(([name, live]) => reference.columns[name] && countedRows(live) > 0)
    .map(([name]) => measureColumn(name, spec, reference, counts))
    .sort((a, b) => Number(b.drifted) - Number(a.drifted) || b.score - a.score);
  const drifted = columns.filter((column) => column.drifted).map(({ column }) => column);
  const { test, threshold, minColumns } = spec;
  const fired = drifted.length >= minColumns;
  return { fired, test, threshold, minColumns, drifted, columns, reason: reasonOf(spec, columns, fired) };
}

function measureColumn(
  column: string,
  spec: NonNullable<MonitorSpec["drift"]>,
  reference: Profile,
  counts: WindowCounts,
): ColumnDrift {
  const before = reference.columns[column]!;
  const live = counts[column]!;
  const measured = MEASURES[spec.test].measure(before, live);
  const rows = countedRows(live);
  const unseen = live.kind === "categorical" ? live.other : live.counts[0]! + live.counts.at(-1)!;
  return {
    column,
    ...measured,
    drifted: isDrift(MEASURES[spec.test], measured, spec.threshold),
    missingBefore: reference.rows === 0 ? 0 : before.nulls / reference.rows,
    missing: live.nulls / rows,
    unseen: unseen / rows,
  };
}

const isDrift = ({ judgedBy }: DriftMeasure, { score, p }: Measured, threshold: number): boolean =>
  judgedBy === "p" ? p !== undefined && p < threshold : score > threshold;

function reasonOf(spec: NonNullable<MonitorSpec["drift"]>, columns: readonly ColumnDrift[], fired: boolean): string {
  const shown = columns.slice(0, 3).map((c) => `${c.column} ${c.test} ${figure(c)}`);
  const limit = `${MEASURES[spec.test].judgedBy === "p" ? "p below" : "above"} ${spec.threshold}`;
  if (columns.length === 0) return "no column could be compared";
  const count = columns.filter((c) => c.drifted).length;
  return `${fired ? "drift" : "no drift"}: ${count} of ${columns.length} columns ${limit} (${shown.join(", ")})`;
}

const figure = ({ score, p }: ColumnDrift): string =>
  p === undefined ? score.toPrecision(3) : `${score.toPrecision(3)} (p ${p.toPrecision(2)})`;
