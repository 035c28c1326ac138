/** Runner of `cmd` steps: shell commands, one after the other, each a child process with limits. */

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../base/errors.ts";
import { readGiven } from "../base/given.ts";
import { maskCredentials } from "../base/log.ts";
import { plain } from "../base/plain.ts";
import { paramNamed } from "../spec/interpolate.ts";
import type { CmdStep } from "../spec/types.ts";
import { codeFiles } from "./code.ts";
import { paramText, stepPath } from "./env.ts";
import { ExecEnded, execute } from "./exec.ts";
import { interpreterParts } from "./interpreter.ts";
import { mendOf } from "./last-words.ts";
import { mirror } from "./mirror.ts";
import type { KeyContext, Parts, StepContext, StepOutcome, StepRunner } from "./types.ts";

export const cmdRunner: StepRunner<CmdStep> = { stages: false, keyParts, run };

async function keyParts(step: CmdStep, ctx: KeyContext): Promise<Parts> {
  const { root } = ctx.pipeline;
  const parts: Parts = { command: maskCredentials(step.cmd.join("\n")) };
  const commands = step.cmd.map((command) => fillParams(command, step));
  for (const file of codeFiles(root, commands, step.wdir))
    parts[`code.${file}`] = (await ctx.hashPath(join(root, file))).digest;
  for (const file of lockfiles(root)) parts[`lock.${file}`] = (await ctx.hashPath(join(root, file))).digest;
  return { ...parts, ...(await interpreterParts(commands, stepPath(root, ctx.env), ctx)) };
}

const LOCKFILES = new Set([
  "requirements.txt",
  "requirements.lock",
  "uv.lock",
  "poetry.lock",
  "pdm.lock",
  "Pipfile.lock",
  "conda-lock.yml",
  "environment.yml",
  "package-lock.json",
  "bun.lock",
  "bun.lockb",
  "yarn.lock",
  "pnpm-lock.yaml",
  "renv.lock",
  "Manifest.toml",
]);

/** Lock files of the root and, inside a Git work tree, of the folders above it; paths relative to the root. */
function lockfiles(root: string): string[] {
  return foldersUpToGit(root).flatMap((folder, level) =>
    readdirSync(folder)
      .filter((name) => LOCKFILES.has(name))
      .map((name) => "../".repeat(level) + name),
  );
}

function foldersUpToGit(root: string): string[] {
  const folders = [root];
  for (let folder = root; !existsSync(join(folder, ".git")); folders.push(folder)) {
    if (dirname(folder) === folder) return [root];
    folder = dirname(folder);
  }
  return folders;
}

/** Replaces `${name}` by the parameter's value, quoted for the shell; `\${name}` and other forms are the shell's own. */
export function fillParams(command: string, step: CmdStep): string {
  return command.replace(/(\\?)\$\{([A-Za-z_][A-Za-z0-9_.]*)\}/g, (whole, backslash: string, name: string) => {
    if (backslash !== "") return whole.slice(1);
    const value = paramNamed(step.params, name);
    return value === undefined ? whole : quote(paramText(value));
  });
}

const quote = (text: string): string => (/^[\w./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

async function run(step: CmdStep, ctx: StepContext): Promise<StepOutcome> {
  const { tree } = step.combination ?? {};
  if (tree === undefined) return runCommands(step, ctx);
  const unlink = await mirror(ctx.pipeline.root, tree, step.outs, step.wdir);
  try {
    return await runCommands(step, ctx);
  } finally {
    await unlink();
  }
}

async function runCommands(step: CmdStep, ctx: StepContext): Promise<StepOutcome> {
  const used = { cpuMs: 0, memoryBytesPeak: 0 };
  const add = (use: { cpuMs: number; memoryBytesPeak: number }) => {
    used.cpuMs += use.cpuMs;
    used.memoryBytesPeak = Math.max(used.memoryBytesPeak, use.memoryBytesPeak);
  };
  for (const command of step.cmd) {
    const { memoryBytes } = step.resources;
    try {
      const result = await execute({
        command: fillParams(command, step),
        owner: `step ${step.name}`,
        place: `${ctx.pipeline.file}:${step.line}`,
        cwd: ctx.path(step.combination?.tree ?? "."),
        env: ctx.env,
        log: ctx.log,
        signal: ctx.signal,
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        cpus: ctx.cpus,
        graceMs: ctx.graceMs,
      });
      add(result);
      if (result.exitCode !== 0) throw new ExecEnded(exitError(step, ctx, result), used);
    } catch (error) {
      if (!(error instanceof ExecEnded)) throw error;
      if (error.use !== used) add(error.use);
      throw new ExecEnded(error.error, used);
    }
  }
  const metrics = readMetrics(step, ctx);
  return { ...used, exitCode: 0, metrics, result: step.metricFiles.length > 0 ? { metrics } : {} };
}

/** Numbers in the step's metric files (JSON or YAML), names joined by dots; a file alone may hold `accuracy: 0.8`. */
function readMetrics(step: CmdStep, ctx: StepContext): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const file of step.metricFiles) {
    // What is missing is an output that is missing, and is reported as such.
    if (!existsSync(ctx.out(file))) continue;
    try {
      addNumbers(metrics, "", Bun.YAML.parse(readGiven(ctx.out(file), file).toString()));
    } catch (error) {
      throw fail("STEP_FAILED", {
        what: `step ${step.name} wrote metrics that are neither JSON nor YAML: ${(error as Error).message}`,
        place: file,
        mend: "write one JSON object of names and numbers",
      });
    }
  }
  return metrics;
}

function addNumbers(metrics: Record<string, number>, name: string, value: unknown): void {
  if (typeof value === "number" && Number.isFinite(value)) metrics[name] = value;
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) addNumbers(metrics, name === "" ? key : `${name}.${key}`, inner);
}

/** How much of a failed command's output its error quotes. */
const TAIL_LINES = 10;
const TAIL_CHARS = 600;

function exitError(step: CmdStep, ctx: StepContext, result: { exitCode: number; signal: string | undefined }) {
  const how = result.signal === undefined ? `exit code ${result.exitCode}` : `signal ${result.signal}`;
  const outOfMemory = result.signal === "SIGKILL" || result.exitCode === 137;
  const output = plain(ctx.log.tail());
  const { root } = ctx.pipeline;
  const known = mendOf(output, step.cmd, { path: ctx.env.PATH ?? "", cwd: root });
  const lines = output.split("\n").slice(-TAIL_LINES).join(" | ").trim().slice(-TAIL_CHARS);
  return fail("STEP_FAILED", {
    what: `the command of step ${step.name} ended with ${how}${lines === "" ? "" : `; its last output: ${lines}`}`,
    place: `${ctx.pipeline.file}:${step.line}`,
    mend: outOfMemory
      ? "something ended it from outside, often the kernel for want of memory; set resources.memory or make it smaller"
      : (known ?? `read ${ctx.log.path}`),
    details: { step: step.name, exitCode: result.exitCode, signal: result.signal },
  });
}
