/** Writes traces to another MLflow server of 3.x, under their own ids: a second export overwrites what the first wrote. */

import type { Tracking } from "../../tracking/tracking.ts";
import type { Trace } from "../../tracking/types.ts";
import { isStatus, type Rest } from "./rest.ts";

const LOCATION = "mlflow.artifactLocation";
const SPANS = "mlflow.trace.spansLocation";
const SOURCE_RUN = "mlflow.sourceRun";

export interface TraceExport {
  tracking: Tracking;
  rest: Rest;
  /** Where an experiment is here and there. */
  from: string;
  to: string;
  /** A run's id there. */
  runThere(runId: string): string | undefined;
  /** Copies the files of one place to another. */
  files(fromUri: string, toUri: string): Promise<void>;
  /** Called after each. */
  done(): void;
}

const locationOf = (tags: Readonly<Record<string, string>>): string | undefined => tags[LOCATION];
const asMap = (pairs: Trace["tags"]): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

/** The trace as the protocol writes it, in its experiment and run over there. */
function traceJson(trace: Trace, { to, runThere }: TraceExport) {
  const { [LOCATION]: _, [SPANS]: __, ...tags } = asMap(trace.tags);
  const metadata = asMap(trace.metadata);
  const run = metadata[SOURCE_RUN] && runThere(metadata[SOURCE_RUN]);
  return {
    trace_id: trace.traceId,
    client_request_id: trace.clientRequestId,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: to } },
    request_preview: trace.requestPreview,
    response_preview: trace.responsePreview,
    request_time: new Date(trace.requestMs).toISOString(),
    execution_duration: trace.durationMs === undefined ? undefined : `${trace.durationMs / 1000}s`,
    state: trace.state,
    trace_metadata: run ? { ...metadata, [SOURCE_RUN]: run } : metadata,
    tags,
    assessments: trace.assessments,
  };
}

const IDS = new Set(["traceId", "spanId", "parentSpanId"]);

/** OTLP's JSON has identifiers in hexadecimal; as kept they are base64. */
function withHexIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withHexIds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      IDS.has(key) && typeof one === "string" ? Buffer.from(one, "base64").toString("hex") : withHexIds(one),
    ]),
  );
}

async function exportTrace(options: TraceExport, trace: Trace, spans: readonly unknown[]): Promise<void> {
  const { rest } = options;
  const answer = await rest.post<{ trace: { trace_info: { tags?: Record<string, string> } } }>(
    "/api/3.0/mlflow/traces",
    {
      trace: { trace_info: traceJson(trace, options) },
    },
  );
  if (spans.length > 0) {
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: spans.map(withHexIds) }] }] });
    const headers = { "Content-Type": "application/json", "x-mlflow-experiment-id": options.to };
    await rest.send("POST", "/v1/traces", { body, headers });
    return;
  }
  const [here, there] = [locationOf(asMap(trace.tags)), locationOf(answer.trace.trace_info.tags ?? {})];
  if (here !== undefined && there !== undefined) await options.files(here, there);
}

/** Resolves to what could not be written, in words. */
export async function exportTraces(options: TraceExport): Promise<string[]> {
  const { tracking, from } = options;
  let pageToken = "";
  do {
    const page = await tracking.searchTraces({ experimentIds: [from], orderBy: ["timestamp_ms"], pageToken });
    const spans = await tracking.spansOf(page.items.map((trace) => trace.traceId));
    for (const trace of page.items)
      try {
        await exportTrace(options, trace, spans.get(trace.traceId) ?? []);
        options.done();
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
        return [`traces of experiment ${from}: that server has not the calls of MLflow 3 for them`];
      }
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
  return [];
}
