/**
 * What people and judges say of traces: feedback and expectations, kept in the protocol's own JSON. One that overrides another
 * makes that invalid for as long as it is there.
 */

import { fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { invalid } from "../base/keys.ts";
import * as rows from "../db/assessments.ts";
import type { Sql } from "../db/db.ts";
import { searchableJson } from "../db/json.ts";
import type { TraceRow } from "../db/traces.ts";
import { mustFindTrace } from "./read.ts";
import type { TrackingOptions } from "./types.ts";

type Content = Readonly<Record<string, unknown>>;
type Owner = Pick<TraceRow, "seq" | "trace_id">;

const KINDS = ["feedback", "expectation", "issue"] as const;
/** All else stays as it was made. */
const CHANGEABLE = ["assessment_name", "feedback", "expectation", "rationale", "metadata"] as const;

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value ? value : undefined);
const kindOf = (content: Content) => KINDS.find((kind) => typeof content[kind] === "object" && content[kind] !== null);

/** Writes it with what it lacks: an id, its times, and that it is valid. */
export async function putAssessment(sql: Sql, trace: Owner, content: Content, nowMs: number): Promise<Content> {
  const id = textOf(content.assessment_id) ?? `a-${randomId()}`;
  const time = new Date(nowMs).toISOString();
  const lacking = { create_time: time, last_update_time: time, valid: true };
  const stored = { ...lacking, ...content, assessment_id: id, trace_id: trace.trace_id };
  const row = { trace_seq: trace.seq, assessment_id: id, created_ms: nowMs, content: searchableJson(stored) };
  await rows.putAssessment(sql, row);
  return stored;
}

async function find(sql: Sql, trace: Owner, id: string): Promise<Content | undefined> {
  const row = (await rows.assessmentsOf(sql, [trace.seq])).find((one) => one.assessment_id === id);
  return row && (JSON.parse(row.content) as Content);
}

async function mustFind(sql: Sql, trace: Owner, id: string): Promise<Content> {
  const found = await find(sql, trace, id);
  if (!found) throw fail("NOT_FOUND", { what: `Assessment with ID '${id}' not found for trace '${trace.trace_id}'` });
  return found;
}

/** Feedback stays feedback, and keys of metadata are added to those there are. INVALID. */
function changed(known: Content, members: Content): Content {
  const other = kindOf(known) === "expectation" ? "feedback" : "expectation";
  if (members[other] !== undefined)
    throw invalid(
      `Cannot update ${other} value on ${other === "feedback" ? "an Expectation" : "a Feedback"} assessment.`,
    );
  const given = Object.fromEntries(
    CHANGEABLE.flatMap((key) => (members[key] === undefined ? [] : [[key, members[key]]])),
  );
  const metadata = { ...(known.metadata as object | undefined), ...(members.metadata as object | undefined) };
  return { ...known, ...given, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) };
}

export function createAssessments({ db, clock }: TrackingOptions) {
  const now = () => clock.nowMs();
  const change = <T>(traceId: string, work: (sql: Sql, trace: TraceRow) => Promise<T>): Promise<T> =>
    db.write(async (sql) => work(sql, await mustFindTrace(sql, traceId)), "logged");

  return {
    /** Resolves to the assessment with its id; NOT_FOUND when there is none that it could override. */
    createAssessment: (traceId: string, content: Content): Promise<Content> =>
      change(traceId, async (sql, trace) => {
        if (kindOf(content) === undefined) throw invalid("Unknown assessment type: None");
        const overridden = textOf(content.overrides);
        if (overridden !== undefined) {
          const known = await mustFind(sql, trace, overridden);
          await putAssessment(sql, trace, { ...known, valid: false }, now());
        }
        return putAssessment(sql, trace, content, now());
      }),

    getAssessment: async (traceId: string, id: string): Promise<Content> =>
      mustFind(db, await mustFindTrace(db, traceId), id),

    /** Replaces the members that are given. */
    updateAssessment: (traceId: string, id: string, members: Content): Promise<Content> =>
      change(traceId, async (sql, trace) => {
        const next = changed(await mustFind(sql, trace, id), members);
        return putAssessment(sql, trace, { ...next, last_update_time: new Date(now()).toISOString() }, now());
      }),

    /** What it overrode is valid again. */
    async deleteAssessment(traceId: string, id: string): Promise<void> {
      await change(traceId, async (sql, trace) => {
        const overridden = textOf((await find(sql, trace, id))?.overrides);
        const known = overridden === undefined ? undefined : await find(sql, trace, overridden);
        if (known) await putAssessment(sql, trace, { ...known, valid: true }, now());
        await rows.deleteAssessmentRow(sql, trace.seq, id);
      });
    },
  };
}
