/**
 * One child process with limits. It runs in a process group and session of its own, so that all of it can be ended; its
 * output goes to a capped log; its memory is watched and enforced; its CPU time and peak memory are reported. When the
 * promise settles, nothing that the command started is alive.
 */

import { fail, type TrimtabError } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { showBytes } from "../base/units.ts";
import { preferForOomKiller, processIds, signalProcess } from "./processes.ts";
import { ProcessTree } from "./tree.ts";
import type { StepLog } from "./types.ts";

export interface ExecOptions {
  /** For `sh -c`. */
  command: string;
  /** Whose command it is, for messages: "step train", and where it stands. */
  owner: string;
  place: string;
  cwd: string;
  env: Record<string, string>;
  log: StepLog;
  /** Ends the command; its reason becomes the rejection. */
  signal: AbortSignal;
  memoryBytes?: number;
  /** CPU ids to stay on; empty: any. */
  cpus: number[];
  /** Between TERM and KILL. */
  graceMs: number;
}

export interface ExecResult {
  exitCode: number;
  /** When a signal ended it. */
  signal: string | undefined;
  cpuMs: number;
  memoryBytesPeak: number;
}

/** What a command that was cut short had used by then. */
export class ExecEnded extends Error {
  constructor(
    readonly error: TrimtabError | Error,
    readonly use: { cpuMs: number; memoryBytesPeak: number },
  ) {
    super(error.message);
  }
}

/** Three glances catch short commands; then comes a steady look at all, closer when a limit must be held. */
const GLANCES_MS = [3, 7, 20];
const WATCH_MS = 200;
const WATCH_LIMIT_MS = 30;
/** How long output may still come after the last process has gone. */
const DRAIN_MS = 2000;
const TOKEN_NAME = "TRIMTAB_CHILD";

const groups = new Set<number>();
// The last resort when this process ends in the middle of a run: nothing of ours is left running.
process.on("exit", () => {
  for (const group of groups) signalProcess(-group, "SIGKILL");
});

/** Runs a command; rejects with ExecEnded when it was ended by `signal` or for its memory. */
export async function execute(options: ExecOptions): Promise<ExecResult> {
  options.signal.throwIfAborted();
  const token = randomId();
  const before = processIds();
  // One stream keeps the order of what is printed to stdout and stderr.
  const shell = ["sh", "-c", `exec 2>&1; ${options.command}`];
  const child = Bun.spawn(options.cpus.length > 0 ? ["taskset", "-c", options.cpus.join(","), ...shell] : shell, {
    cwd: options.cwd,
    env: { ...options.env, [TOKEN_NAME]: token },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    detached: true,
  });
  groups.add(child.pid);
  const tree = new ProcessTree(child.pid, `${TOKEN_NAME}=${token}`, before);
  preferForOomKiller(child.pid);
  const draining = drain(child.stdout, options.log);
  const watch = watching(tree, options);
  try {
    const ended = await Promise.race([child.exited.then(() => undefined), watch.ended]);
    watch.stop();
    await tree.end(ended === undefined ? Math.min(options.graceMs, 1000) : options.graceMs);
    await child.exited;
    await draining.finish();
    const use = usage(child, tree);
    if (ended !== undefined) throw new ExecEnded(ended, use);
    return {
      exitCode: child.exitCode ?? 1,
      signal: child.signalCode === null ? undefined : String(child.signalCode),
      ...use,
    };
  } finally {
    watch.stop();
    draining.stop();
    groups.delete(child.pid);
  }
}

interface Drain {
  /** Resolves at the end of the stream, or when it stays open too long after its processes have gone; rejects with what the log threw. */
  finish(): Promise<void>;
  stop(): void;
}

function drain(stream: ReadableStream<Uint8Array>, log: StepLog): Drain {
  const reader = stream.getReader();
  let stopped = false;
  let broken: unknown;
  // A listener that throws must not stop the reading: the command would wait for ever on a full pipe.
  const write = (chunk: Uint8Array) => {
    try {
      log.write(chunk);
    } catch (error) {
      broken ??= error;
    }
  };
  const all = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || stopped) return;
      write(value);
    }
  })().catch(() => undefined);
  const stop = () => {
    stopped = true;
    reader.cancel().catch(() => undefined);
  };
  return {
    async finish() {
      const timer = setTimeout(stop, DRAIN_MS);
      await all;
      clearTimeout(timer);
      if (broken !== undefined) throw broken;
    },
    stop,
  };
}

/** Samples the tree until stopped; `ended` resolves with the reason when the command must be ended. */
function watching(tree: ProcessTree, options: ExecOptions): { ended: Promise<Error>; stop: () => void } {
  const { promise: ended, resolve } = Promise.withResolvers<Error>();
  const limit = options.memoryBytes;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const steadyMs = limit === undefined ? WATCH_MS : WATCH_LIMIT_MS;
  let glances = 0;
  const look = () => {
    const startedMs = performance.now();
    const error = limit === undefined ? void tree.sample() : overMemory(tree, limit, options);
    if (error !== undefined) return resolve(error);
    // On a machine with very many processes a look is dear, and on a busy one it is slow: rest longer, but not for long.
    const restMs = 20 * (performance.now() - startedMs);
    timer = setTimeout(look, Math.min(Math.max(steadyMs, restMs), 8 * steadyMs));
  };
  const glance = () => {
    tree.glance();
    timer = setTimeout(++glances < GLANCES_MS.length ? glance : look, GLANCES_MS[glances] ?? steadyMs);
  };
  timer = setTimeout(glance, GLANCES_MS[0]);
  const onAbort = () => resolve(options.signal.reason as Error);
  options.signal.addEventListener("abort", onAbort, { once: true });
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
    options.signal.removeEventListener("abort", onAbort);
  };
  return { ended, stop };
}

function overMemory(tree: ProcessTree, limitBytes: number, { owner, place }: ExecOptions): TrimtabError | undefined {
  if (tree.sample() <= limitBytes) return undefined;
  // Workers that were forked share most of their pages, and the plain sum counts those many times.
  const exactBytes = tree.exactMemoryBytes();
  if (exactBytes <= limitBytes) return undefined;
  return fail("STEP_MEMORY", {
    what: `${owner} used ${showBytes(exactBytes)}, the limit is ${showBytes(limitBytes)}`,
    place,
    details: { memoryBytes: exactBytes, limitBytes },
  });
}

function usage(child: Bun.Subprocess, tree: ProcessTree): { cpuMs: number; memoryBytesPeak: number } {
  const seen = tree.use();
  const kernel = child.resourceUsage();
  // The kernel's maximum starts from this process's own size at the spawn, so it says something only above that.
  const largest = Number(kernel?.maxRSS ?? 0);
  const isReal = largest > process.memoryUsage.rss() * 1.05;
  return {
    cpuMs: Math.max(seen.cpuMs, Math.round(Number(kernel?.cpuTime.total ?? 0) / 1000)),
    memoryBytesPeak: Math.max(seen.memoryBytesPeak, isReal ? largest : 0),
  };
}
