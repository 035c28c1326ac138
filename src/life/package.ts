/**
 * Assembles the folder that a version is: what the trainer wrote, plus all that serving needs to know of it (MLmodel, the
 * fitted features, a few training rows, the reference profile). Evaluated and served is the same kind of folder.
 */

import { existsSync, statSync } from "node:fs";
import { cp, mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ColumnSpec } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { columnTypeOf, type Duck, ident, presentSql } from "../data/duckdb.ts";
import type { FittedFeatures } from "../data/features/fitted.ts";
import { loadVersion } from "../serving/runtime.ts";
import {
  flavorOf,
  type Mlmodel,
  type RuntimeName,
  readMlmodel,
  signatureOf,
  type TrimtabFlavor,
  writeMlmodel,
} from "../spec/mlmodel.ts";
import { CLASSIFICATION_METRICS, type EvaluateStep, type Pipeline, type TransformStep } from "../spec/types.ts";
import { runtimeOptions } from "./evaluate.ts";
import { rowsAt } from "./sources.ts";

/** File names by which a model folder without an MLmodel says what serves it. */
const ENTRIES: readonly [string, RuntimeName][] = [
  ["model.ts", "javascript"],
  ["model.js", "javascript"],
  ["model.mjs", "javascript"],
  ["model.onnx", "onnx"],
  ["model.pkl", "python"],
  ["model.joblib", "python"],
];

/** The step that measures what the pipeline registers: its last `evaluate`. */
export const evaluateOf = (pipeline: Pipeline): EvaluateStep | undefined =>
  Object.values(pipeline.steps).findLast((step): step is EvaluateStep => step.kind === "evaluate");

/** The transform step whose fitted features the evaluated model was trained on; undefined when it takes raw rows. */
export function transformOf(pipeline: Pipeline, evaluate: EvaluateStep): TransformStep | undefined {
  const steps = Object.values(pipeline.steps);
  return steps.find((step): step is TransformStep => step.kind === "transform" && step.outs.includes(evaluate.on));
}

/** Where a transform step leaves its fitted state. */
export const fittedPath = (step: TransformStep): string => join(dirname(step.outs[0]!), "features.json");

/** The training rows that a transform step leaves; they carry the target. */
export const trainPath = (step: TransformStep): string => step.outs[0]!;

export interface Parts {
  /** The model's folder or file, as the trainer wrote it. */
  model: string;
  /** The fitted features' file. */
  features?: string;
  fitted?: FittedFeatures;
  /** Holdout rows: their columns tell the inputs of a model without features, their target the classes. */
  on: string;
  /** Training rows: a rare class may be in these alone. */
  train?: string;
  target: string;
  task: TrimtabFlavor["task"];
  /** The workspace, whose Python loads a model that is asked for its classes. */
  root: string;
  /** JSON files written beside the model: reference.json, samples.json. */
  extra?: Partial<Record<"reference" | "samples", unknown>>;
}

/** What an evaluate step says about its model. */
export const taskOf = (step: EvaluateStep): TrimtabFlavor["task"] =>
  step.metrics.some((name) => (CLASSIFICATION_METRICS as readonly string[]).includes(name))
    ? "classification"
    : "regression";

