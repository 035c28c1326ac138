/**
 * Traces: requests that a client traced, with state, times, tags and metadata. Their spans are kept by spans.ts, or uploaded as
 * an artifact to the place that the tag mlflow.artifactLocation names. Assessments are kept in the protocol's own JSON.
 */

import { fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { checkLength, invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import * as assessmentRows from "../db/assessments.ts";
import type { Sql } from "../db/db.ts";
import { groupBy } from "../db/lists.ts";
import { type Clause, readFilter, readOrder } from "../db/search/grammar.ts";
import { isSpanClause, isSpanKey } from "../db/spans.ts";
import { pageOf, positionIn } from "../db/token.ts";
import { searchTraceRows } from "../db/trace_search.ts";
import * as rows from "../db/traces.ts";
import { putAssessment } from "./assessments.ts";
import { mustBeActive } from "./experiments.ts";
import { TRACE_GRAMMAR } from "./filter.ts";
import { mustFindTrace } from "./read.ts";
import { locationTag } from "./spans.ts";
import type { Page, Pair, Trace, TrackingOptions } from "./types.ts";
import { cut, experimentNumber, pageSize } from "./validate.ts";

const SOURCE_RUN = "mlflow.sourceRun";

export type NewTrace = Omit<Trace, "traceId" | "assessments"> & {
  traceId?: string;
  assessments?: readonly Record<string, unknown>[];
};

export interface TraceSearch {
  experimentIds: readonly string[];
  filter?: string;
  orderBy?: readonly string[];
  /** 100 unless told; at most 500. */
  maxResults?: number;
  pageToken?: string;
}

async function read(sql: Sql, found: readonly rows.TraceRow[]): Promise<Trace[]> {
  const seqs = found.map((row) => row.seq);
  const of = (row: { trace_seq: number }) => Number(row.trace_seq);
  const tags = groupBy(await rows.tracePairsOf(sql, "tag", seqs), of);
  const metadata = groupBy(await rows.tracePairsOf(sql, "metadata", seqs), of);
  const assessments = groupBy(await assessmentRows.assessmentsOf(sql, seqs), of);
  const pairs = (list: readonly Pair[] = []) => list.map(({ key, value }) => ({ key, value }));
  return found.map((row) => {
    const seq = Number(row.seq);
    return {
      traceId: row.trace_id,
      experimentId: String(row.experiment_id),
      requestMs: Number(row.request_ms),
      ...(row.duration_ms === null ? {} : { durationMs: Number(row.duration_ms) }),
      state: row.state,
      ...(row.client_request_id === null ? {} : { clientRequestId: row.client_request_id }),
      ...(row.request_preview === null ? {} : { requestPreview: row.request_preview }),
      ...(row.response_preview === null ? {} : { responsePreview: row.response_preview }),
      tags: pairs(tags.get(seq)),
      metadata: pairs(metadata.get(seq)),
      assessments: (assessments.get(seq) ?? []).map((a) => JSON.parse(a.content) as Record<string, unknown>),
    };
  });
}

/** With values cut to their limit; INVALID for a key that is too long. */
const checkedPairs = (pairs: readonly Pair[]): Pair[] =>
  pairs.map(({ key, value }) => {
    checkLength("key", LIMITS.keyChars, key);
    return { key, value: cut(LIMITS.traceTagChars, value) };
  });

function checkSpans(all: readonly Clause[]): void {
  for (const { key, comparator } of all.filter(isSpanClause)) {
    if (!isSpanKey(key))
      throw invalid(
        `Invalid span key '${key}'. Valid keys are ['name', 'type', 'status', 'content', 'attributes.<name>']`,
      );
    if (key === "content" && comparator !== "LIKE" && comparator !== "ILIKE")
      throw invalid(`Invalid comparator '${comparator}' for span 'content'. It must be one of LIKE, ILIKE`);
  }
}

/** Python's JSON of a text: it writes what is no ASCII as codes. */
const pythonJson = (text: string): string =>
  JSON.stringify(text).replace(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** That the trace's tag of prompts, a list in JSON as Python writes it, has this one. INVALID. */
function promptClause({ value }: Clause): Clause {
  const [name, version, ...more] = String(value).split("/");
  if (!name || !version || more.length > 0)
    throw invalid(`Invalid prompts filter value '${value}'. Expected format: prompt = "name/version"`);
  const listed = `{"name": ${pythonJson(name)}, "version": ${pythonJson(version)}}`;
  const pattern = listed.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return { entity: "tag", key: "mlflow.linkedPrompts", comparator: "RLIKE", value: pattern };
}

/** The filter's clauses; a trace's text is what its spans hold. */
function readClauses(filter: string): Clause[] {
  const all = readFilter(TRACE_GRAMMAR, filter).map((clause) => {
    if (clause.entity !== "attribute") return clause;
    if (clause.key === "prompt") return promptClause(clause);
    return clause.key === "text" ? { ...clause, entity: "span", key: "content" } : clause;
  });
  checkSpans(all);
  return all;
}

export function createTraces({ db, clock }: TrackingOptions) {
  const now = () => clock.nowMs();

  async function writePairs(sql: Sql, seq: number, tags: readonly Pair[], metadata: readonly Pair[]): Promise<void> {
    await rows.putTracePairs(sql, "tag", seq, tags);
    await rows.putTracePairs(sql, "metadata", seq, metadata);
    const run = metadata.find(({ key }) => key === SOURCE_RUN);
    if (run) await rows.linkTraceToRun(sql, seq, run.value);
  }

  const change = <T>(traceId: string, work: (sql: Sql, row: rows.TraceRow) => Promise<T>): Promise<T> =>
    db.write(async (sql) => work(sql, await mustFindTrace(sql, traceId)), "logged");

  return {
    /** Makes a trace, or completes one that is there: tags and metadata are added to those it has. */
    async putTrace(made: NewTrace): Promise<Trace> {
      const [tags, metadata] = [checkedPairs(made.tags), checkedPairs(made.metadata)];
      return db.write(async (sql) => {
        const experiment = await mustBeActive(sql, made.experimentId);
        const traceId = made.traceId || `tr-${randomId()}`;
        const row = {
          trace_id: traceId,
          experiment_id: experiment.experiment_id,
          request_ms: made.requestMs,
          duration_ms: made.durationMs ?? null,
          state: made.state,
          client_request_id: made.clientRequestId ?? null,
          request_preview: made.requestPreview ?? null,
          response_preview: made.responsePreview ?? null,
        };
        const seq = await rows.putTrace(sql, row);
        await writePairs(sql, seq, [...tags, locationTag(experiment, traceId)], metadata);
        for (const assessment of made.assessments ?? []) await putAssessment(sql, { ...row, seq }, assessment, now());
        return (await read(sql, [{ ...row, seq }]))[0]!;
      }, "logged");
    },

    /** What a 2.x client says when the traced request has ended. */
    async endTrace(
      traceId: string,
      end: { endMs: number; state: rows.TraceState; tags: readonly Pair[]; metadata: readonly Pair[] },
    ): Promise<Trace> {
      const [tags, metadata] = [checkedPairs(end.tags), checkedPairs(end.metadata)];
      return change(traceId, async (sql, row) => {
        const ended = { ...row, state: end.state, duration_ms: end.endMs - Number(row.request_ms) };
        await rows.putTrace(sql, ended);
        await writePairs(sql, row.seq, tags, metadata);
        return (await read(sql, [ended]))[0]!;
      });
    },

    async getTrace(traceId: string): Promise<Trace> {
      return (await read(db, [await mustFindTrace(db, traceId)]))[0]!;
    },

    /** Those that there are, in the order of the ids: clients keep the order of a search by it. */
    async getTraces(traceIds: readonly string[]): Promise<Trace[]> {
      const found = new Map((await rows.tracesByIds(db, traceIds)).map((row) => [row.trace_id, row]));
      return read(
        db,
        [...new Set(traceIds)].flatMap((id) => found.get(id) ?? []),
      );
    },

    async setTraceTag(traceId: string, tag: Pair): Promise<void> {
      const checked = checkedPairs([tag]);
      await change(traceId, (sql, row) => rows.putTracePairs(sql, "tag", row.seq, checked));
    },

    /** NOT_FOUND when the trace has no such tag. */
    async deleteTraceTag(traceId: string, key: string): Promise<void> {
      await change(traceId, async (sql, row) => {
        if ((await rows.deleteTraceTagRow(sql, row.seq, key)) === 0)
          throw fail("NOT_FOUND", { what: `No trace tag with key '${key}' for trace with ID '${traceId}'` });
      });
    },

    /** By ids, or the oldest up to a time; resolves to how many. */
    async deleteTraces(
      experimentId: string,
      which: { ids: readonly string[] } | { upToMs: number; most?: number },
    ): Promise<number> {
      const id = experimentNumber(experimentId);
      if ("most" in which && which.most !== undefined && which.most < 1)
        throw invalid(`\`max_traces\` must be a positive integer, received ${which.most}.`);
      return db.write(async (sql) => {
        const found =
          "ids" in which
            ? (await rows.tracesByIds(sql, which.ids)).filter((row) => Number(row.experiment_id) === id)
            : await rows.tracesUpTo(sql, id, which.upToMs, which.most ?? LIMITS.deleteTraces);
        await rows.deleteTraceRows(
          sql,
          found.map((row) => row.seq),
        );
        return found.length;
      });
    },

    async linkTraces(traceIds: readonly string[], runId: string): Promise<void> {
      await db.write(async (sql) => {
        for (const row of await rows.tracesByIds(sql, traceIds)) await rows.linkTraceToRun(sql, row.seq, runId);
      }, "logged");
    },

    /** Newest first unless told. */
    async searchTraces(query: TraceSearch): Promise<Page<Trace>> {
      const limit = pageSize(query.maxResults ?? 100, LIMITS.searchTraces);
      const ids = [...new Set(query.experimentIds.map(experimentNumber))].sort((a, b) => a - b);
      if (ids.length === 0) return { items: [] };
      const clauses = readClauses(query.filter ?? "");
      const order = readOrder(TRACE_GRAMMAR, query.orderBy ?? []);
      const same = ["traces", ids, clauses, order];
      const after = positionIn(query.pageToken, same);
      const found = await searchTraceRows(db, { experimentIds: ids, clauses, order, limit: limit + 1, after });
      const page = pageOf(found, limit, same);
      return {
        ...page,
        items: await read(
          db,
          page.items.map((one) => one.row),
        ),
      };
    },
  };
}
