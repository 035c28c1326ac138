/**
 * The Python runtime: pickle, joblib and MLflow folders, run by the team's own interpreter in a process of their own
 * (python/worker.py). Answers are class indices or numbers; labels are put on here.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { missingModuleMend } from "../base/python-packages.ts";
import type { TrimtabFlavor } from "../spec/mlmodel.ts";
import { childRuntime, type ModelProcess, within } from "./child-model.ts";
import type { RawPredictions } from "./frames.ts";
import { askJson, LinkClosed } from "./link.ts";
import type { LoadRuntime, Predictions } from "./model.ts";
import { nurseryOf } from "./nursery.ts";
import { columnOfLabels, type Label } from "./predictions.ts";
import { findPython } from "./python/find.ts";

export const loadPython: LoadRuntime = async (folder, manifest, columns, options) => {
  const place = join(folder, manifest.entry);
  if (!existsSync(place)) throw fail("MODEL_INVALID", { what: "the model's file is missing", place });
  const root = options.root ?? folder;
  const python = options.python ?? findPython(options.root);
  const nursery = nurseryOf(python, root);
  let classes: Label[] | undefined;
  const mend = (why: string) => missingModuleMend(why, Bun.which(python) ?? python);
  const start = async (): Promise<ModelProcess> => {
    const started = await nursery.fork({ folder, entry: manifest.entry });
    const about = await load(started, { ...orderOf(folder, manifest, columns), root }, place, mend);
    if (manifest.task === "classification") classes = (about.classes as Label[] | null) ?? undefined;
    return started;
  };
  const interpret = (raw: RawPredictions, rows: number) => labelled(raw, rows, classes);
  const runtime = await childRuntime(start, { columns, place, interpret, release: () => nursery.release() }, options);
  return { ...runtime, ...(classes && { classes }) };
};

/** What the worker must know to load the model and to read batches. */
function orderOf(folder: string, manifest: TrimtabFlavor, columns: readonly string[]): Record<string, unknown> {
  const typeOf = new Map(manifest.inputs.map((input) => [input.name, input.type]));
  const types = columns.map((name) => (manifest.features ? "number" : (typeOf.get(name) ?? "number")));
  return { folder, entry: manifest.entry, task: manifest.task, classes: manifest.classes ?? null, columns, types };
}

async function load(
  started: ModelProcess,
  order: Record<string, unknown>,
  place: string,
  mendOf: (why: string) => string | undefined,
) {
  const late = () => new Error(`it took longer than ${LIMITS.modelLoadMs} ms`);
  try {
    return await within(askJson(started.link, order), LIMITS.modelLoadMs, late);
  } catch (error) {
    const why = error instanceof LinkClosed ? `its process ${await started.obituary()}` : (error as Error).message;
    started.kill();
    const mend = mendOf(why);
    throw fail("MODEL_INVALID", {
      what: `the model cannot be loaded: ${why}`,
      place,
      ...(mend && { mend }),
      cause: error,
    });
  }
}

function labelled({ values, probabilities }: RawPredictions, rows: number, classes: Label[] | undefined): Predictions {
  if (!classes) return { values };
  if (!(values instanceof Float64Array) || values.length !== rows) return { values, classes };
  const labels = columnOfLabels(rows, (row) => values[row]!, classes);
  return { values: labels, classes, ...(probabilities && { probabilities }) };
}
