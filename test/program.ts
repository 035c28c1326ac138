/** Runs the real program as a user does, in folders that are made for a test and removed with it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const REPO = join(import.meta.dir, "..");
const TRIMTAB = join(REPO, "bin", "trimtab");

export interface Ended {
  exit: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  cwd: string;
  env?: Record<string, string>;
}

/** Settings of Trimtab that the tester's own shell holds must not reach the program under test. */
const OUTER = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TRIMTAB_")));

export const environment = (env: Record<string, string> = {}) => ({
  ...OUTER,
  NO_COLOR: "1",
  TRIMTAB_ACTOR: "test",
  ...env,
});

/** Runs a command to its end. */
export async function trimtab(args: string[], { cwd, env }: RunOptions): Promise<Ended> {
  const child = Bun.spawn([TRIMTAB, ...args], {
    cwd,
    env: environment(env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [exit, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exit, stdout, stderr };
}

/** Runs a command with --json and gives what it printed. Throws when it failed. */
export async function trimtabJson<T>(args: string[], options: RunOptions): Promise<T> {
  const ended = await trimtab([...args, "--json"], options);
  if (ended.exit !== 0) throw new Error(`trimtab ${args.join(" ")} ended with ${ended.exit}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as T;
}

export interface Served {
  control: string;
  serving: string;
  pid: number;
  /** Everything it has said so far. */
  talk(): string;
  stop(): Promise<number>;
}

/**
 * Starts `trimtab up` on free ports and waits until a model is ready (or, with `model: false`, until the API answers).
 * `processes: 0`: none that serve, for `--tracking`.
 */
export async function startUp(
  cwd: string,
  options: { env?: Record<string, string>; args?: string[]; model?: boolean; processes?: number } = {},
): Promise<Served> {
  const [control, serving] = [freePort(), freePort()];
  const child = Bun.spawn(
    [
      TRIMTAB,
      "up",
      "--port",
      String(control),
      ...(options.processes === 0
        ? []
        : ["--serve-port", String(serving), "--processes", String(options.processes ?? 2)]),
      ...(options.args ?? []),
    ],
    { cwd, env: environment(options.env), stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  let talk = "";
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) talk += chunk;
  })();
  const urls = { control: `http://127.0.0.1:${control}`, serving: `http://127.0.0.1:${serving}` };
  const isUp = async (url: string) => {
    if (child.exitCode !== null) throw new Error(`trimtab up ended with ${child.exitCode}: ${talk}`);
    return answers(url);
  };
  const waitFor = [`${urls.control}/health`, ...(options.model === false ? [] : [`${urls.serving}/ready`])];
  try {
    for (const url of waitFor)
      await until(
        () => isUp(url),
        60_000,
        () => `${url} does not answer: ${talk}`,
      );
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    ...urls,
    pid: child.pid,
    talk: () => talk,
    async stop() {
      child.kill("SIGTERM");
      const exit = await child.exited;
      await reading;
      return exit;
    },
  };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );

/** Waits until `check` holds; throws with `why` when it does not in time. */
export async function until(
  check: () => Promise<boolean> | boolean,
  timeoutMs: number,
  why: () => string,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > endMs) throw new Error(why());
    await Bun.sleep(20);
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = probe;
  probe.stop(true);
  return port!;
}

/** A folder of its own for a test, and what removes it. */
export function freshFolder(name: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `trimtab-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
