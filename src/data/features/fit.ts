/** Learns every constant of a FeatureSpec from training rows and freezes it: spec + rows → FittedFeatures. */

import type { ColumnSpec } from "../../base/columns.ts";
import { fail, type TrimtabError, TrimtabErrors } from "../../base/errors.ts";
import { type FittedFeatures, pruned } from "./fitted.ts";
import type { ProgramBuilder } from "./program.ts";
import { columnsRead, type Resolved, resolveSpec } from "./resolve.ts";
import type { FeatureSpec, GroupSpec } from "./spec.ts";
import type { SelectOptions, Source, Sql } from "./sql.ts";
import { collectStatistics, measureTarget, type Requests, type TrainingRows } from "./statistics.ts";
import {
  type Built,
  type Need,
  type Piece,
  type Statistics,
  type Transform,
  TransformProblem,
} from "./transforms/define.ts";
import { TRANSFORMS } from "./transforms/table.ts";

/**
 * Fits on every row of the scan that passes `where` and has a target. Throws TrimtabErrors with all complaints
 * (FEATURES_INVALID). Windows by history are saved by `runTransform`, which knows the order of the rows.
 */
export async function fitFeatures(sql: Sql, scan: string, spec: FeatureSpec): Promise<FittedFeatures> {
  const columns = await sql.columns(`SELECT * FROM ${scan}`);
  return (await fitResolved(sql, { scan, columns }, spec, resolveSpec(spec, columns))).fitted;
}

export interface Fit {
  fitted: FittedFeatures;
  /** The outputs as operations of the resolved spec's own program. */
  outputs: { name: string; node: number }[];
}

/** Training rows pass `where`, and have a target. */
export function trainingRows({ builder, where, target }: Resolved): SelectOptions {
  if (target === undefined) return { where };
  const missing = builder.call("is_null", "boolean", [target.node]);
  return { where, only: [builder.call("not", "boolean", [missing])] };
}

export async function fitResolved(sql: Sql, source: Source, spec: FeatureSpec, resolved: Resolved): Promise<Fit> {
  const { builder, target } = resolved;
  const rows: TrainingRows = { sql, program: builder.ops, source, rowsThat: trainingRows(resolved) };
  const numericTarget = target && numericNode(builder, target.node);
  const usesTarget = spec.groups.some((g) => g.transforms.some((t) => t.key === "target_mean"));
  if (usesTarget && numericTarget !== undefined) rows.target = await measureTarget(rows, numericTarget);
  const pieces = resolved.groups.flatMap((g) => g.pieces.map((p) => p.node));
  const inputNames = inOrder(source, columnsRead(builder, pieces, true));
  const nulls = await inputStatistics(rows, builder, inputNames);
  if (nulls.rows === 0) throw noRows(spec);
  const groups = await new Fitting(rows, builder).run(resolved.groups);
  const outputs = nameOutputs(groups, spec);
  const imputed = imputedColumns(resolved, builder);
  const inputs = inputNames.map((name) => ({
    name,
    type: typeOfColumn(builder, name),
    required: nulls.complete.has(name) && !imputed.has(name),
  }));
  const fitted = pruned({
    format: 1,
    inputs,
    outputs: outputs.map((o) => o.name),
    roots: outputs.map((o) => o.node),
    program: builder.ops,
    rows: nulls.rows,
    ...(target && { target: { name: target.name, type: builder.typeOf(target.node), node: target.node } }),
    ...(spec.time && { time: spec.time.name }),
    observed: observedColumns(resolved, source),
  });
  return { fitted, outputs };
}

const noRows = (spec: FeatureSpec): TrimtabErrors =>
  new TrimtabErrors([
    fail("FEATURES_INVALID", {
      what: "no row is left to train on",
      place: spec.where?.place ?? spec.file,
      mend: "loosen where:, or check that the data has rows with a target",
    }),
  ]);

function numericNode(builder: ProgramBuilder, node: number): number | undefined {
  const type = builder.typeOf(node);
  if (type === "number") return node;
  return type === "boolean" ? builder.call("to_number", "number", [node]) : undefined;
}

const columnNodeOf = (builder: ProgramBuilder, name: string): number =>
  builder.ops.findIndex((op) => op.fn === "column" && op.params!.name === name);

const typeOfColumn = (builder: ProgramBuilder, name: string) => builder.typeOf(columnNodeOf(builder, name));

async function inputStatistics(rows: TrainingRows, builder: ProgramBuilder, names: readonly string[]) {
  const nodes = new Map(names.map((name) => [columnNodeOf(builder, name), name]));
  const anchor = builder.literal(1, "number");
  const none: ReadonlySet<Need> = new Set();
  const found = await collectStatistics(rows, new Map([...nodes.keys(), anchor].map((node) => [node, none])));
  const complete = new Set(
    [...nodes].filter(([n]) => found.get(n)!.present === found.get(n)!.rows).map(([, name]) => name),
  );
  return { rows: found.get(anchor)!.rows, complete };
}

/** In the order of the data, which is the order in which a request may give its values without names. */
function inOrder(source: Source, names: readonly string[]): string[] {
  return source.columns!.map((column) => column.name).filter((name) => names.includes(name));
}

