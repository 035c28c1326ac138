/**
 * The control process: API, status page, scheduler, monitor and job loop on one port. It may die or lose its database at any
 * moment: predictions go on without it, and what it had begun is taken up when it is back.
 */

import { asTrimtabError, fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { listening, whenBroken } from "../base/listen.ts";
import { log } from "../base/log.ts";
import { lastEventSeq } from "../db/events.ts";
import { checkClaim } from "../life/approval.ts";
import { openLife, readPipeline } from "../life/context.ts";
import { lookingWith } from "../life/inspect.ts";
import { superviseJobs } from "../life/jobs.ts";
import { schedule } from "../life/schedule.ts";
import { applyRetention, lookForNewData, lookForVersions, openMonitor } from "../life/watch.ts";
import { formatMetrics, type MetricsSnapshot } from "../serving/prometheus.ts";
import { type Access, createAccess, type Identity } from "./access/access.ts";
import { createGuard, requireRole } from "./access/guard.ts";
import { foreignName, isLoopback, refuseName } from "./access/names.ts";
import type { ApiContext } from "./api/context.ts";
import { createApi, problem } from "./api/openapi.ts";
import { API_ROUTES } from "./api/routes.ts";
import { createMlflowApp, isMlflowPath, pathOf } from "./mlflow/app.ts";
import { statusPage } from "./page.ts";
import { createDeliveries } from "./webhooks/deliveries.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";

export interface ControlOptions {
  root: string;
  files: string[];
  port: number;
  host: string;
  /** Numbers of the serving processes, for /metrics. */
  servingMetrics: (own: MetricsSnapshot) => Promise<MetricsSnapshot>;
}

/** How often live windows are judged, and retention is applied. */
const WATCH_MS = 5_000;
const RETENTION_MS = 10 * 60_000;
/** The first time soon: a server that never runs for ten minutes keeps to it too. */
const RETENTION_FIRST_MS = 5_000;
/** How often versions that clients registered are looked for. */
const REGISTRY_MS = 1_000;
/** How often new events are looked for and told. */
const WEBHOOKS_MS = 2_000;

/** How long a call of the API that changes something may be silent; loading a model alone may take two minutes. */
const LONGEST_POST_S = 255;

interface Closing {
  /** For the line that says what a shutdown waited for in vain. */
  what: string;
  close(): unknown;
}

export interface Control {
  port: number;
  stop(): Promise<void>;
}

/** Starts everything and resolves when the port answers. Throws PORT_TAKEN, PORT_REFUSED, and what reading the pipelines throws. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const life = await openLife({ root: options.root, actor: "server" });
  const closing: Closing[] = [{ what: "the database", close: () => life.close() }];
  try {
    const pipelines = () => Promise.all(options.files.map((file) => readPipeline(options.root, { file })));
    const jobs = superviseJobs(life, pipelines);
    closing.push({ what: "the run under way", close: () => jobs.stop() });
    const monitor = openMonitor(life);
    const checkNow = async () => {
      let judged = 0;
      for (const pipeline of await pipelines()) {
        judged += (await monitor.check(pipeline)).length;
        await lookForNewData(life, pipeline);
      }
      jobs.wake();
      return judged;
    };
    const alert = async () => {
      for (const pipeline of await pipelines()) await monitor.deliverAlerts(pipeline);
    };
    closing.push({ what: "judging windows", close: every(WATCH_MS, checkNow) });
    closing.push({ what: "sending alerts", close: every(WATCH_MS, alert) });
    let seenSeq = -1;
    const registered = async () => {
      const newestSeq = await lastEventSeq(life.db);
      if (newestSeq === seenSeq) return;
      for (const pipeline of await pipelines()) if (await lookForVersions(life, pipeline)) jobs.wake();
      seenSeq = newestSeq;
    };
    closing.push({ what: "looking for versions", close: every(REGISTRY_MS, registered) });
    const deliveries = createDeliveries(life);
    closing.push({ what: "webhooks under way", close: () => deliveries.stop() });
    closing.push({ what: "webhooks", close: every(WEBHOOKS_MS, () => deliveries.look()) });
    closing.push({
      what: "retention",
      close: every(RETENTION_MS, async () => applyRetention(life, await pipelines()), RETENTION_FIRST_MS),
    });
    closing.push({ what: "the schedule", close: schedule(life, await pipelines(), jobs.wake) });
    const server = listen(options, { life, pipelines, look: lookingWith(life), checkNow, wake: jobs.wake });
    closing.push({ what: "requests under way", close: () => server.stop(true) });
    return {
      port: server.port!,
      async stop() {
        life.db.hurry();
        await closeAll(closing);
      },
    };
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

/**
 * Whoever opens, closes, in reverse, once. What does not end in time is left with a line that names it: this process ends anyway,
 * and whatever it had begun is taken up at the next start, as after a crash.
 */
async function closeAll(closing: Closing[]): Promise<void> {
  const late = Bun.sleep(LIMITS.controlStopMs).then(() => "late" as const);
  for (const { what, close } of closing.splice(0).reverse()) {
    const ended = Promise.resolve(close()).catch((error: unknown) =>
      log.error("control.stop_failed", { of: what, error: asTrimtabError(error).oneLine() }),
    );
    if ((await Promise.race([ended, late])) !== "late") continue;
    log.warn("control.stop_cut", { waitedFor: what, waitedMs: LIMITS.controlStopMs });
    return;
  }
}

/** The part of Bun's server that lets one connection be silent for longer than the others; 0: for ever. */
interface Patient {
  timeout(request: Request, silentS: number): void;
}

function listen(options: ControlOptions, context: ApiContext) {
  const api = createApi(API_ROUTES, context);
  api.get("/metrics", async (c) => c.text(formatMetrics(await options.servingMetrics({}))));
  api.get("/", async (c) => c.html(await statusPage(context)));
  api.notFound((c) => {
    const { status, body } = problem(
      fail("NOT_FOUND", { what: `there is no ${c.req.path} here`, mend: "see /api/v1/openapi.json" }),
    );
    return c.json(body, status as 404);
  });
  const { life } = context;
  const access = createAccess(life);
  const mlflow = createMlflowApp({
    tracking: life.tracking,
    registry: life.registry,
    artifacts: life.artifacts,
    webhooks: createWebhooks(life),
    checkClaim: async (model, version) => {
      const pipeline = (await context.pipelines()).find((one) => one.model === model);
      if (pipeline) await checkClaim(life, pipeline, version);
    },
    clock: life.clock,
    scratch: life.workspace.tmp,
    guard: createGuard(access),
  });
  const { host, port } = options;
  // One port for both: each app answers every path, so the path decides which one is asked.
  const fetch = async (asked: Request, server: Patient) => {
    // A probe in HTTP/1.0 names no host, and its address is the path alone.
    const request = asked.url.startsWith("/") ? new Request(`http://localhost${asked.url}`, asked) : asked;
    const foreign = isLoopback(host) ? foreignName(request) : undefined;
    if (foreign !== undefined && (await access.isOpen())) return refusal(refuseName(foreign));
    if (isMlflowPath(pathOf(request.url))) return mlflow.fetch(request);
    const who = await admitted(access, request);
    if (who instanceof Response) return who;
    // Nothing is sent while a large source is checked, or a model is loaded before it is deployed.
    server.timeout(asked, request.method === "GET" ? 0 : LONGEST_POST_S);
    return api.fetch(request, who);
  };
  return listening(host, port, () =>
    Bun.serve({
      port,
      hostname: host,
      fetch,
      ...whenBroken,
      idleTimeout: 60,
      // Artifacts are streamed and may be of any size; the API bounds its own bodies.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    }),
  );
}

/** "/api/v1/models/m/rollout" is about m. */
function modelIn(path: string): string | undefined {
  try {
    return /^\/api\/v1\/models\/([^/]+)/.exec(path)?.[1]?.replace(/.+/, decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Who asks of the API or the status page, or the answer to who may not. */
async function admitted(access: Access, request: Request): Promise<{ identity?: Identity } | Response> {
  try {
    const needed = request.method === "GET" || request.method === "HEAD" ? "viewer" : "editor";
    const identity = await requireRole(access, request, needed, modelIn(pathOf(request.url)));
    return identity ? { identity } : {};
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): Response {
  const { status, body } = problem(error);
  const headers = { "WWW-Authenticate": 'Basic realm="trimtab"' };
  return Response.json(body, status === 401 ? { status, headers } : { status });
}

/** Calls `work` again `everyMs` after it ended; a failure is logged and does not end the series. */
function every(everyMs: number, work: () => Promise<unknown>, firstMs = everyMs): () => Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  let current: Promise<unknown> = Promise.resolve();
  let stopped = false;
  const again = (afterMs = everyMs) => {
    if (stopped) return;
    timer = setTimeout(() => {
      current = work()
        .catch((error: unknown) => log.error("control.loop_failed", { error: asTrimtabError(error).oneLine() }))
        .finally(() => again());
    }, afterMs);
  };
  again(firstMs);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await current;
  };
}
