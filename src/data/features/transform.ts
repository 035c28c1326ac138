/**
 * The transform step: splits the rows, fits the features on the training side and writes three files. Training: features,
 * target, time and kept columns. Holdout: raw rows and target, since it is judged through the serving path.
 */

import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fail, TrimtabErrors } from "../../base/errors.ts";
import { publishMany } from "../../base/files.ts";
import { randomId } from "../../base/hash.ts";
import { type DuckColumn, ident, literal } from "../sql.ts";
import { fitResolved, trainingRows } from "./fit.ts";
import type { FittedFeatures } from "./fitted.ts";
import type { ProgramBuilder } from "./program.ts";
import { type Resolved, resolveSpec } from "./resolve.ts";
import type { FeatureSpec } from "./spec.ts";
import { type Split, type SplitSpec, splitRows } from "./split.ts";
import { programSql, type Selected, type Source, type Sql } from "./sql.ts";
import { prepareWindows, tailsOf } from "./tails.ts";

export interface TransformRequest {
  /** What stands after FROM in SQL. */
  scan: string;
  spec: FeatureSpec;
  split?: SplitSpec;
  /** Absolute paths. `holdout` needs a split. */
  outs: { train: string; features: string; holdout?: string };
}

export interface TransformReport {
  /** Rows read. */
  rows: number;
  trainRows: number;
  holdoutRows: number;
  /** Training rows left out because `where` was not true of them. */
  droppedByWhere: number;
  /** Rows without a target, of both sides. */
  withoutTarget: number;
  /** The smallest value of `split.by` in the holdout. */
  holdoutFrom?: string;
  outputs: string[];
}

/**
 * Nothing is published unless everything was written. Throws TrimtabErrors (FEATURES_INVALID), DATA_COLUMN, INVALID and
 * DISK_FULL.
 */
