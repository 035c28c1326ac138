/**
 * Spans that come one by one, also from several processes and before or after their trace: what is known of the trace follows
 * from its spans until a client says it itself.
 */

import { firstLetters, invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import type { Sql } from "../db/db.ts";
import type { ExperimentRow } from "../db/experiments.ts";
import { searchableJson } from "../db/json.ts";
import { groupBy } from "../db/lists.ts";
import * as spanRows from "../db/spans.ts";
import * as rows from "../db/traces.ts";
import { mustBeActive } from "./experiments.ts";
import type { Pair, TrackingOptions } from "./types.ts";

const NAME = "mlflow.traceName";
const LOCATION = "mlflow.artifactLocation";
const SESSION = "mlflow.trace.session";
const USER = "mlflow.trace.user";

/** Clients look here for the spans, instead of in an artifact. */
const IN_STORE: Pair = { key: "mlflow.trace.spansLocation", value: "TRACKING_STORE" };

export interface NewSpan {
  traceId: string;
  /** Hexadecimal, as is its parent's; absent for the root. */
  spanId: string;
  parentId?: string;
  name: string;
  type: string;
  status: spanRows.SpanRow["status"];
  startedNs: bigint;
  /** Absent while it goes on. */
  endedNs?: bigint;
  /** As text, JSON for what is no text. */
  attributes: Readonly<Record<string, string>>;
  /** OTLP's JSON of it, which is what clients get back. */
  content: string;
  /** About the process that sent it. */
  resource: readonly Pair[];
}

type Home = Pick<ExperimentRow, "artifact_location">;

/** Where a trace's files go. */
export const traceLocation = ({ artifact_location }: Home, traceId: string): string =>
  `${artifact_location.replace(/\/+$/, "")}/traces/${traceId}/artifacts`;

/** The same as the tag that clients read; they may set it to anything afterwards. */
export const locationTag = (experiment: Home, traceId: string): Pair => ({
  key: LOCATION,
  value: traceLocation(experiment, traceId),
});

const milliseconds = (ns: bigint): number => Number(ns / 1_000_000n);
/** A letter has one or two UTF-16 units. */
const shortened = (text: string, chars: number): string => firstLetters(text.slice(0, 2 * chars), chars);
const preview = (text: string | undefined): string | null =>
  text === undefined ? null : shortened(text, LIMITS.tracePreviewChars);

/** What the spans say of their trace: its times, its state and what it was asked, when the root is among them. */
function traceOf(spans: readonly NewSpan[]) {
  const root = spans.find((span) => span.parentId === undefined);
  const startedMs = Math.min(...spans.map((span) => milliseconds(span.startedNs)));
  const endedMs = Math.max(...spans.map((span) => milliseconds(span.endedNs ?? span.startedNs)));
  const state: rows.TraceState = root === undefined ? "IN_PROGRESS" : root.status === "ERROR" ? "ERROR" : "OK";
  return { root, startedMs, endedMs, state };
}

const rowOf = (span: NewSpan, trace_seq: number): spanRows.SpanRow => ({
  trace_seq,
  span_id: span.spanId,
  started_us: Number(span.startedNs / 1000n),
  name: span.name,
  type: span.type,
  status: span.status,
  attributes: searchableJson(span.attributes),
  content: span.content,
});

/** Tags and metadata that the spans carry for their trace; those that a client has set stay. */
function pairsOf(spans: readonly NewSpan[], root: NewSpan | undefined) {
  const first = (...keys: string[]) =>
    spans.flatMap(({ attributes }) => keys.flatMap((key) => attributes[key] ?? []))[0];
  const named = (key: string, value: string | undefined): Pair[] =>
    value === undefined ? [] : [{ key, value: shortened(value, LIMITS.traceTagChars) }];
  const own = spans[0]!.resource.filter(
    ({ key }) => !/^(telemetry\.sdk\.|mlflow\.)/.test(key) && key.length <= LIMITS.keyChars,
  );
  return {
    tags: [...own.flatMap(({ key, value }) => named(key, value)), ...named(NAME, root?.name)],
    metadata: [
      ...named(SESSION, first(SESSION, "session.id", "gen_ai.conversation.id")),
      ...named(USER, first(USER, "user.id")),
    ],
  };
}

export function createSpans({ db }: TrackingOptions) {
  /** The trace as its row, made or brought up to date. */
  async function putTrace(
    sql: Sql,
    experiment: ExperimentRow,
    traceId: string,
    spans: readonly NewSpan[],
  ): Promise<number> {
    const known = await rows.traceById(sql, traceId);
    if (known && Number(known.experiment_id) !== Number(experiment.experiment_id))
      throw invalid(`Trace '${traceId}' belongs to experiment ${known.experiment_id}`);
    const { root, startedMs, endedMs, state } = traceOf(spans);
    const { attributes } = root ?? {};
    const previews = {
      request_preview: preview(attributes?.["mlflow.spanInputs"] ?? attributes?.["input.value"]),
      response_preview: preview(attributes?.["mlflow.spanOutputs"] ?? attributes?.["output.value"]),
    };
    const row = { trace_id: traceId, experiment_id: experiment.experiment_id, client_request_id: null, ...previews };
    const { tags, metadata } = pairsOf(spans, root);
    if (!known) {
      const seq = await rows.putTrace(sql, { ...row, request_ms: startedMs, duration_ms: endedMs - startedMs, state });
      await rows.putTracePairs(sql, "tag", seq, [...tags, locationTag(experiment, traceId)]);
      await rows.putTracePairs(sql, "metadata", seq, metadata);
      return seq;
    }
    // What a client has said of the trace's end counts, not what can be seen in the spans.
    if (known.state === "IN_PROGRESS" || known.state === "STATE_UNSPECIFIED") {
      const request_ms = Math.min(Number(known.request_ms), startedMs);
      const until = Math.max(Number(known.request_ms) + Number(known.duration_ms ?? 0), endedMs);
      const said = {
        request_preview: known.request_preview ?? row.request_preview,
        response_preview: known.response_preview ?? row.response_preview,
      };
      await rows.putTrace(sql, {
        ...known,
        ...said,
        request_ms,
        duration_ms: until - request_ms,
        state: root ? state : known.state,
      });
    }
    await rows.addTracePairs(sql, "tag", known.seq, tags);
    await rows.addTracePairs(sql, "metadata", known.seq, metadata);
    return known.seq;
  }

  return {
    /** Keeps spans of one or several traces of an experiment, all or none; and that their traces belong to a run. */
    async logSpans(experimentId: string, spans: readonly NewSpan[], runId?: string): Promise<void> {
      await db.write(async (sql) => {
        const experiment = await mustBeActive(sql, experimentId);
        for (const [traceId, own] of Map.groupBy(spans, (span) => span.traceId)) {
          const seq = await putTrace(sql, experiment, traceId, own);
          await rows.putTracePairs(sql, "tag", seq, [IN_STORE]);
          await spanRows.putSpans(
            sql,
            own.map((span) => rowOf(span, seq)),
          );
          if (runId !== undefined) await rows.linkTraceToRun(sql, seq, runId);
        }
      }, "logged");
    },

    /** OTLP's JSON of a trace's spans by trace id, in the order of their beginnings; none for spans that are an artifact. */
    async spansOf(traceIds: readonly string[]): Promise<Map<string, unknown[]>> {
      const found = await rows.tracesByIds(db, traceIds);
      const spans = groupBy(
        await spanRows.spansOf(
          db,
          found.map((row) => row.seq),
        ),
        (span) => Number(span.trace_seq),
      );
      return new Map(
        found.map((row) => [
          row.trace_id,
          (spans.get(Number(row.seq)) ?? []).map((span) => JSON.parse(span.content) as unknown),
        ]),
      );
    },
  };
}
