/** Traces of another MLflow store: as its REST calls of both ages give them, and as the rows of its SQLite file. */

import { spanFromMlflow } from "../../tracking/otlp.ts";
import type { NewSpan } from "../../tracking/spans.ts";
import type { Pair, Trace } from "../../tracking/types.ts";
import { isStatus, type Rest } from "./rest.ts";
import type { SourceTrace } from "./source.ts";

type Texts = Readonly<Record<string, string>>;

interface WireTrace {
  trace_id: string;
  client_request_id?: string;
  request_preview?: string;
  response_preview?: string;
  request_time?: string;
  execution_duration?: string;
  state?: Trace["state"];
  trace_metadata?: Texts;
  tags?: Texts;
  assessments?: Record<string, unknown>[];
}

interface OldWireTrace {
  request_id: string;
  timestamp_ms?: number | string;
  execution_time_ms?: number | string;
  status?: string;
  request_metadata?: Pair[];
  tags?: Pair[];
}

const PAGE = 100;
const pairsOf = (texts: Texts = {}): Pair[] => Object.entries(texts).map(([key, value]) => ({ key, value }));

/** Only the members that are there. */
const known = <T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null)) as never;

const traceFrom = (wire: WireTrace, experimentId: string): Trace => ({
  traceId: wire.trace_id,
  experimentId,
  requestMs: Date.parse(wire.request_time ?? "") || 0,
  state: wire.state ?? "STATE_UNSPECIFIED",
  tags: pairsOf(wire.tags),
  metadata: pairsOf(wire.trace_metadata),
  assessments: wire.assessments ?? [],
  ...known({
    durationMs:
      wire.execution_duration === undefined ? undefined : Math.round(Number.parseFloat(wire.execution_duration) * 1000),
    clientRequestId: wire.client_request_id,
    requestPreview: wire.request_preview,
    responsePreview: wire.response_preview,
  }),
});

const stateOf = (status: unknown): Trace["state"] =>
  (["OK", "ERROR", "IN_PROGRESS"] as const).find((state) => state === status) ?? "STATE_UNSPECIFIED";

const oldTraceFrom = (wire: OldWireTrace, experimentId: string): Trace => ({
  traceId: wire.request_id,
  experimentId,
  requestMs: Number(wire.timestamp_ms ?? 0),
  state: stateOf(wire.status),
  tags: wire.tags ?? [],
  metadata: wire.request_metadata ?? [],
  assessments: [],
  ...known({ durationMs: wire.execution_time_ms === undefined ? undefined : Number(wire.execution_time_ms) }),
});

const inStore = (trace: Trace): boolean =>
  trace.tags.some(({ key, value }) => key === "mlflow.trace.spansLocation" && value === "TRACKING_STORE");

