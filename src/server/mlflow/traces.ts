/**
 * MLflow's calls about traces, of both ages: start and end apart (2.x), one call when it has ended (3.x). Spans come as OTLP
 * (spans.ts), or are uploaded through the artifact proxy (before 3.4).
 */

import { invalid } from "../../base/keys.ts";
import type { Pair, Trace } from "../../tracking/types.ts";
import { choice, filled, integer, list, message, object, pair, required, text } from "./fields.ts";
import { filledList, pageJson } from "./json.ts";
import { type Route, route } from "./route.ts";

const asMap = (pairs: readonly Pair[]) => Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
const asPairs = (map: Readonly<Record<string, unknown>> = {}): Pair[] =>
  Object.entries(map).map(([key, value]) => ({ key, value: String(value) }));

/** Seconds with a decimal fraction and "s", as protobuf writes a duration. */
const durationText = (durationMs: number): string => `${durationMs / 1000}s`;
const durationMs = (duration: string): number => {
  const seconds = /^(-?\d+(?:\.\d+)?)s$/.exec(duration)?.[1];
  if (seconds === undefined) throw invalid(`Invalid duration '${duration}'`);
  return Math.round(Number(seconds) * 1000);
};
const timeMs = (time: string): number => {
  const found = Date.parse(time);
  if (Number.isNaN(found)) throw invalid(`Invalid time '${time}'`);
  return found;
};

export const traceJson = (trace: Trace) => ({
  trace_id: trace.traceId,
  ...(trace.clientRequestId === undefined ? {} : { client_request_id: trace.clientRequestId }),
  trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: trace.experimentId } },
  ...(trace.requestPreview === undefined ? {} : { request_preview: trace.requestPreview }),
  ...(trace.responsePreview === undefined ? {} : { response_preview: trace.responsePreview }),
  request_time: new Date(trace.requestMs).toISOString(),
  ...(trace.durationMs === undefined ? {} : { execution_duration: durationText(trace.durationMs) }),
  state: trace.state,
  trace_metadata: asMap(trace.metadata),
  tags: asMap(trace.tags),
  ...filledList("assessments", trace.assessments),
});

const oldTraceJson = (trace: Trace) => ({
  request_id: trace.traceId,
  experiment_id: trace.experimentId,
  timestamp_ms: trace.requestMs,
  ...(trace.durationMs === undefined ? {} : { execution_time_ms: trace.durationMs }),
  status: trace.state === "STATE_UNSPECIFIED" ? "TRACE_STATUS_UNSPECIFIED" : trace.state,
  ...filledList("request_metadata", trace.metadata),
  ...filledList("tags", trace.tags),
});

const experimentLocation = message({ experiment_id: required(text) });
const location = message({ type: text, mlflow_experiment: experimentLocation });
const state = choice("OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED");

const traceInfo = message({
  trace_id: required(text),
  client_request_id: text,
  trace_location: required(location),
  request_preview: text,
  response_preview: text,
  request_time: required(text),
  execution_duration: text,
  state,
  trace_metadata: object,
  tags: object,
  assessments: list(object),
});

const traceIds = filled(list(text));
const assessment = required(object);
const searched = { filter: text, max_results: integer, order_by: list(text), page_token: text };

function searchOf(values: {
  filter: string | undefined;
  max_results: number | undefined;
  order_by: string[];
  page_token: string | undefined;
}) {
  return {
    filter: values.filter ?? "",
    orderBy: values.order_by,
    pageToken: values.page_token ?? "",
    ...(values.max_results === undefined ? {} : { maxResults: values.max_results }),
  };
}

