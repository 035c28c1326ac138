/**
 * Measures a version on holdout rows through the very runtime that will serve it: quality by the step's metrics, and what
 * serving it costs (latency of single rows, memory, size). Champion and candidate go through this same function.
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Batch, type Column, isNumeric } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import { type Duck, type DuckColumn, ident, presentSql } from "../data/duckdb.ts";
import { compileFeatures } from "../data/features/compile.ts";
import { asFitted } from "../data/features/fitted.ts";
import { FeatureHistory } from "../data/features/history.ts";
import { type LoadedModel, loadVersion, type Predictions, type RuntimeOptions } from "../serving/runtime.ts";
import { mendName } from "../spec/nearest.ts";
import type { MetricName } from "../spec/types.ts";
import {
  type ClassificationMetric,
  classificationMetrics,
  type RegressionMetric,
  regressionMetrics,
} from "../stats/metrics.ts";
import { underGuard } from "./loop-guard.ts";
import { rowsAt } from "./sources.ts";

export interface Evaluation {
  rows: number;
  metrics: Record<string, number>;
}

/** How many single-row requests the latency is taken from, after as many to warm up. */
const LATENCY_SAMPLES = 200;

/** What every loader of versions passes, so that all compute features the same way. */
export const runtimeOptions = (root: string): RuntimeOptions => ({ root, features: compileFeatures });

/** Windows begin where training ended, and each holdout row is observed after it was answered, as it would be in life. */
const replayOptions = (root: string): RuntimeOptions => ({
  root,
  features: (fitted) =>
    compileFeatures(fitted, { history: new FeatureHistory(asFitted(fitted), "training"), replay: true }),
});

export interface EvaluateOptions {
  folder: string;
  root: string;
  /** The file with the holdout rows; absolute. */
  on: string;
  target: string;
  metrics: readonly MetricName[];
}

/** Loads the folder, answers every row of `on`, and closes it again. */
export const evaluateVersion = (duck: Duck, options: EvaluateOptions): Promise<Evaluation> =>
  underGuard(options.folder, () => measure(duck, options));

async function measure(duck: Duck, options: EvaluateOptions): Promise<Evaluation> {
  const model = await loadVersion(options.folder, replayOptions(options.root));
  try {
    const collected = await answerAll(duck, model, options);
    const quality =
      model.manifest.task === "classification"
        ? classificationMetrics(options.metrics as ClassificationMetric[], {
            truth: Int32Array.from(collected.truth),
            predicted: Int32Array.from(collected.predicted),
            probabilities: Float64Array.from(collected.probabilities),
            classCount: model.manifest.classes?.length ?? 2,
          })
        : regressionMetrics(options.metrics as RegressionMetric[], {
            truth: Float64Array.from(collected.truth),
            predicted: Float64Array.from(collected.predicted),
          });
    const latency = await measureLatency(model, collected.first);
    return {
      rows: collected.truth.length,
      metrics: {
        ...quality,
        ...latency,
        memory_bytes: model.memoryBytes(),
        model_bytes: await folderBytes(options.folder),
      },
    };
  } finally {
    await model.close();
  }
}

interface Collected {
  truth: number[];
  predicted: number[];
  probabilities: number[];
  first: Batch | undefined;
}

async function answerAll(duck: Duck, model: LoadedModel, options: { on: string; target: string }): Promise<Collected> {
  const collected: Collected = { truth: [], predicted: [], probabilities: [], first: undefined };
  const rows = await rowsAt(duck, options.on);
  const columns = await duck.columns(rows);
  const names = namesRead(columns, model, options.target);
  // The engine's names know no case, the batches' do.
  const target = columns.find(({ name }) => name === options.target);
  if (!target)
    throw fail("DATA_COLUMN", {
      what: `there is no column ${options.target} with the truth`,
      place: options.on,
      mend: mendName(
        options.target,
        columns.map(({ name }) => name),
        "columns",
      ),
    });
  const sql = `SELECT ${names.map(ident).join(", ")} FROM (${rows}) WHERE ${presentSql(target)}`;
  for await (const batch of duck.batches(sql, 16_384)) {
    // The target stays among the columns: a window may look back on it. No model input bears its name.
    collected.first ??= batch;
    add(collected, batch.columns[options.target]!, await model.predict(batch), model);
  }
  if (collected.truth.length === 0)
    throw fail("DATA_UNREADABLE", { what: "there are no rows to evaluate on", place: options.on });
  return collected;
}

/** Inputs and target, and for windows whatever else the holdout has: they observe what a request does not bring. */
function namesRead(columns: readonly DuckColumn[], model: LoadedModel, target: string): string[] {
  if (model.manifest.features === undefined) return [...model.manifest.inputs.map((input) => input.name), target];
  return columns.map((column) => column.name);
}

function add(collected: Collected, truth: Column, predictions: Predictions, model: LoadedModel): void {
  const indexOf = indexer(predictions.classes ?? model.manifest.classes);
  const { probabilities = new Float64Array() } = predictions;
  const width = probabilities.length / truth.length;
  for (let row = 0; row < truth.length; row++) {
    collected.truth.push(indexOf(truth[row]!));
    // Serving refuses such an answer, whatever the label beside it: nobody gets one, so it is not right.
    const isAnswered = probabilities.subarray(row * width, (row + 1) * width).every(Number.isFinite);
    collected.predicted.push(isAnswered ? indexOf(predictions.values[row]!) : -1);
  }
  for (const p of probabilities) collected.probabilities.push(p);
}

/** A label's place among the classes (a value the model cannot say is -1); numbers as they are when there are none. */
function indexer(classes: readonly (string | number | boolean)[] | undefined): (value: string | number) => number {
  if (!classes) return Number;
  const places = new Map(classes.map((label, i) => [typeof label === "string" ? label : Number(label), i]));
  return (value) => places.get(value) ?? -1;
}

/** p50 and p99 of answering one row, in milliseconds. */
async function measureLatency(model: LoadedModel, first: Batch | undefined) {
  if (!first) return {};
  const times: number[] = [];
  for (let i = 0; i < 2 * LATENCY_SAMPLES; i++) {
    const row = singleRow(first, i % first.rows);
    const started = performance.now();
    await model.predict(row);
    if (i >= LATENCY_SAMPLES) times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return { latency_ms_p50: at(0.5), latency_ms_p99: at(0.99) };
}

const singleRow = (batch: Batch, row: number): Batch => ({
  rows: 1,
  columns: Object.fromEntries(
    Object.entries(batch.columns).map(([name, column]) => [
      name,
      isNumeric(column) ? column.subarray(row, row + 1) : column.slice(row, row + 1),
    ]),
  ),
});

async function folderBytes(folder: string): Promise<number> {
  let sizeBytes = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const entry = await stat(join(folder, name));
    if (entry.isFile()) sizeBytes += entry.size;
  }
  return sizeBytes;
}