/** Columns that a group with impute reads: null is welcome there even if training had none. */
function imputedColumns({ groups }: Resolved, builder: ProgramBuilder): Set<string> {
  const nodes = groups
    .filter(({ group }) => group.transforms.some((t) => t.key === "impute"))
    .flatMap(({ pieces }) => pieces.map((p) => p.node));
  return new Set(columnsRead(builder, nodes, true));
}

/** The columns of windows' entity, time and value, and of `where`, which decides what enters a window. */
function observedColumns({ builder }: Resolved, source: Source): ColumnSpec[] {
  const windows = [...builder.ops.entries()].filter(([, op]) => op.fn === "window").map(([node]) => node);
  if (windows.length === 0) return [];
  const names = inOrder(source, columnsRead(builder, windows, false));
  return names.map((name) => ({ name, type: typeOfColumn(builder, name), required: false }));
}

interface FittedGroup {
  group: GroupSpec;
  pieces: Piece[];
}

/** Applies the transforms stage by stage, so that one scan serves all groups. */
class Fitting {
  private readonly errors: TrimtabError[] = [];
  constructor(
    private readonly rows: TrainingRows,
    private readonly builder: ProgramBuilder,
  ) {}

  async run(groups: Resolved["groups"]): Promise<FittedGroup[]> {
    let fitted: FittedGroup[] = groups.map(({ group, pieces }) => ({ group, pieces: [...pieces] }));
    for (const stage of ["impute", "encode", "scale"] as const) {
      fitted = await this.stage(stage, fitted);
      if (this.errors.length > 0) throw new TrimtabErrors(this.errors);
    }
    return fitted;
  }

  private async stage(stage: Transform["stage"], groups: FittedGroup[]): Promise<FittedGroup[]> {
    const work = groups.map(({ group }) => group.transforms.find((t) => TRANSFORMS.get(t.key)!.stage === stage));
    const requests = new Map<number, Set<Need>>();
    for (const [i, { pieces }] of groups.entries())
      if (work[i]) for (const piece of pieces) this.request(requests, piece, work[i]);
    if (requests.size === 0) return groups;
    const statistics = await this.collect(requests, groups, work);
    return groups.map((g, i) => (work[i] ? this.apply(g, work[i], statistics) : g));
  }

  private request(requests: Map<number, Set<Need>>, piece: Piece, work: GroupSpec["transforms"][number]): void {
    const numeric = this.builder.typeOf(piece.node) !== "string";
    const needs = requests.get(piece.node) ?? new Set();
    for (const need of TRANSFORMS.get(work.key)!.needs(work.options, numeric)) needs.add(need);
    requests.set(piece.node, needs);
  }

  private async collect(
    requests: Requests,
    groups: FittedGroup[],
    work: (GroupSpec["transforms"][number] | undefined)[],
  ) {
    try {
      return await collectStatistics(this.rows, requests);
    } catch (error) {
      if (!(error instanceof TransformProblem)) throw error;
      const i = work.findIndex((w) => w !== undefined);
      throw new TrimtabErrors([problemAt(error, groups[i]!.pieces[0]!.name, work[i]!.place)]);
    }
  }

  private apply(
    fitted: FittedGroup,
    work: GroupSpec["transforms"][number],
    statistics: Map<number, Statistics>,
  ): FittedGroup {
    const transform = TRANSFORMS.get(work.key)!;
    const built: Built[] = fitted.pieces.map((piece) => {
      try {
        const input = { piece, options: work.options, statistics: statistics.get(piece.node)! };
        return transform.build({ ...input, builder: this.builder, targetMean: this.rows.target?.mean });
      } catch (error) {
        if (!(error instanceof TransformProblem)) throw error;
        this.errors.push(problemAt(error, piece.name, work.place));
        return { pieces: [] };
      }
    });
    return { group: fitted.group, pieces: [...built.flatMap((b) => b.pieces), ...built.flatMap((b) => b.extra ?? [])] };
  }
}

const problemAt = (problem: TransformProblem, column: string, place: string): TrimtabError =>
  fail("FEATURES_INVALID", { what: `${column} ${problem.message}`, place, mend: problem.mend });

/** `group__name`, or `name` when the file says so; the same name twice is refused, as scikit-learn does. */
function nameOutputs(groups: readonly FittedGroup[], spec: FeatureSpec): { name: string; node: number }[] {
  const outputs = groups.flatMap(({ group, pieces }) =>
    pieces.map(({ node, name }) => ({ node, name: spec.verboseNames ? `${group.name}__${name}` : name, group })),
  );
  if (outputs.length === 0)
    throw fail("FEATURES_INVALID", {
      what: "no feature is left after the transforms",
      place: spec.file,
      mend: "name more columns, or do not drop the only category",
    });
  const seen = new Set<string>();
  for (const { name, group } of outputs) {
    if (seen.has(name))
      throw fail("FEATURES_INVALID", {
        what: `two features are called ${name}`,
        place: group.place,
        mend: "remove one, or leave verbose_feature_names_out on",
      });
    seen.add(name);
  }
  return outputs;
}
