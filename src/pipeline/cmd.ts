/** Runner of `cmd` steps: shell commands, one after the other, each a child process with limits. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../base/errors.ts";
import type { CmdStep } from "../spec/types.ts";
import { codeFiles } from "./code.ts";
import { paramText, stepPath } from "./env.ts";
import { ExecEnded, execute } from "./exec.ts";
import { interpreterParts } from "./interpreter.ts";
import type { KeyContext, Parts, StepContext, StepOutcome, StepRunner } from "./types.ts";

export const cmdRunner: StepRunner<CmdStep> = { stages: false, keyParts, run };

async function keyParts(step: CmdStep, ctx: KeyContext): Promise<Parts> {
  const { root } = ctx.pipeline;
  const parts: Parts = { command: step.cmd.join("\n") };
  const commands = step.cmd.map((command) => fillParams(command, step));
  for (const file of codeFiles(root, commands)) parts[`code.${file}`] = (await ctx.hashPath(join(root, file))).digest;
  for (const file of lockfiles(root)) parts[`lock.${file}`] = (await ctx.hashPath(join(root, file))).digest;
  return { ...parts, ...(await interpreterParts(commands, stepPath(root, ctx.env), ctx)) };
}

const LOCKFILES = [
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
];

/** Lock files of the root and, inside a Git work tree, of the folders above it; paths relative to the root. */
function lockfiles(root: string): string[] {
  const found: string[] = [];
  let prefix = "";
  for (let folder = root; ; folder = dirname(folder), prefix += "../") {
    found.push(...LOCKFILES.filter((name) => existsSync(join(folder, name))).map((name) => prefix + name));
    if (existsSync(join(folder, ".git"))) return found;
    if (dirname(folder) === folder) return found.filter((name) => !name.startsWith("../"));
  }
}

/** Replaces `${name}` by the parameter's value, quoted for the shell; other `${…}` are the shell's own. */
export function fillParams(command: string, step: CmdStep): string {
  return command.replace(/\$\{([A-Za-z_][\w.]*)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(step.params, name) ? step.params[name] : undefined;
    return value === undefined ? whole : quote(paramText(value));
  });
}

const quote = (text: string): string => (/^[\w./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

async function run(step: CmdStep, ctx: StepContext): Promise<StepOutcome> {
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
        cwd: ctx.pipeline.root,
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
  return { ...used, exitCode: 0 };
}

function exitError(step: CmdStep, ctx: StepContext, result: { exitCode: number; signal: string | undefined }) {
  const how = result.signal === undefined ? `exit code ${result.exitCode}` : `signal ${result.signal}`;
  const outOfMemory = result.signal === "SIGKILL" || result.exitCode === 137;
  const lines = ctx.log.tail().split("\n").slice(-10).join(" | ").trim();
  return fail("STEP_FAILED", {
    what: `the command of step ${step.name} ended with ${how}${lines === "" ? "" : `; its last output: ${lines}`}`,
    place: `${ctx.pipeline.file}:${step.line}`,
    mend: outOfMemory
      ? "something ended it from outside, often the kernel for want of memory; set resources.memory or make it smaller"
      : `read ${ctx.log.path}`,
    details: { step: step.name, exitCode: result.exitCode, signal: result.signal },
  });
}