async function spansFrom(rest: Rest, traces: readonly Trace[]): Promise<Map<string, NewSpan[]>> {
  const ids = traces.filter(inStore).map((trace) => trace.traceId);
  if (ids.length === 0) return new Map();
  const query = new URLSearchParams(ids.map((id): [string, string] => ["trace_ids", id]));
  const text = await (await rest.send("GET", `/api/3.0/mlflow/traces/batchGet?${query}`)).text();
  // MLflow writes nanoseconds as numbers, which JavaScript's would round.
  const exact = text.replace(/(_unix_nano"\s*:\s*)(\d+)/g, '$1"$2"');
  const answer = JSON.parse(exact) as { traces?: { trace_info: WireTrace; spans?: Record<string, unknown>[] }[] };
  return new Map(
    (answer.traces ?? []).map(({ trace_info, spans = [] }) => [trace_info.trace_id, spans.map(spanFromMlflow)]),
  );
}

/** Traces of a server, 3.x or 2.x; none of one that knows no traces. */
export async function* serverTraces(rest: Rest, experimentId: string): AsyncGenerator<SourceTrace> {
  let token: string | undefined;
  let isOld = false;
  do {
    const page: TracePage | undefined = isOld ? undefined : await newPage(rest, experimentId, token);
    isOld = page === undefined;
    const { traces, next } = page ?? (await oldPage(rest, experimentId, token));
    const spans = await spansFrom(rest, traces);
    for (const trace of traces) yield { trace, spans: spans.get(trace.traceId) ?? [] };
    token = next || undefined;
  } while (token !== undefined);
}

interface TracePage {
  traces: Trace[];
  next: string | undefined;
}

/** Undefined where there is no such call. */
async function newPage(rest: Rest, experimentId: string, token: string | undefined): Promise<TracePage | undefined> {
  const locations = [{ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experimentId } }];
  try {
    const page = await rest.post<{ traces?: WireTrace[]; next_page_token?: string }>("/api/3.0/mlflow/traces/search", {
      locations,
      max_results: PAGE,
      ...(token === undefined ? {} : { page_token: token }),
    });
    return { traces: (page.traces ?? []).map((wire) => traceFrom(wire, experimentId)), next: page.next_page_token };
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function oldPage(rest: Rest, experimentId: string, token: string | undefined): Promise<TracePage> {
  const query = { experiment_ids: [experimentId], max_results: PAGE, page_token: token };
  try {
    const page = await rest.get<{ traces?: OldWireTrace[]; next_page_token?: string }>("/api/2.0/mlflow/traces", query);
    return { traces: (page.traces ?? []).map((wire) => oldTraceFrom(wire, experimentId)), next: page.next_page_token };
  } catch (error) {
    if (isStatus(error, 404)) return { traces: [], next: undefined };
    throw error;
  }
}

type Cells = Record<string, string | number | null>;
export type ReadRows = (table: string, tail: string, ...params: (string | number)[]) => Cells[];

const pairsIn = (cells: readonly Cells[]): Pair[] =>
  cells.map((row) => ({ key: String(row.key ?? ""), value: String(row.value ?? "") }));

/** A value as OTLP's JSON writes it. */
function anyValue(value: unknown): Record<string, unknown> {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isSafeInteger(value) ? { intValue: value } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return typeof value === "object" && value !== null
    ? { kvlistValue: { values: attributes(value as Record<string, unknown>) } }
    : {};
}

const attributes = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/** MLflow's file keeps a span as one object whose attributes are JSON texts. 64-bit numbers are taken from the columns, unrounded. */
function spanIn(row: Cells): NewSpan[] {
  const content = parsed(row.content) as Record<string, unknown> | string;
  if (typeof content === "string") return [];
  const own = (content.attributes ?? {}) as Record<string, unknown>;
  const events = ((content.events ?? []) as Record<string, unknown>[]).map((event) => ({
    name: event.name,
    time_unix_nano: String(event.time_unix_nano ?? 0),
    attributes: attributes((event.attributes ?? {}) as Record<string, unknown>),
  }));
  return [
    spanFromMlflow({
      ...content,
      start_time_unix_nano: String(row.start_ns ?? 0),
      end_time_unix_nano: String(row.end_ns ?? 0),
      attributes: attributes(Object.fromEntries(Object.entries(own).map(([key, value]) => [key, parsed(value)]))),
      events,
      links: [],
    }),
  ];
}

/** Traces of one experiment in MLflow's SQLite file. */
export function* fileTraces(
  rows: ReadRows,
  spanRows: (traceId: string) => Cells[],
  experimentId: string,
): Generator<SourceTrace> {
  for (const row of rows("trace_info", "WHERE experiment_id = ? ORDER BY timestamp_ms", Number(experimentId))) {
    const traceId = String(row.request_id);
    const pairs = (table: string) => pairsIn(rows(table, "WHERE request_id = ? ORDER BY key", traceId));
    const trace: Trace = {
      traceId,
      experimentId,
      requestMs: Number(row.timestamp_ms ?? 0),
      state: stateOf(row.status),
      tags: pairs("trace_tags"),
      metadata: pairs("trace_request_metadata"),
      assessments: [],
      ...known({
        durationMs: row.execution_time_ms === null ? undefined : Number(row.execution_time_ms),
        clientRequestId: row.client_request_id as string | null,
        requestPreview: row.request_preview as string | null,
        responsePreview: row.response_preview as string | null,
      }),
    } as Trace;
    yield { trace, spans: inStore(trace) ? spanRows(traceId).flatMap(spanIn) : [] };
  }
}
