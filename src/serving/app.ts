/**
 * The HTTP of a serving process, straight on Bun.serve:
 *
 *   POST /predict                       one of the variants, by weight; header X-Trimtab-Key makes the choice stick to a subject
 *   POST /predict/<variant>             that variant
 *   POST /models/<name>/predict         when several models are served (also …/predict/<variant>, …/feedback)
 *   POST /feedback                      outcomes by prediction id
 *   GET  /health /ready /metrics
 *
 * An answer: { model, version, variant, id, predictions: […], probabilities?: [[…]] }. An error:
 * { error: { code, message, place, mend } }. Bodies are JSON whatever the Content-Type says.
 */

import type { Clock } from "../base/clock.ts";
import { asTrimtabError, fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";
import { answerText } from "./answer.ts";
import { readBody } from "./body.ts";
import { parseFeedback } from "./feedback.ts";
import type { Meters } from "./meters.ts";
import { checkFinite } from "./predictions.ts";
import { parseRequest } from "./schema.ts";
import type { Served, ServedModel, ServedVariant } from "./served.ts";

export interface AppOptions {
  served: Served;
  meters: Meters;
  clock: Clock;
  /** Why the process is not ready; undefined when it is. */
  notReady(): string | undefined;
  /** Deployments that cannot be loaded, for /health. */
  failures(): { model: string; id: string; message: string }[];
  /** The text of /metrics: this process's numbers, or those of all. */
  metricsText(): Promise<string>;
  bodyBytesMax?: number;
}

type Handler = (request: Bun.BunRequest) => Response | Promise<Response>;

/** `routes` and `fetch` for Bun.serve. Set its maxRequestBodySize above `bodyBytesMax`: the app's own bound answers in JSON. */
export function createApp(options: AppOptions): {
  routes: Record<string, Partial<Record<"GET" | "POST", Handler>>>;
  fetch: () => Response;
} {
  const predict: Handler = (request) => handlePredict(options, request);
  const feedback: Handler = (request) => handleFeedback(options, request);
  return {
    routes: {
      "/predict": { POST: predict },
      "/predict/:variant": { POST: predict },
      "/models/:model/predict": { POST: predict },
      "/models/:model/predict/:variant": { POST: predict },
      "/feedback": { POST: feedback },
      "/models/:model/feedback": { POST: feedback },
      "/health": { GET: () => Response.json(health(options)) },
      "/ready": { GET: () => ready(options) },
      "/metrics": {
        GET: async () =>
          new Response(await options.metricsText(), { headers: { "content-type": "text/plain; version=0.0.4" } }),
      },
    },
    fetch: () =>
      errorResponse(fail("NOT_FOUND", { what: "there is no such address or method here", mend: "POST /predict" })),
  };
}

async function handlePredict(options: AppOptions, request: Bun.BunRequest): Promise<Response> {
  const { served, meters, clock } = options;
  let labels = "";
  let response: Response;
  const startMs = performance.now();
  try {
    const body = await readBody(request, options.bodyBytesMax ?? LIMITS.predictBodyBytes);
    const { model, variant } = pick(served, request);
    labels = variant.labels;
    response = await predict(body, model, variant, clock.nowMs(), meters);
    meters.latency.add(labels, (performance.now() - startMs) / 1000);
  } catch (error) {
    const known = asTrimtabError(error);
    if (known.code === "OVERLOADED") meters.shed.add(labels, 1);
    if (known.status >= 500 && known.code !== "OVERLOADED" && known.code !== "NOT_READY")
      log.error(known.oneLine(), { cause: String(known.cause ?? "") });
    response = errorResponse(error);
  }
  meters.requests.add(`${labels}${labels && ","}code="${response.status}"`, 1);
  return response;
}

/** The model and variant that the address names; no waiting between this and the batcher, so neither can be closed meanwhile. */
function pick(served: Served, request: Bun.BunRequest): { model: ServedModel; variant: ServedVariant } {
  const params = request.params as { model?: string; variant?: string };
  const model = served.get(params.model);
  const subject = () => request.headers.get("x-trimtab-key") ?? undefined;
  return { model, variant: params.variant === undefined ? model.choose(subject) : model.variant(params.variant) };
}

async function predict(
  body: unknown,
  model: ServedModel,
  variant: ServedVariant,
  timeMs: number,
  meters: Meters,
): Promise<Response> {
  const parsed = parseRequest(body, variant.model.manifest.inputs, model.deployment.capture.columns);
  const answer = await variant.batcher.submit(parsed.batch);
  checkFinite(answer);
  const id = Bun.randomUUIDv7("buffer").toString("hex");
  const about = { id, timeMs, version: variant.about.version, variant: variant.about.variant };
  model.capture?.prediction(about, parsed, answer);
  variant.model.observe(parsed.batch);
  meters.rows.add(variant.labels, parsed.batch.rows);
  return new Response(answerText(id, variant.about, answer), JSON_HEADERS);
}

async function handleFeedback(options: AppOptions, request: Bun.BunRequest): Promise<Response> {
  try {
    const body = await readBody(request, options.bodyBytesMax ?? LIMITS.predictBodyBytes);
    const model = options.served.get((request.params as { model?: string }).model);
    if (!model.capture)
      throw fail("NOT_READY", { what: "the deployment captures nothing, so outcomes have no prediction to meet" });
    const groups = parseFeedback(body, model.choose(() => undefined).model.manifest);
    await model.capture.outcomes(options.clock.nowMs(), groups);
    const rows = groups.reduce((sum, group) => sum + group.values.length, 0);
    options.meters.outcomes.add(`model="${model.deployment.model}"`, rows);
    return Response.json({ accepted: rows });
  } catch (error) {
    return errorResponse(error);
  }
}

function health({ served, notReady, failures }: AppOptions): object {
  const models = served.names().map((name) => {
    const { deployment } = served.get(name);
    const variants = deployment.models.map(({ version, variant, weight }) => ({ version, variant, weight }));
    return { model: name, deployment: deployment.id, variants };
  });
  return { live: true, ready: notReady() === undefined, pid: process.pid, models, failures: failures() };
}

function ready(options: AppOptions): Response {
  const why = options.notReady();
  return why === undefined ? Response.json({ ready: true }) : errorResponse(fail("NOT_READY", { what: why }));
}

/** One instance: made from an object each time, headers are half the cost of a response. */
const JSON_HEADERS = { headers: new Headers({ "content-type": "application/json" }) };

/** Seconds after which a shed client may try again: queues empty in well under a second. */
const RETRY_AFTER_S = "1";

function errorResponse(error: unknown): Response {
  const known = asTrimtabError(error);
  const headers = {
    ...(known.status === 503 && { "retry-after": RETRY_AFTER_S }),
    // The rest of a body that is too large is not read: the connection cannot be used again.
    ...(known.status === 413 && { connection: "close" }),
  };
  return Response.json({ error: known }, { status: known.status, headers });
}
