/** The environment and the PATH that steps run with. */

import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { swapLink } from "../base/files.ts";
import { workspaceAt } from "../base/workspace.ts";
import type { ParamValue, Pipeline, Step } from "../spec/types.ts";
import { definedOf } from "./interpreter.ts";

type Env = Record<string, string | undefined>;

const binFolder = (root: string): string => join(workspaceAt(root, {}).state, "bin");

/**
 * The root's virtual environment first when there is one, then a folder in which `bun` is the Bun that runs us, so that
 * trainers in TypeScript need nothing else. The Bun's own folder serves when it is named so already.
 */
export function stepPath(root: string, env: Env): string {
  const venv = join(root, ".venv", "bin");
  const own = process.execPath.endsWith("/bun") ? dirname(process.execPath) : binFolder(root);
  return [...(existsSync(venv) ? [venv] : []), own, env.PATH ?? "/usr/local/bin:/usr/bin:/bin"].join(":");
}

/** Makes the link that `stepPath` promises. npm names the file bun.exe on every system. */
export async function linkBun(root: string): Promise<void> {
  if (process.execPath.endsWith("/bun")) return;
  const link = join(binFolder(root), "bun");
  try {
    if (readlinkSync(link) === process.execPath) return;
  } catch {
    // Not there yet.
  }
  await swapLink(link, process.execPath);
}

/** A parameter as a step sees it in its environment: text as it is, anything else as JSON. */
export const paramText = (value: ParamValue): string => (typeof value === "string" ? value : JSON.stringify(value));

const variableName = (param: string): string => `TRIMTAB_PARAM_${param.replace(/[^A-Za-z0-9]/g, "_").toUpperCase()}`;

/** Numeric libraries start a thread per core unless told, also when the step may use only some. */
const THREAD_VARIABLES = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"];

/**
 * Folders in deps stay as they are: Python writes no bytecode beside the sources. Where the packages were compiled when they
 * were installed (pip does, uv does not) it writes none at all; else it goes to a folder of ours. That one alone would do, but
 * with it Python does not look beside the sources: scikit-learn cost 3 s of processor time in each workspace's first run,
 * and in every run where writing is switched off, as in many images.
 */
function bytecodeEnv(root: string, env: Env): Record<string, string> {
  if (env.PYTHONDONTWRITEBYTECODE) return {};
  return packagesAreCompiled(join(root, ".venv", "lib"))
    ? { PYTHONDONTWRITEBYTECODE: "1" }
    : { PYTHONPYCACHEPREFIX: join(workspaceAt(root, {}).tmp, "pycache") };
}

/** Whether every package of a virtual environment has its bytecode beside it. */
function packagesAreCompiled(lib: string): boolean {
  if (!existsSync(lib)) return false;
  const packages = readdirSync(lib).flatMap((python) => {
    const site = join(lib, python, "site-packages");
    return existsSync(site) ? readdirSync(site).map((name) => join(site, name)) : [];
  });
  const whole = packages.filter((path) => existsSync(join(path, "__init__.py")));
  return whole.length > 0 && whole.every((path) => existsSync(join(path, "__pycache__")));
}

/** The whole environment of a step's processes. */
export function stepEnv(
  pipeline: Pipeline,
  step: Step,
  given: Env,
  run: { runId: string; env: Record<string, string> },
): Record<string, string> {
  const env = definedOf(given);
  const { cpus } = step.resources;
  if (cpus !== undefined) for (const name of THREAD_VARIABLES) env[name] ??= String(Math.max(1, Math.floor(cpus)));
  for (const [name, value] of Object.entries(step.params)) env[variableName(name)] = paramText(value);
  return {
    ...bytecodeEnv(pipeline.root, given),
    PYTHONUNBUFFERED: "1",
    ...env,
    ...run.env,
    PATH: stepPath(pipeline.root, given),
    TRIMTAB_RUN_ID: run.runId,
    TRIMTAB_STEP: step.name,
    TRIMTAB_PIPELINE: pipeline.model,
  };
}
