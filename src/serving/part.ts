/**
 * One supervised process:
 *
 *   starting ── ready ──▶ running ── dies or falls silent ──▶ pausing (0.1 s, 0.2 s, … 10 s) ──▶ starting
 *      └── fails at the first start: the supervisor is told and stops
 *
 * `stop` asks with SIGTERM, waits for the drain, and then insists with SIGKILL.
 */

import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";
import { errorOf, type FromPart, type ToPart } from "./ipc.ts";

export interface PartOptions {
  name: string;
  command: string[];
  cwd?: string;
  env?: Record<string, string | undefined>;
  onMessage(message: FromPart, answer: (message: ToPart) => void): void;
  onDeath(why: string): void;
  silenceMs?: number;
}

export interface Part {
  readonly name: string;
  /** Resolves when it was ready once; rejects when its first start failed. */
  ready: Promise<void>;
  pid(): number | undefined;
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;
/** Alive for so long, the next death counts as the first. */
const HEALTHY_MS = 30_000;
/** Beyond its drain, what a part gets before it is killed. */
const GRACE_MS = 3_000;
/** How often the watchdog looks. */
const LOOK_MS = 1_000;

type Child = Bun.Subprocess<"ignore", "inherit", "inherit">;

export function startPart(options: PartOptions): Part {
  const { silenceMs = LIMITS.silenceMs } = options;
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => undefined);
  let isStopping = false;
  let wasReady = false;
  let deaths = 0;
  let child: Child;
  /**
   * How long a part that beats was silent, in looks of the watchdog: by the clock, all parts would have been silent when the
   * clock jumps, or when they and this process were suspended together.
   */
  let silentMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  const hear = (message: FromPart): void => {
    if (message.type === "ready") {
      wasReady = true;
      first.resolve();
    } else if (message.type === "failed") {
      if (wasReady) log.error("a process cannot start", { part: options.name, error: errorOf(message).oneLine() });
      else first.reject(errorOf(message));
    } else if (message.type === "beat") silentMs = 0;
    options.onMessage(message, (answer) => child.send(answer));
  };

  const start = (): void => {
    const startedMs = Date.now();
    silentMs = undefined;
    child = Bun.spawn(options.command, {
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message) => hear(message as FromPart),
    });
    void child.exited.then(() => ended(startedMs));
  };

  const ended = (startedMs: number): void => {
    if (isStopping) return;
    const why = child.signalCode ? `was killed by ${child.signalCode}` : `ended with exit code ${child.exitCode}`;
    options.onDeath(why);
    if (!wasReady) {
      first.reject(new Error(`${options.name} ${why} before it was ready`));
      return;
    }
    if (Date.now() - startedMs > HEALTHY_MS) deaths = 0;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** deaths++, LAST_PAUSE_MS);
    log.warn("a process died and is started again", { part: options.name, why, pauseMs });
    timer = setTimeout(start, pauseMs);
  };

  const watchdog = setInterval(() => {
    if (silentMs === undefined || isStopping) return;
    silentMs += LOOK_MS;
    if (silentMs < silenceMs) return;
    log.error("a process hangs and is ended", { part: options.name, pid: child.pid });
    silentMs = undefined;
    child.kill("SIGKILL");
  }, LOOK_MS);

  start();
  return {
    name: options.name,
    ready: first.promise,
    pid: () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined),
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      clearInterval(watchdog);
      child.kill("SIGTERM");
      const insist = setTimeout(() => {
        log.error("a process did not end in time and is killed", { part: options.name, pid: child.pid });
        child.kill("SIGKILL");
      }, LIMITS.drainMs + GRACE_MS);
      await child.exited;
      clearTimeout(insist);
    },
  };
}