const NEW_ROUTES: readonly Route[] = [
  route("POST /mlflow/traces", {
    version: 3,
    says: "Records a trace that has ended (3.x clients).",
    fields: { trace: required(message({ trace_info: required(traceInfo) })) },
    async handle({ tracking }, { trace: { trace_info: info } }) {
      if (!info.trace_location.mlflow_experiment) throw invalid("Only traces of an experiment are kept here");
      const trace = await tracking.putTrace({
        traceId: info.trace_id,
        experimentId: info.trace_location.mlflow_experiment.experiment_id,
        requestMs: timeMs(info.request_time),
        state: info.state ?? "STATE_UNSPECIFIED",
        tags: asPairs(info.tags),
        metadata: asPairs(info.trace_metadata),
        assessments: info.assessments,
        ...(info.execution_duration ? { durationMs: durationMs(info.execution_duration) } : {}),
        ...(info.client_request_id === undefined ? {} : { clientRequestId: info.client_request_id }),
        ...(info.request_preview === undefined ? {} : { requestPreview: info.request_preview }),
        ...(info.response_preview === undefined ? {} : { responsePreview: info.response_preview }),
      });
      return { trace: { trace_info: traceJson(trace) } };
    },
  }),
  route("POST /mlflow/traces/search", {
    version: 3,
    says: "Searches traces by tags, metadata, state, times, name, run, spans, feedback and expectations.",
    differs:
      "Filters on issues, and orders by tags and metadata, are refused; filters on spans see those that came as OTLP; feedback counts for its own trace, not for its session.",
    fields: { locations: filled(list(location)), ...searched },
    async handle({ tracking }, { locations, ...query }) {
      const experimentIds = locations.flatMap((one) => one.mlflow_experiment?.experiment_id ?? []);
      const page = await tracking.searchTraces({ experimentIds, ...searchOf(query) });
      return pageJson("traces", page.items.map(traceJson), page.nextPageToken);
    },
  }),
  route("POST|GET /mlflow/traces/batchGetInfos", {
    version: 3,
    says: "Several traces by id, without spans.",
    fields: { trace_ids: traceIds },
    handle: async ({ tracking }, { trace_ids }) => ({
      trace_infos: (await tracking.getTraces(trace_ids)).map(traceJson),
    }),
  }),
  route("GET /mlflow/traces/{trace_id}", {
    version: 3,
    says: "One trace, without spans.",
    handle: async ({ tracking, params }) => ({
      trace: { trace_info: traceJson(await tracking.getTrace(params.trace_id!)) },
    }),
  }),
  route("POST /mlflow/traces/delete-traces", {
    version: 3,
    says: "Deletes traces, by id or the oldest.",
    fields: {
      experiment_id: required(text),
      max_timestamp_millis: integer,
      max_traces: integer,
      request_ids: list(text),
    },
    handle: (call, values) => deleteTraces(call.tracking, values),
  }),
  route("PATCH /mlflow/traces/{trace_id}/tags", {
    version: 3,
    says: "Sets a tag of a trace.",
    fields: { key: required(text), value: text },
    async handle({ tracking, params }, { key, value }) {
      await tracking.setTraceTag(params.trace_id!, { key, value: value ?? "" });
      return {};
    },
  }),
  route("DELETE /mlflow/traces/{trace_id}/tags", {
    version: 3,
    says: "Deletes a tag of a trace.",
    fields: { key: required(text) },
    async handle({ tracking, params }, { key }) {
      await tracking.deleteTraceTag(params.trace_id!, key);
      return {};
    },
  }),
  route("POST /mlflow/traces/{trace_id}/assessments", {
    version: 3,
    says: "Adds feedback or an expectation to a trace.",
    fields: { assessment },
    handle: async ({ tracking, params }, values) => ({
      assessment: await tracking.createAssessment(params.trace_id!, values.assessment),
    }),
  }),
  route("GET /mlflow/traces/{trace_id}/assessments/{assessment_id}", {
    version: 3,
    says: "One assessment of a trace.",
    handle: async ({ tracking, params }) => ({
      assessment: await tracking.getAssessment(params.trace_id!, params.assessment_id!),
    }),
  }),
  route("PATCH /mlflow/traces/{trace_id}/assessments/{assessment_id}", {
    version: 3,
    says: "Changes the given members of an assessment.",
    fields: { assessment },
    handle: async ({ tracking, params }, values) => ({
      assessment: await tracking.updateAssessment(params.trace_id!, params.assessment_id!, values.assessment),
    }),
  }),
  route("DELETE /mlflow/traces/{trace_id}/assessments/{assessment_id}", {
    version: 3,
    says: "Deletes an assessment of a trace.",
    async handle({ tracking, params }) {
      await tracking.deleteAssessment(params.trace_id!, params.assessment_id!);
      return {};
    },
  }),
];

