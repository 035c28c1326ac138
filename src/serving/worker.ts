/**
 * A serving process: HTTP, the models that the deployment folder names, and what it captures. It reads files only; no
 * database, no control process. Several share one port (SO_REUSEPORT) under the supervisor, which it tells over IPC that it
 * listens and, every second, its numbers; without a supervisor it works just the same.
 */

import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import { listening, whenBroken } from "../base/listen.ts";
import { createApp } from "./app.ts";
import { openCapture } from "./capture.ts";
import { createMeters, labelsOfVersion, type Meters } from "./meters.ts";
import type { RuntimeOptions } from "./model.ts";
import { formatMetrics, type MetricsSnapshot } from "./prometheus.ts";
import { loadProven } from "./prove.ts";
import { createServed, type Served } from "./served.ts";
import { watchDeployments } from "./watch.ts";

export interface ServingOptions extends Omit<RuntimeOptions, "onRestart"> {
  deployDir: string;
  predictionsDir: string;
  /** 0: any free one. */
  port: number;
  host?: string;
  /** Share the port with other serving processes. */
  reusePort?: boolean;
  clock?: Clock;
  bodyBytesMax?: number;
  keepWarmMs?: number;
  /** Numbers of every serving process, for /metrics; undefined: only this one's. */
  allMetrics?: (own: MetricsSnapshot) => Promise<MetricsSnapshot>;
  onActive?: (model: string, deploymentId: string) => void;
  onFailed?: (model: string, deploymentId: string, message: string) => void;
}

export interface Serving {
  port: number;
  served: Served;
  metrics(): MetricsSnapshot;
  /** Resolves when everything that is deployed was loaded or refused. */
  loaded: Promise<void>;
  /** Stops accepting, finishes what is under way (at most LIMITS.drainMs), writes what was captured, ends model processes. */
  drain(): Promise<void>;
}

/** Larger than any body we take: the app's own bound answers in JSON and reads no further. */
const NO_BOUND_BYTES = 2 ** 40;

/**
 * Starts serving in this process. It listens when what is deployed is loaded (or refused): a process that comes back beside
 * others would else take its share of their requests and answer 503. What loads longer than LIMITS.listenAfterMs is not
 * waited for, so that /health answers; /ready says 503 meanwhile. Throws PORT_TAKEN, PORT_REFUSED.
 */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const clock = options.clock ?? systemClock;
  const meters = createMeters();
  const served = createServed(servedOptions(options, meters, clock));
  let draining = false;
  const notReady = () =>
    draining ? "the process is shutting down" : served.names().length === 0 ? "no model is loaded yet" : undefined;
  const snapshot = () => {
    for (const { labels, batcher } of served.variants()) meters.queueRows.set(labels, batcher.waitingRows());
    return meters.snapshot();
  };
  const follow = watchDeployments({
    deployDir: options.deployDir,
    served,
    ...(options.onActive && { onActive: options.onActive }),
    onFailed(model, id, message) {
      meters.deployFailed.add(`model="${model}"`, 1);
      options.onFailed?.(model, id, message);
    },
  });
  const loaded = follow.look();
  await Promise.race([loaded, Bun.sleep(LIMITS.listenAfterMs)]);
  const metricsText = async () => formatMetrics((await options.allMetrics?.(snapshot())) ?? snapshot());
  const { bodyBytesMax = LIMITS.predictBodyBytes } = options;
  const failures = () => follow.failures();
  const app = createApp({ served, meters, clock, notReady, failures, metricsText, bodyBytesMax });
  const server = await listen(options, app).catch(async (error: unknown) => {
    await follow.close();
    await served.close();
    throw error;
  });
  return {
    port: server.port ?? options.port,
    served,
    metrics: snapshot,
    loaded,
    async drain() {
      draining = true;
      await Promise.race([Promise.all([follow.close(), server.stop()]), Bun.sleep(LIMITS.drainMs)]);
      await server.stop(true);
      await served.close();
    },
  };
}

function servedOptions(options: ServingOptions, meters: Meters, clock: Clock) {
  return {
    load: (folder: string, about: Parameters<typeof labelsOfVersion>[0]) =>
      loadProven(folder, { ...options, onRestart: () => meters.restarts.add(labelsOfVersion(about), 1) }),
    openCapture: (model: string) =>
      openCapture(join(options.predictionsDir, model), clock, (lines) =>
        meters.captureDropped.add(`model="${model}"`, lines),
      ),
    labels: labelsOfVersion,
    onBatch: (labels: string, rows: number) => meters.batchRows.add(labels, rows),
    ...(options.keepWarmMs !== undefined && { keepWarmMs: options.keepWarmMs }),
  };
}

async function listen(
  { port, host = "0.0.0.0", reusePort = false }: ServingOptions,
  app: ReturnType<typeof createApp>,
) {
  return listening(host, port, () =>
    Bun.serve({
      port,
      hostname: host,
      maxRequestBodySize: NO_BOUND_BYTES,
      idleTimeout: 120,
      ...whenBroken,
      reusePort,
      ...app,
    }),
  );
}
