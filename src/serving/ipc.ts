/**
 * What a supervised process and its supervisor say to each other, as JSON over Bun's IPC. A process works the same without a
 * supervisor: then nobody is told.
 */

import { asTrimtabError, type ErrorCode, fail, type TrimtabError } from "../base/errors.ts";
import type { MetricsSnapshot } from "./prometheus.ts";

export type FromPart =
  | { type: "ready"; port: number }
  | { type: "failed"; code: ErrorCode; what: string; place: string | undefined; mend: string }
  | { type: "beat"; metrics: MetricsSnapshot }
  | { type: "metrics?"; id: number; own: MetricsSnapshot };
export type ToPart = { type: "metrics"; id: number; total: MetricsSnapshot };

/** How long /metrics waits for the supervisor before it answers with this process's own numbers. */
const METRICS_MS = 1_000;
const BEAT_MS = 1_000;

export interface Told {
  ready(port: number): void;
  /**
   * Starting failed; the supervisor stops everything with this error when it happens at the first start. False when there is
   * no supervisor to say it: then the caller must.
   */
  failed(error: unknown): boolean;
  /** Sends these numbers now and every second; a part that beats is ended when it falls silent. */
  beat(metrics: () => MetricsSnapshot): void;
  /** The numbers of all serving processes; ours when nobody answers. */
  allMetrics(own: MetricsSnapshot): Promise<MetricsSnapshot>;
  /** Resolves with the reason to stop: a signal, or the supervisor is gone. */
  stopping: Promise<string>;
  /** Ends beats and signal handlers. */
  close(): void;
}

/** Connects this process to the supervisor that spawned it, if one did. */
export function connectToSupervisor(): Told {
  const send = (message: FromPart): void => {
    if (process.connected) process.send?.(message);
  };
  const waiting = new Map<number, (total: MetricsSnapshot) => void>();
  const stopping = Promise.withResolvers<string>();
  let nextId = 1;
  let beats: NodeJS.Timeout | undefined;
  const onMessage = (message: unknown): void => {
    const { type, id, total } = message as ToPart;
    if (type === "metrics") waiting.get(id)?.(total);
    waiting.delete(id);
  };
  const onSignal = (signal: string): void => stopping.resolve(signal);
  const onDisconnect = (): void => stopping.resolve("the supervisor is gone");
  process.on("message", onMessage).on("disconnect", onDisconnect);
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  // A terminal that closes says so to the whole group. Whether that is the end is the supervisor's to know, who may be under nohup.
  const onHangup = (): void => undefined;
  if (process.connected) process.on("SIGHUP", onHangup);
  return {
    ready: (port) => send({ type: "ready", port }),
    failed(error) {
      const { code, message, place, mend } = asTrimtabError(error);
      send({ type: "failed", code, what: message, place, mend });
      return process.connected;
    },
    beat(metrics) {
      const tell = () => send({ type: "beat", metrics: metrics() });
      tell();
      beats = setInterval(tell, BEAT_MS);
      beats.unref();
    },
    async allMetrics(own) {
      if (!process.connected) return own;
      const id = nextId++;
      const answer = new Promise<MetricsSnapshot>((resolve) => waiting.set(id, resolve));
      send({ type: "metrics?", id, own });
      return Promise.race([answer, Bun.sleep(METRICS_MS).then(() => own)]);
    },
    stopping: stopping.promise,
    close() {
      clearInterval(beats);
      process.off("message", onMessage).off("disconnect", onDisconnect);
      process.off("SIGTERM", onSignal).off("SIGINT", onSignal).off("SIGHUP", onHangup);
    },
  };
}

/** The error that a part sent. */
export const errorOf = (message: Extract<FromPart, { type: "failed" }>): TrimtabError =>
  fail(message.code, {
    what: message.what,
    mend: message.mend,
    ...(message.place !== undefined && { place: message.place }),
  });