/** Writes the folder; it must not exist. Throws MODEL_INVALID when nothing in it can be served. */
export async function assembleVersion(duck: Duck, parts: Parts, folder: string): Promise<TrimtabFlavor> {
  if (!existsSync(parts.model)) throw fail("FILE_NOT_FOUND", { what: "the model does not exist", place: parts.model });
  await mkdir(folder, { recursive: true });
  const isFolder = statSync(parts.model).isDirectory();
  await cp(parts.model, isFolder ? folder : join(folder, basename(parts.model)), { recursive: true });
  const written: Mlmodel | undefined = existsSync(join(folder, "MLmodel")) ? await readMlmodel(folder) : undefined;
  const base = await served(folder, parts, written);
  const flavor: TrimtabFlavor = {
    ...base,
    task: parts.task,
    target: parts.target,
    ...(parts.task === "classification" ? { classes: base.classes ?? (await classesOf(duck, parts)) } : {}),
    inputs: parts.fitted
      ? servedInputs(parts.fitted)
      : base.inputs.length > 0
        ? base.inputs
        : await inputsOf(duck, parts),
    ...(parts.features ? { features: "features.json" as const } : {}),
    ...(parts.extra?.reference ? { reference: "reference.json" as const } : {}),
    ...(parts.extra?.samples ? { samples: "samples.json" as const } : {}),
  };
  if (parts.features) await cp(parts.features, join(folder, "features.json"));
  for (const [name, value] of Object.entries(parts.extra ?? {}))
    await writeFileAtomic(join(folder, `${name}.json`), JSON.stringify(value));
  const file = written ?? {
    flavors: {},
    other: { utc_time_created: new Date().toISOString().slice(0, 19).replace("T", " ") },
  };
  const write = (trimtab: TrimtabFlavor) =>
    writeMlmodel(folder, { ...file, trimtab, signature: file.signature ?? signatureOf(flavor) });
  await write(flavor);
  if (flavor.runtime !== "python" || !flavor.classes || base.classes || parts.train) return flavor;
  // Without training rows only the model can tell a class that the holdout lacks.
  const complete = { ...flavor, classes: (await ownClasses(folder, parts.root)) ?? flavor.classes };
  await write(complete);
  return complete;
}

async function ownClasses(folder: string, root: string): Promise<TrimtabFlavor["classes"]> {
  const model = await loadVersion(folder, runtimeOptions(root));
  await model.close();
  return model.manifest.classes;
}

/** What a request brings: what the row's own features read, and what windows will look at when later rows come. */
export function servedInputs({ inputs, observed }: FittedFeatures): ColumnSpec[] {
  const known = new Set(inputs.map((input) => input.name));
  const later = observed.filter((column) => !known.has(column.name));
  return [...inputs, ...later.map((column) => ({ ...column, required: true }))];
}

/** Which runtime serves the folder: by its MLmodel, else by the name of what lies in it. */
async function served(folder: string, parts: Parts, written: Mlmodel | undefined): Promise<TrimtabFlavor> {
  if (written) return flavorOf(written, folder);
  const names = await readdir(folder);
  const known = ENTRIES.find(([name]) => names.includes(name));
  if (known) return { runtime: known[1], entry: known[0], task: parts.task, target: parts.target, inputs: [] };
  const kinds = ENTRIES.map(([name]) => name).join(", ");
  throw fail("MODEL_INVALID", {
    what: `nothing that can be served is among ${names.join(", ") || "no files"}`,
    place: parts.model,
    mend: `write one of ${kinds}, or an MLflow model folder with its MLmodel file`,
  });
}

/** Labels of holdout and training rows in order: false before true, numbers and texts ascending. */
async function classesOf(duck: Duck, { on, train, target }: Parts): Promise<(string | number | boolean)[]> {
  const labels = async (file: string, isJudged: boolean) => {
    const from = `FROM (${await rowsAt(duck, file)})`;
    const [column] = await duck.columns(`SELECT ${ident(target)} ${from}`);
    return `SELECT ${ident(target)} AS label, ${isJudged} AS judged ${from} WHERE ${presentSql(column!)}`;
  };
  const files = [await labels(on, true), ...(train && existsSync(train) ? [await labels(train, false)] : [])];
  const all = files.join(" UNION ALL ");
  const rows = await duck.rows<{ label: string | number | boolean; judged: boolean }>(
    `SELECT label, bool_or(judged) AS judged FROM (${all}) GROUP BY 1 ORDER BY 1 LIMIT 1001`,
  );
  if (rows.length > 1000)
    throw fail("MODEL_INVALID", {
      what: `the target ${target} has over 1000 classes`,
      place: on,
      mend: "use regression metrics for a numeric target",
    });
  const judged = rows.filter((row) => row.judged);
  if (judged.length < 2)
    throw fail("DATA_UNREADABLE", {
      what: `the target ${target} is always ${judged[0]?.label ?? "missing"}, so nothing can be judged by it`,
      place: on,
      mend: "set aside rows of both classes: a larger holdout, or another split",
    });
  return rows.map((row) => row.label);
}

async function inputsOf(duck: Duck, parts: Parts): Promise<ColumnSpec[]> {
  const columns = await duck.columns(await rowsAt(duck, parts.on));
  return columns
    .filter((column) => column.name !== parts.target)
    .map((column) => ({ name: column.name, type: columnTypeOf(column.type), required: false }));
}
