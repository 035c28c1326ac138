/**
 * Which interpreters a command uses and in which version. An interpreter is asked once; the answer is remembered by the
 * state of its file, because starting Python takes 60 ms and a run with nothing to do should not take that long.
 */

import { readFileSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { fail } from "../base/errors.ts";
import { findInterpreter, rememberInterpreter } from "../db/steps.ts";
import type { KeyContext, Parts } from "./types.ts";

const INTERPRETER = /^(python(\d+(\.\d+)*)?|bun|node|deno|Rscript|R|julia|ruby|perl|uv)$/;

/** Names of the interpreters among the words of the commands, in order, each once. */
export function interpreterNames(commands: readonly string[]): string[] {
  const words = commands.flatMap((command) => command.split(/[\s'"=;|&<>()`$]+/));
  return [...new Set(words.filter((word) => INTERPRETER.test(basename(word))))];
}

/** `interpreter.<name>`: its version; "not found" when there is none, so that installing one changes the key. */
export async function interpreterParts(commands: readonly string[], path: string, ctx: KeyContext): Promise<Parts> {
  const parts: Parts = {};
  for (const name of interpreterNames(commands)) parts[`interpreter.${name}`] = await once(ctx, name, () => find(name));
  parts["interpreter.sh"] = await once(ctx, "sh", shell);
  return parts;

  async function find(name: string): Promise<string> {
    // Ours comes first on the steps' PATH, by a link that the first run makes after it has planned.
    if (name === "bun") return `Bun ${Bun.version}`;
    const file = Bun.which(name, { PATH: path, cwd: ctx.pipeline.root });
    return file === null ? "not found" : await versionOf(file, path, ctx);
  }
  async function shell(): Promise<string> {
    const file = Bun.which("sh", { PATH: path });
    if (file === null) throw fail("KEY_INCOMPLETE", { what: "there is no sh on the PATH", place: "PATH" });
    return (await ctx.hashPath(realpathSync(file))).digest;
  }
}

/** Found during one run, in which they do not change: by the run's context, then by name. */
const found = new WeakMap<KeyContext, Map<string, Promise<string>>>();

function once(ctx: KeyContext, name: string, find: () => Promise<string>): Promise<string> {
  const known = found.get(ctx) ?? new Map<string, Promise<string>>();
  found.set(ctx, known);
  const version = known.get(name) ?? find();
  known.set(name, version);
  return version;
}

async function versionOf(file: string, path: string, ctx: KeyContext): Promise<string> {
  const real = realpathSync(file);
  if (real === realpathSync(process.execPath)) return `Bun ${Bun.version}`;
  const identity = identityOf(real, ctx.pipeline.root, ctx.env);
  const known = await findInterpreter(ctx.db, identity);
  if (known !== undefined) return known;
  const version = await ask(file, path, ctx);
  if (ctx.mayWrite) await rememberInterpreter(ctx.db, identity, version);
  return version;
}

/** A shim (pyenv, asdf) chooses by files and variables, so those are part of its state. */
function identityOf(real: string, root: string, env: Record<string, string | undefined>): string {
  const { mtimeNs, size } = statSync(real, { bigint: true });
  const identity = [real, mtimeNs, size].join("|");
  if (!real.includes("/shims/")) return identity;
  const choosers = [join(root, ".python-version"), join(root, ".tool-versions"), join(homedir(), ".pyenv/version")];
  return [identity, env.PYENV_VERSION ?? "", ...choosers.map(textOf)].join("|");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

async function ask(file: string, path: string, ctx: KeyContext): Promise<string> {
  const flag = /^python/.test(basename(file)) ? "-VV" : "--version";
  const child = Bun.spawn([file, flag], {
    cwd: ctx.pipeline.root,
    env: { ...definedOf(ctx.env), PATH: path },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const version = (out.trim() || err.trim()).replace(/\s+/g, " ").slice(0, 200);
  if (code === 0 && version !== "") return version;
  throw fail("KEY_INCOMPLETE", {
    what: `${file} ${flag} does not tell a version (exit ${code}): ${version}`,
    place: file,
    mend: "mend that installation, or take it off the PATH",
  });
}

/** The environment without unset names. */
export const definedOf = (env: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
