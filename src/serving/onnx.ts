/**
 * The ONNX runtime. A small graph runs in the serving process: 10-150 µs a batch, less than a hop to another process. Since
 * running blocks the event loop, a graph that takes longer than `INLINE_MS` for a batch of 64 rows, or whose file is large,
 * runs in a process of its own (onnx-child.ts), under the same timeout, restarts and retries as a Python model.
 */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Batch, Column } from "../base/columns.ts";
import { fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { LIMITS } from "../base/limits.ts";
import type { TrimtabFlavor } from "../spec/mlmodel.ts";
import { childRuntime, type ModelProcess, within } from "./child-model.ts";
import type { RawPredictions } from "./frames.ts";
import { askJson, openHub } from "./link.ts";
import type { LoadRuntime, Predictions, Runtime, RuntimeOptions } from "./model.ts";
import { bothProbabilities, columnOfLabels, type Label, labelsOf } from "./predictions.ts";

/** A larger file is not even tried in the serving process: loading it there would double its memory. */
const INLINE_BYTES = 4 << 20;
const INLINE_MS = 2;
const TRIAL_ROWS = 64;

export const loadOnnx: LoadRuntime = async (folder, manifest, columns, options) => {
  const place = join(folder, manifest.entry);
  if (!existsSync(place)) throw fail("MODEL_INVALID", { what: "the model's file is missing", place });
  const classes = manifest.task === "classification" ? (manifest.classes ?? [0, 1]) : undefined;
  const inline = statSync(place).size > INLINE_BYTES ? undefined : await loadInline(place, columns, manifest, classes);
  return inline ?? loadInChild(place, columns, options, classes);
};

/** undefined: too slow to run here. */
async function loadInline(
  place: string,
  columns: string[],
  manifest: TrimtabFlavor,
  classes: Label[] | undefined,
): Promise<Runtime | undefined> {
  const beforeBytes = process.memoryUsage.rss();
  const { openOnnx } = await import("./onnx-session.ts");
  const model = await openOnnx(place, columns, classes?.length).catch((error: unknown) => {
    throw cannotLoad(place, error);
  });
  const trial = trialColumns(columns, manifest);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && bestMs > INLINE_MS; i++) {
    const started = performance.now();
    // Zeros may be no valid input; then the time to the error says as little as anything, and requests tell the rest.
    await model.run(trial, TRIAL_ROWS).catch(() => undefined);
    bestMs = Math.min(bestMs, performance.now() - started);
  }
  if (bestMs > INLINE_MS) {
    await model.close();
    return undefined;
  }
  const memoryBytes = Math.max(process.memoryUsage.rss() - beforeBytes, statSync(place).size);
  return {
    async predict(batch) {
      const raw = await model.run(inOrder(batch, columns), batch.rows).catch((error: unknown) => {
        throw fail("MODEL_FAILED", { what: `the model raised: ${(error as Error).message}`, place, cause: error });
      });
      return interpret(raw, batch.rows, classes);
    },
    memoryBytes: () => memoryBytes,
    close: () => model.close(),
  };
}

const inOrder = (batch: Batch, columns: readonly string[]): Column[] => columns.map((name) => batch.columns[name]!);

function trialColumns(columns: readonly string[], manifest: TrimtabFlavor): Column[] {
  const texts = new Set(manifest.inputs.filter((input) => input.type === "string").map((input) => input.name));
  const isText = (name: string) => manifest.features === undefined && texts.has(name);
  return columns.map((name) => (isText(name) ? new Array<string>(TRIAL_ROWS).fill("") : new Float64Array(TRIAL_ROWS)));
}

async function loadInChild(
  place: string,
  columns: string[],
  options: RuntimeOptions,
  classes: Label[] | undefined,
): Promise<Runtime> {
  const hub = openHub();
  const start = () => startChild(hub, { place, columns, classCount: classes?.length });
  const ours = (raw: RawPredictions, rows: number) => interpret(raw, rows, classes);
  return childRuntime(start, { columns, place, interpret: ours, release: () => hub.close() }, options);
}

const CHILD = join(import.meta.dir, "onnx-child.ts");

async function startChild(
  hub: ReturnType<typeof openHub>,
  order: { place: string; columns: string[]; classCount: number | undefined },
): Promise<ModelProcess> {
  const token = randomId();
  const arriving = hub.expect(token, LIMITS.modelLoadMs);
  arriving.catch(() => undefined);
  const child = Bun.spawn([process.execPath, CHILD, hub.path, token], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  child.unref();
  const gone = child.exited.then((code) => Promise.reject(new Error(`its process ended with ${code}`)));
  gone.catch(() => undefined);
  const obituary = async () => {
    await within(child.exited, 300, () => new Error("late")).catch(() => undefined);
    return child.signalCode ? `was killed by ${child.signalCode}` : `ended with exit code ${child.exitCode}`;
  };
  try {
    const link = await Promise.race([arriving, gone]);
    await Promise.race([askJson(link, order), gone]);
    return { link, pid: child.pid, kill: () => child.kill("SIGKILL"), obituary };
  } catch (error) {
    child.kill("SIGKILL");
    throw cannotLoad(order.place, error);
  }
}

const cannotLoad = (place: string, error: unknown) =>
  fail("MODEL_INVALID", { what: `the model cannot be loaded: ${(error as Error).message}`, place, cause: error });

/** Labels are the graph's own where it gives them (at equal probabilities it may choose otherwise than argmax). */
function interpret(raw: RawPredictions, rows: number, classes: Label[] | undefined): Predictions {
  if (!classes) return { values: raw.values };
  const probabilities =
    raw.probabilities?.length === rows && classes.length === 2
      ? bothProbabilities(raw.probabilities)
      : raw.probabilities;
  const withProbabilities = probabilities && { probabilities };
  if (raw.values.length !== rows) {
    const isWhole = probabilities?.length === rows * classes.length;
    return { values: isWhole ? labelsOf(probabilities, classes) : raw.values, classes, ...withProbabilities };
  }
  const places = new Map(classes.map((label, place) => [typeof label === "string" ? label : Number(label), place]));
  const isText = typeof classes[0] === "string";
  // Numbers for classes that are text are their places.
  const placeOf = (value: string | number | null) =>
    isText && typeof value === "number" ? value : (places.get(value ?? "") ?? -1);
  return { values: columnOfLabels(rows, (row) => placeOf(raw.values[row]!), classes), classes, ...withProbabilities };
}
