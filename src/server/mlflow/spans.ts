/** Spans as OTLP, from MLflow's newer clients and from any OpenTelemetry exporter, and the traces with their spans. */

import { invalid } from "../../base/keys.ts";
import type { Trace } from "../../tracking/types.ts";
import { requestBytes } from "./body.ts";
import { bool, filled, list, required, text } from "./fields.ts";
import { filledList } from "./json.ts";
import { readSpans } from "./otlp.ts";
import { type Call, type Route, route } from "./route.ts";
import { traceJson } from "./traces.ts";

/** The experiment that an exporter names, for roles too. */
export const EXPERIMENT_HEADER = "x-mlflow-experiment-id";
export const RUN_HEADER = "x-mlflow-run-id";
export const OTLP_PATH = "/v1/traces";

export const OTLP_ROUTES: readonly Route[] = [
  route(`POST ${OTLP_PATH}`, {
    says: "Takes spans as OpenTelemetry's exporters send them over HTTP: protobuf or JSON, also gzipped. The header `x-mlflow-experiment-id` says where they belong, `x-mlflow-run-id` to which run.",
    differs: "All spans of a request or none; spans of a trace of another experiment are refused.",
    async handle({ tracking, request }) {
      const { headers } = request;
      const experimentId = headers.get(EXPERIMENT_HEADER);
      if (!experimentId)
        throw invalid(`The header ${EXPERIMENT_HEADER} is missing: it says to which experiment the spans belong`);
      const type = headers.get("content-type") ?? "";
      const spans = readSpans(await requestBytes(request), type, headers.get("content-encoding") ?? "");
      await tracking.logSpans(experimentId, spans, headers.get(RUN_HEADER) ?? undefined);
      // An empty ExportTraceServiceResponse, in the encoding of the request.
      const isJson = type.startsWith("application/json");
      return new Response(isJson ? "{}" : new Uint8Array(0), { headers: { "Content-Type": type } });
    },
  }),
];

async function withSpans({ tracking }: Call, traces: readonly Trace[]): Promise<object[]> {
  const spans = await tracking.spansOf(traces.map((trace) => trace.traceId));
  return traces.map((trace) => ({
    trace_info: traceJson(trace),
    ...filledList("spans", (spans.get(trace.traceId) ?? []) as object[]),
  }));
}

/** Before the routes of one trace by id, which would take "get" for an id. */
export const SPAN_ROUTES: readonly Route[] = [
  route("GET /mlflow/traces/get", {
    version: 3,
    says: "One trace with its spans, when they came as OTLP; those of older clients are an artifact.",
    fields: { trace_id: required(text), allow_partial: bool },
    async handle(call, { trace_id }) {
      const [trace] = await withSpans(call, [await call.tracking.getTrace(trace_id)]);
      return { trace: trace! };
    },
  }),
  route("GET /mlflow/traces/batchGet", {
    version: 3,
    says: "Several traces by id, with their spans when they came as OTLP.",
    fields: { trace_ids: filled(list(text)) },
    handle: async (call, { trace_ids }) => ({
      traces: await withSpans(call, await call.tracking.getTraces(trace_ids)),
    }),
  }),
];
