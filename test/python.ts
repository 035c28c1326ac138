/**
 * Virtual environments for the tests that need Python. `pythonWith("sklearn")` gives the path of a Python that has the
 * packages of test/python/sklearn.txt. An environment is made once, by the first process that asks; its name holds the hash
 * of the requirements and of the Python, so a changed pin makes a new one. TRIMTAB_TEST_VENVS names another folder to keep
 * them in (one for several work trees); TRIMTAB_TEST_PYTHON another Python. Nothing is skipped in silence: without Python or
 * without a package index the answer is undefined and a line on stderr says so, and with CI=true it is an error.
 *
 * Making one takes a minute: call it at the top of a test file (`const python = await pythonWith("sklearn")`), where no
 * time limit of a test applies, and declare the tests with `test.if(python !== undefined)`.
 */

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const HERE = import.meta.dir;
/** Wheels exist for these with the pinned versions. */
const PYTHONS = ["python3.11", "python3.12", "python3.13", "python3"];
const SUPPORTED = /^3\.(11|12|13)\./;

const asked = new Map<string, Promise<string | undefined>>();

/** The Python of the environment with test/python/<name>.txt, or undefined (said loudly) when it cannot be made here. */
export function pythonWith(name: string): Promise<string | undefined> {
  let answer = asked.get(name);
  if (answer === undefined) {
    const folder = process.env.TRIMTAB_TEST_VENVS ?? join(HERE, "..", ".tmp");
    answer = makeVenv(name, join(HERE, "python", `${name}.txt`), folder).catch((error: Error) => refuse(name, error));
    asked.set(name, answer);
  }
  return answer;
}

function refuse(name: string, error: Error): undefined {
  const line = `tests that need Python (${name}) CANNOT RUN: ${error.message}`;
  if (process.env.CI === "true") throw new Error(line);
  process.stderr.write(`\n!!! ${line}\n\n`);
  return undefined;
}

/**
 * Makes `<folder>/venv-<name>-<hash>` unless it is whole already. Rejects with the reason when there is no Python or the
 * packages cannot be installed; then nothing is left behind.
 */
export async function makeVenv(name: string, requirements: string, folder: string): Promise<string> {
  const text = await readFile(requirements, "utf8");
  const base = await findPython();
  const hash = new Bun.CryptoHasher("sha256").update(`${base.version}\n${text}`).digest("hex").slice(0, 12);
  const venv = join(folder, `venv-${name}-${hash}`);
  const python = join(venv, "bin", "python");
  const whole = join(venv, "whole");
  if (existsSync(whole)) return python;
  await mkdir(folder, { recursive: true });
  await locked(`${venv}.lock`, async () => {
    if (existsSync(whole)) return;
    await rm(venv, { recursive: true, force: true });
    try {
      await install(name, base.path, venv, requirements);
      await writeFile(whole, "");
    } catch (error) {
      await rm(venv, { recursive: true, force: true });
      throw error;
    }
  });
  return python;
}

async function findPython(): Promise<{ path: string; version: string }> {
  const wanted = process.env.TRIMTAB_TEST_PYTHON;
  const seen: string[] = [];
  for (const path of wanted ? [wanted] : PYTHONS) {
    if (Bun.which(path) === null) continue;
    const asking = Bun.spawn([path, "-c", "import sys; print(sys.version)"], { stdout: "pipe", stderr: "ignore" });
    const version = (await new Response(asking.stdout).text()).trim();
    if ((await asking.exited) === 0 && SUPPORTED.test(version)) return { path, version };
    seen.push(`${path} is ${version.split(" ")[0] || "broken"}`);
  }
  throw new Error(`no Python 3.11, 3.12 or 3.13 found${seen.length > 0 ? ` (${seen.join(", ")})` : ""}`);
}

async function install(name: string, python: string, venv: string, requirements: string): Promise<void> {
  await tell(name, [python, "-m", "venv", venv]);
  const pip = [join(venv, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"];
  // Files compile when they are first imported: half of a large install is compiling what no test imports.
  await tell(name, [...pip, "--no-compile", "--only-binary", ":all:", "-r", requirements]);
}

/** Runs a command with a line on stderr every few seconds, so that nobody takes a slow index for a hang. */
async function tell(name: string, command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const started = Date.now();
  let last = "";
  const say = () =>
    process.stderr.write(`[python ${name}] ${Math.round((Date.now() - started) / 1000)} s ${last.slice(0, 100)}\n`);
  const ticking = setInterval(say, 5000);
  const read = async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      last = chunk.trim().split("\n").at(-1) ?? last;
    }
  };
  try {
    const [, complaints, exit] = await Promise.all([read(), new Response(child.stderr).text(), child.exited]);
    if (exit !== 0) throw new Error(complaints.trim().split("\n").slice(-3).join(" ") || `${command[0]} gave ${exit}`);
  } finally {
    clearInterval(ticking);
  }
}

/**
 * One process at a time, by SQLite's lock on an empty database: the kernel frees it when its holder dies, however it dies,
 * so there is no stale lock to judge.
 */
async function locked(lock: string, work: () => Promise<void>): Promise<void> {
  const holder = new Database(lock);
  try {
    while (!tryBegin(holder)) await Bun.sleep(250);
    await work();
  } finally {
    holder.close();
  }
}

function tryBegin(holder: Database): boolean {
  try {
    holder.run("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "SQLITE_BUSY") return false;
    throw error;
  }
}
