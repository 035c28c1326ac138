/** Reading of a pipeline.yaml: text → Pipeline, or all complaints at once. */

import { basename, dirname, resolve } from "node:path";
import { fail, TrimtabError, TrimtabErrors } from "../base/errors.ts";
import { readGiven } from "../base/given.ts";
import { LIMITS } from "../base/limits.ts";
import { keepVariables } from "../base/log.ts";
import { buildPipeline, NAME } from "./build.ts";
import { Complaints } from "./complaints.ts";
import { type Disk, diskAt } from "./disk.ts";
import { applyOverrides, overrideName } from "./env.ts";
import { lint } from "./lint.ts";
import { expandMatrices } from "./matrix.ts";
import { expandParams } from "./params.ts";
import { isMapping, valueAt } from "./path.ts";
import { readShape } from "./schema.ts";
import type { Pipeline } from "./types.ts";
import { show } from "./values.ts";
import { resolveVariables, variablesIn } from "./variables.ts";
import { readYaml } from "./yaml.ts";

type Env = Record<string, string | undefined>;

export interface Overrides {
  /** `--param name=value`: name or step.name → the value as typed. */
  params?: Record<string, string>;
}

export interface ParseOptions {
  /** Name in complaints and in the result. */
  file?: string;
  /** The folder that its paths are relative to. */
  root?: string;
  env?: Env;
  overrides?: Overrides;
  /** Without it nothing is read, and it is not asked whether files exist. */
  disk?: Disk;
}

/** Reads the text of a pipeline. Pure but for `disk`. Throws TrimtabErrors with every complaint, in the order of the file. */
export function parsePipeline(source: string | Uint8Array, options: ParseOptions = {}): Pipeline {
  const { file = "pipeline.yaml", root = ".", env = {}, overrides = {}, disk } = options;
  const { value, lineOf } = readYaml(source, file);
  const complaints = new Complaints(file, lineOf);
  if (!isMapping(value)) {
    complaints.add({
      path: [],
      what: `the file holds ${show(value)}, not a mapping`,
      mend: "write model: and steps: at the top",
    });
    complaints.throwIfAny();
  }
  let document = expandParams(value, complaints, disk);
  document = applyOverrides(document, env, overrides.params ?? {}, complaints);
  document = expandParams(document, complaints, disk);
  document = resolveVariables(document, env, complaints);
  keepVariables(env, variablesIn(document));
  const expanded = expandMatrices(document, complaints);
  refuseManySteps(expanded.document, complaints);
  const pipeline = buildPipeline(readShape(expanded.document, complaints), { file, root }, complaints);
  for (const step of Object.values(pipeline.steps))
    if (expanded.items.has(step.name)) step.item = expanded.items.get(step.name)!;
  lint(pipeline, complaints, disk);
  complaints.throwIfAny();
  return pipeline;
}

/** Throws at once: with so many steps, to look for more would itself take too long. */
function refuseManySteps(document: unknown, complaints: Complaints): void {
  const steps = valueAt(document, ["steps"]);
  const count = isMapping(steps) ? Object.keys(steps).length : 0;
  if (count <= LIMITS.pipelineSteps) return;
  const what = `there are ${count} steps, and the limit is ${LIMITS.pipelineSteps}`;
  complaints.add({ path: ["steps"], what, mend: "split the pipeline", code: "SPEC_TOO_LARGE" });
  complaints.throwIfAny();
}

/**
 * Reads a pipeline's file, with overrides from the environment, and checks that the files it names exist or are made by a
 * step. Throws TrimtabErrors; SPEC_NOT_FOUND when there is no such file.
 */
export async function loadPipeline(file: string, env: Env = process.env, overrides: Overrides = {}): Promise<Pipeline> {
  const path = resolve(file);
  const root = dirname(path);
  return parsePipeline(sourceOf(path, file), { file: basename(path), root, env, overrides, disk: diskAt(root) });
}

/**
 * The name of the pipeline's model, and its folder. Whatever else is wrong with the file, or missing beside it (a variable that an
 * alert names, a script that a step reads), keeps nobody from rolling back. Throws for a file that says no name.
 */
export async function loadModel(file: string, env: Env = process.env): Promise<{ model: string; root: string }> {
  try {
    return await loadPipeline(file, env);
  } catch (error) {
    const path = resolve(file);
    const { value } = readYaml(sourceOf(path, file), basename(path));
    const model = env[overrideName(["model"])] || (isMapping(value) ? value.model : undefined);
    if (typeof model === "string" && NAME.test(model)) return { model, root: dirname(path) };
    throw error;
  }
}

function sourceOf(path: string, file: string): Uint8Array {
  try {
    return readGiven(path, file);
  } catch (error) {
    if (error instanceof TrimtabError) throw new TrimtabErrors([error]);
    const { code: found } = error as NodeJS.ErrnoException;
    const code = found === "ENOENT" || found === "ENOTDIR" ? "SPEC_NOT_FOUND" : "FILE_NOT_READABLE";
    const what = code === "SPEC_NOT_FOUND" ? "does not exist" : `cannot be read (${found})`;
    throw new TrimtabErrors([fail(code, { what, place: file })]);
  }
}