interface Deletion {
  experiment_id: string;
  max_timestamp_millis: number | undefined;
  max_traces: number | undefined;
  request_ids: string[];
}

async function deleteTraces(
  tracking: { deleteTraces(id: string, which: { ids: string[] } | { upToMs: number; most?: number }): Promise<number> },
  { experiment_id, max_timestamp_millis, max_traces, request_ids }: Deletion,
) {
  if ((max_timestamp_millis === undefined) === (request_ids.length === 0))
    throw invalid("Either `max_timestamp_millis` or `trace_ids` must be specified, but not both.");
  const which =
    max_timestamp_millis === undefined
      ? { ids: request_ids }
      : { upToMs: max_timestamp_millis, ...(max_traces === undefined ? {} : { most: max_traces }) };
  return { traces_deleted: await tracking.deleteTraces(experiment_id, which) };
}

const oldStatus = choice("OK", "ERROR", "IN_PROGRESS");

const OLD_ROUTES: readonly Route[] = [
  route("POST /mlflow/traces", {
    says: "Begins a trace (2.x clients).",
    fields: {
      experiment_id: required(text),
      timestamp_ms: required(integer),
      request_metadata: list(pair),
      tags: list(pair),
    },
    async handle({ tracking }, { experiment_id, timestamp_ms, request_metadata, tags }) {
      const made = { experimentId: experiment_id, requestMs: timestamp_ms, state: "IN_PROGRESS" as const };
      return { trace_info: oldTraceJson(await tracking.putTrace({ ...made, tags, metadata: request_metadata })) };
    },
  }),
  route("POST /mlflow/traces/link-to-run", {
    says: "Links traces to a run.",
    fields: { trace_ids: traceIds, run_id: required(text) },
    async handle({ tracking }, { trace_ids, run_id }) {
      await tracking.linkTraces(trace_ids, run_id);
      return {};
    },
  }),
  route("PATCH /mlflow/traces/{request_id}", {
    says: "Ends a trace (2.x clients).",
    fields: { timestamp_ms: required(integer), status: oldStatus, request_metadata: list(pair), tags: list(pair) },
    async handle({ tracking, params }, { timestamp_ms, status, request_metadata, tags }) {
      const state: Trace["state"] = status ?? "STATE_UNSPECIFIED";
      const end = { endMs: timestamp_ms, state, tags, metadata: request_metadata };
      return { trace_info: oldTraceJson(await tracking.endTrace(params.request_id!, end)) };
    },
  }),
  route("GET /mlflow/traces/{request_id}/info", {
    says: "One trace, without spans (2.x clients).",
    handle: async ({ tracking, params }) => ({ trace_info: oldTraceJson(await tracking.getTrace(params.request_id!)) }),
  }),
  route("GET /mlflow/traces", {
    says: "Searches traces (2.x clients).",
    fields: { experiment_ids: filled(list(text)), ...searched },
    async handle({ tracking }, { experiment_ids, ...query }) {
      const page = await tracking.searchTraces({ experimentIds: experiment_ids, ...searchOf(query) });
      return pageJson("traces", page.items.map(oldTraceJson), page.nextPageToken);
    },
  }),
  route("POST /mlflow/traces/delete-traces", {
    says: "Deletes traces, by id or the oldest.",
    fields: {
      experiment_id: required(text),
      max_timestamp_millis: integer,
      max_traces: integer,
      request_ids: list(text),
    },
    handle: (call, values) => deleteTraces(call.tracking, values),
  }),
  route("PATCH /mlflow/traces/{request_id}/tags", {
    says: "Sets a tag of a trace.",
    fields: { key: required(text), value: text },
    async handle({ tracking, params }, { key, value }) {
      await tracking.setTraceTag(params.request_id!, { key, value: value ?? "" });
      return {};
    },
  }),
  route("DELETE /mlflow/traces/{request_id}/tags", {
    says: "Deletes a tag of a trace.",
    fields: { key: required(text) },
    async handle({ tracking, params }, { key }) {
      await tracking.deleteTraceTag(params.request_id!, key);
      return {};
    },
  }),
];

export const TRACE_ROUTES: readonly Route[] = [...NEW_ROUTES, ...OLD_ROUTES];