export async function runTransform(
  sql: Sql,
  request: TransformRequest,
): Promise<{ fitted: FittedFeatures; report: TransformReport }> {
  const { scan, spec, outs } = request;
  const columns = await sql.columns(`SELECT * FROM ${scan}`);
  const resolved = resolveSpec(spec, columns);
  refuseTornWindows(spec, request.split);
  const split = request.split && (await splitRows(sql, scan, columns, request.split));
  const staging = `${dirname(outs.train)}/.${randomId().slice(0, 8)}.tmp`;
  await mkdir(staging, { recursive: true });
  try {
    const job: Job = { sql, spec, resolved, columns, staging, scan, ...(split && { split }) };
    const fitted = await writeTrain(job);
    const moves = [{ from: `${staging}/train.parquet`, to: outs.train }];
    if (split && outs.holdout) {
      await writeHoldout(job);
      moves.push({ from: `${staging}/holdout.parquet`, to: outs.holdout });
    }
    const report = await count(job, fitted);
    await Bun.write(`${staging}/features.json`, JSON.stringify(fitted));
    await publishMany(staging, [...moves, { from: `${staging}/features.json`, to: outs.features }]);
    return { fitted, report };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** A row group's cells at most, 64 MB; and the rows that DuckDB handles at a time. */
const ROW_GROUP_CELLS = 8_000_000;
const VECTOR_ROWS = 2048;

interface Job {
  sql: Sql;
  spec: FeatureSpec;
  resolved: Resolved;
  columns: DuckColumn[];
  staging: string;
  scan: string;
  split?: Split;
}

/** Windows look back in time, so the rows set aside must all be later than the rows that stay. */
function refuseTornWindows(spec: FeatureSpec, split: SplitSpec | undefined): void {
  if (!split) return;
  const torn = [...spec.windows.values()].filter((w) => w.order.name !== split.by);
  if (torn.length === 0) return;
  throw new TrimtabErrors(
    torn.map((w) =>
      fail("FEATURES_INVALID", {
        what: `the window ${w.name} is ordered by ${w.order.name} and the rows are split by ${split.by ?? "a hash"}`,
        place: w.place,
        mend: `write split: { holdout: ${split.holdout}, by: ${w.order.name} }`,
      }),
    ),
  );
}

async function writeTrain(job: Job): Promise<FittedFeatures> {
  const { sql, spec, resolved, columns, staging } = job;
  const raw: Source = { scan: job.split?.train ?? job.scan, columns };
  const source = await prepareWindows(sql, raw, resolved, `${staging}/windows.parquet`);
  const { fitted, outputs } = await fitResolved(sql, source, spec, resolved);
  const selected = [...outputs.map(({ name, node }) => ({ as: name, node })), ...besides(fitted, spec, resolved)];
  refuseTwins(selected, spec);
  const select = programSql(resolved.builder.ops, source, selected, trainingRows(resolved));
  await copy(sql, select, `${staging}/train.parquet`, selected.length);
  const history = await tailsOf(sql, resolved, { scan: job.scan, columns }, job.split ? raw : undefined);
  return history ? { ...fitted, history } : fitted;
}

/** DuckDB's names know no case: of two that differ only so, it would write the second under another name, without a word. */
function refuseTwins(selected: readonly Selected[], spec: FeatureSpec): void {
  const seen = new Map<string, string>();
  for (const { as } of selected) {
    const folded = as.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    const twin = seen.get(folded);
    if (twin !== undefined)
      throw fail("FEATURES_INVALID", {
        what: `the columns ${twin} and ${as} of one file differ only in case`,
        place: spec.file,
        mend: "make them one with lower(…) under derive, or encode them by target_mean or ordinal",
      });
    seen.set(folded, as);
  }
}

/** Target, time and kept columns, each once; a feature of the same name is refused. */
function besides(fitted: FittedFeatures, spec: FeatureSpec, { builder, target }: Resolved): Selected[] {
  const carried = new Map<string, Selected>();
  const features = new Set(fitted.outputs);
  const raw = [...(spec.time ? [spec.time] : []), ...spec.keep];
  for (const { name, place } of [...(target ? [target] : []), ...raw])
    if (features.has(name))
      throw fail("FEATURES_INVALID", {
        what: `${name} is a feature and is also carried beside the features`,
        place,
        mend: "leave verbose_feature_names_out on, or rename one",
      });
  if (target) carried.set(target.name, targetColumn(builder, target));
  for (const { name } of raw) if (!carried.has(name)) carried.set(name, { as: name, raw: name });
  return [...carried.values()];
}

/** Truth as 0 and 1, which every trainer takes; other targets as they are. */
function targetColumn(builder: ProgramBuilder, target: NonNullable<Resolved["target"]>): Selected {
  const { name, node } = target;
  if (builder.typeOf(node) === "boolean") return { as: name, node, integer: true };
  return target.column ? { as: name, raw: name } : { as: name, node };
}

/** Raw columns in the source's order, then the target when it is no column; by time when windows must replay it. */
async function writeHoldout({ sql, spec, resolved, columns, split, staging }: Job): Promise<void> {
  const { builder, target } = resolved;
  const raw: Selected[] = columns
    .filter(({ name }) => name !== target?.name)
    .map(({ name }) => ({ as: name, raw: name }));
  const selected = target ? [...raw, targetColumn(builder, target)] : raw;
  refuseTwins(selected, spec);
  const { only = [] } = trainingRows(resolved);
  const [window] = spec.windows.values();
  const scan = window ? inTime(split!.holdout, window.order.name) : split!.holdout;
  await copy(
    sql,
    programSql(builder.ops, { scan, columns }, selected, { only }),
    `${staging}/holdout.parquet`,
    selected.length,
  );
}

/** Rows of one instant keep the order of the data, so that every run writes the same file. */
const inTime = (scan: string, time: string): string =>
  `(SELECT * FROM (SELECT *, row_number() OVER () AS tt_place FROM ${scan}) ORDER BY ${ident(time)} NULLS LAST, tt_place)`;

const copy = (sql: Sql, select: string, path: string, columns: number): Promise<void> =>
  sql.run(`COPY (${select}) TO ${literal(path)} (FORMAT parquet, ROW_GROUP_SIZE ${rowGroupRows(columns)})`);

/** DuckDB's own 122,880 rows, fewer for wide rows: every thread holds a whole row group, 0.8 GB of it at 800 columns. */
const rowGroupRows = (columns: number): number => {
  const vectors = Math.floor(ROW_GROUP_CELLS / columns / VECTOR_ROWS);
  return VECTOR_ROWS * Math.max(1, Math.min(60, vectors));
};

/** What went where, counted and not assumed. */
async function count(job: Job, fitted: FittedFeatures): Promise<TransformReport> {
  const { split, resolved } = job;
  const train = await countSide(job, split?.train ?? job.scan, resolved.where);
  const holdout = split ? await countSide(job, split.holdout, undefined) : undefined;
  return {
    rows: train.rows + (holdout?.rows ?? 0),
    trainRows: fitted.rows,
    holdoutRows: holdout ? holdout.rows - holdout.withoutTarget : 0,
    droppedByWhere: train.rows - train.passing,
    withoutTarget: train.withoutTarget + (holdout?.withoutTarget ?? 0),
    ...(split?.from !== undefined && { holdoutFrom: split.from }),
    outputs: fitted.outputs,
  };
}

async function countSide({ sql, resolved, columns }: Job, scan: string, where: number | undefined) {
  const { builder, target } = resolved;
  const always = builder.literal(true, "boolean");
  const selected: Selected[] = [
    { as: "passes", node: where ?? always },
    {
      as: "missing",
      node: target ? builder.call("is_null", "boolean", [target.node]) : builder.literal(false, "boolean"),
    },
  ];
  const inner = programSql(builder.ops, { scan, columns }, selected);
  const [counts] = await sql.rows<{ rows: number; passing: number; withoutTarget: number }>(
    `SELECT CAST(count(*) AS DOUBLE) AS rows, CAST(count(*) FILTER (passes = 1) AS DOUBLE) AS passing, ` +
      `CAST(count(*) FILTER (passes = 1 AND missing = 1) AS DOUBLE) AS "withoutTarget" FROM (${inner})`,
  );
  return counts!;
}
