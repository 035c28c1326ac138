/**
 * The parent of everything that `up` and `serve` start: one control process (for `up`) and N serving processes that share a
 * port (none for `up --tracking`). It does no work of its own, so there is little in it to fail: it starts, hears, restarts,
 * sums the metrics, stops. When it dies, its children notice and drain.
 */

import { listening } from "../base/listen.ts";
import { type Part, startPart } from "./part.ts";
import { createMetrics, type MetricsSnapshot, sumSnapshots } from "./prometheus.ts";

export interface SupervisorOptions {
  /** Serving processes; `command` gets the port that all of them listen on. Absent for `up --tracking`. */
  serving?: { count: number; port: number; host: string; command(port: number): string[] };
  /** Absent for `serve`. */
  control?: { command: string[] };
  cwd?: string;
  env?: Record<string, string | undefined>;
  /** How long a part may be silent before it is taken for hanging; default LIMITS.silenceMs. */
  silenceMs?: number;
}

export interface Supervisor {
  /** The port of the serving processes, where there are any. */
  port: number | undefined;
  /** The port of the control process, once it is ready. */
  controlPort(): number | undefined;
  /** Resolves when every part is ready; rejects, with everything stopped, when one failed at its first start. */
  ready: Promise<void>;
  parts(): { name: string; pid: number | undefined }[];
  /** Drains and stops every part. */
  stop(): Promise<void>;
}

const CONTROL = "control";

/** Starts the parts. Throws PORT_TAKEN or PORT_REFUSED before anything is started. */
export function supervise(options: SupervisorOptions): Supervisor {
  const { serving, control } = options;
  const port = serving && reservePort(serving.host, serving.port);
  const metrics = createMetrics();
  const restarts = metrics.metric(
    "trimtab_process_restarts_total",
    "counter",
    "Processes started again after they died.",
  );
  /** Last numbers of each part, and of all that died, so that counters never fall. */
  const latest = new Map<string, MetricsSnapshot>();
  let departed: MetricsSnapshot = {};
  let controlPort: number | undefined;

  const part = (name: string, command: string[]): Part =>
    startPart({
      name,
      command,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env && { env: options.env }),
      ...(options.silenceMs !== undefined && { silenceMs: options.silenceMs }),
      onMessage(message, answer) {
        if (message.type === "ready" && name === CONTROL) controlPort = message.port;
        if (message.type === "beat") latest.set(name, message.metrics);
        if (message.type !== "metrics?") return;
        latest.set(name, message.own);
        answer({
          type: "metrics",
          id: message.id,
          total: sumSnapshots([...latest.values(), departed, metrics.snapshot()]),
        });
      },
      onDeath() {
        restarts.add(`part="${name}"`, 1);
        departed = sumSnapshots([departed, lasting(latest.get(name) ?? {})]);
        latest.delete(name);
      },
    });

  const parts: Part[] = [];
  if (serving && port !== undefined)
    for (let i = 0; i < serving.count; i++) parts.push(part(`serving-${i}`, serving.command(port)));
  if (control) parts.push(part(CONTROL, control.command));
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= Promise.all(parts.map((one) => one.stop())).then(() => undefined);
    return stopped;
  };
  const ready = Promise.all(parts.map((one) => one.ready)).then(
    () => undefined,
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  return {
    port,
    controlPort: () => controlPort,
    ready,
    parts: () => parts.map(({ name, pid }) => ({ name, pid: pid() })),
    stop,
  };
}

/** A gauge of a process that is gone is nobody's. */
const lasting = (snapshot: MetricsSnapshot): MetricsSnapshot =>
  Object.fromEntries(Object.entries(snapshot).filter(([, metric]) => metric.kind !== "gauge"));

/**
 * The port that the serving processes will share. They listen with SO_REUSEPORT, under which a second Trimtab would silently
 * take half of the first one's requests: so it is tried without it first.
 */
function reservePort(hostname: string, port: number): number {
  const listener = listening(hostname, port, () => Bun.listen({ hostname, port, socket: { data() {} } }));
  const free = listener.port;
  listener.stop(true);
  return free;
}
