/**
 * The JavaScript runtime: a module of the version's folder, run in the serving process. It exports
 *
 *   predict(columns: Record<string, Float64Array | (string | null)[]>, rows: number)
 *     → Float64Array: a value a row (regression), P(class 1) a row (two classes), or rows × classes, row-major
 *     → { values, probabilities }: labels chosen by the model itself
 *   load?(folder: string) → anything; an object with its own `predict` takes the module's place
 *
 * and may answer with a promise. Other typed arrays and plain lists of numbers are taken too. It must not change the columns it is given. It shares the process: an endless loop is
 * ended by the supervisor's watchdog, not by a timeout.
 */

import { heapStats } from "bun:jsc";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Batch, Column } from "../base/columns.ts";
import { fail, TrimtabError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { TrimtabFlavor } from "../spec/mlmodel.ts";
import { within } from "./child-model.ts";
import type { LoadRuntime, Predictions } from "./model.ts";
import { bothProbabilities, type Label, labelsOf } from "./predictions.ts";

type Predict = (columns: Record<string, Column>, rows: number) => unknown;
interface ModelModule {
  predict?: Predict;
  load?: (folder: string) => unknown;
}

export const loadJavascript: LoadRuntime = async (folder, manifest) => {
  const place = join(folder, manifest.entry);
  if (!existsSync(place)) throw fail("MODEL_INVALID", { what: "the model's file is missing", place });
  const before = heapBytes();
  const predict = await importPredict(place, folder);
  const grownBytes = Math.max(heapBytes() - before, Bun.file(place).size);
  const classes = manifest.task === "classification" ? (manifest.classes ?? [0, 1]) : undefined;
  return {
    async predict(batch) {
      return interpret(await run(predict, batch, place), batch.rows, manifest, classes);
    },
    memoryBytes: () => grownBytes,
    close: async () => {},
  };
};

const heapBytes = (): number => {
  const stats = heapStats();
  return stats.heapSize + stats.extraMemorySize;
};

async function importPredict(place: string, folder: string): Promise<Predict> {
  try {
    const loading = async () => {
      const module = (await import(pathToFileURL(place).href)) as ModelModule;
      return { module, loaded: (await module.load?.(folder)) as ModelModule | undefined };
    };
    const { module, loaded } = await within(loading(), LIMITS.modelLoadMs, () => late(LIMITS.modelLoadMs, place));
    const predict = loaded?.predict?.bind(loaded) ?? module.predict;
    if (typeof predict !== "function") throw new Error("it exports no function called predict");
    return predict;
  } catch (error) {
    if (error instanceof TrimtabError) throw error;
    throw fail("MODEL_INVALID", { what: `the model cannot be loaded: ${messageOf(error)}`, place, cause: error });
  }
}

async function run(predict: Predict, batch: Batch, place: string): Promise<unknown> {
  try {
    const answer = predict(batch.columns, batch.rows);
    // A timer for each batch would cost more than many models do: only an answer that is promised is timed.
    return answer instanceof Promise
      ? await within(answer, LIMITS.predictMs, () => late(LIMITS.predictMs, place))
      : answer;
  } catch (error) {
    if (error instanceof TrimtabError) throw error;
    throw fail("MODEL_FAILED", { what: `the model raised: ${messageOf(error)}`, place, cause: error });
  }
}

const late = (afterMs: number, place: string): Error =>
  fail("MODEL_TIMEOUT", {
    what: `the model has not answered after ${afterMs / 1000} s`,
    place,
    mend: "look for a promise that nobody keeps",
  });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function interpret(answer: unknown, rows: number, manifest: TrimtabFlavor, classes: Label[] | undefined): Predictions {
  const numbers = toNumbers(answer);
  if (numbers === undefined) return ownLabels(answer, classes);
  if (manifest.task === "regression" || classes === undefined) return { values: numbers };
  const positiveOnly = classes.length === 2 && numbers.length === rows;
  const probabilities = positiveOnly ? bothProbabilities(numbers) : numbers;
  if (probabilities.length !== rows * classes.length)
    throw fail("MODEL_FAILED", {
      what: `the model answered ${numbers.length} numbers for ${rows} rows of ${classes.length} classes`,
    });
  return { values: labelsOf(probabilities, classes), classes, probabilities };
}

/** `{ values, probabilities? }`: the labels, or the numbers of a regression, that the model chose itself. */
function ownLabels(answer: unknown, classes: Label[] | undefined): Predictions {
  const { values, probabilities } = (answer ?? {}) as { values?: unknown; probabilities?: unknown };
  const column = toNumbers(values) ?? (Array.isArray(values) ? (values as (string | null)[]) : undefined);
  if (column === undefined) throw fail("MODEL_FAILED", { what: "the model answered neither numbers nor { values }" });
  checkLabels(column, classes);
  const shares = toNumbers(probabilities);
  return { values: column, ...(classes && { classes }), ...(classes && shares && { probabilities: shares }) };
}

/** Throws MODEL_FAILED when a value is none of the classes, or no number where there are none. */
function checkLabels(column: Column, classes: Label[] | undefined): void {
  if (classes === undefined) {
    if (!(column instanceof Float64Array))
      throw fail("MODEL_FAILED", { what: "the model answered text, and its task is a regression" });
    return;
  }
  const known = new Set<unknown>(classes.map((label) => (typeof label === "string" ? label : Number(label))));
  const strange = column.findIndex((value: unknown) => !known.has(value));
  if (strange >= 0)
    throw fail("MODEL_FAILED", { what: `the model answered ${column[strange]}, which is none of its classes` });
}

/** Numbers of any typed array or list, true and false as 1 and 0; undefined for everything else. */
function toNumbers(values: unknown): Float64Array | undefined {
  if (values instanceof Float64Array) return values;
  if (ArrayBuffer.isView(values) && !(values instanceof DataView))
    return Float64Array.from(values as Float32Array, Number);
  const isNumbers =
    Array.isArray(values) && values.every((value) => typeof value === "number" || typeof value === "boolean");
  return isNumbers ? Float64Array.from(values, Number) : undefined;
}
