/**
 * The journal: everything that happened, to what, by whom, why. Append-only; each row carries the hash of the row before,
 * so that an edit or a gap shows. A row's hash is SHA-256 over canonical JSON of its fields and the previous hash.
 */

import { hashValue } from "../base/hash.ts";
import { redact } from "../base/log.ts";
import type { Db, Sql } from "./db.ts";

export interface NewEvent {
  /** What happened, noun then verb: "run.finished", "deployment.promoted". */
  kind: string;
  /** To what: "pipeline/flight-delay", "model/flight-delay/3". */
  subject: string;
  /** By whom: a user, "schedule", "monitor", "ci". */
  actor: string;
  reason: string;
  data?: Record<string, unknown>;
}

export interface Event extends NewEvent {
  seq: number;
  timeMs: number;
  data: Record<string, unknown>;
  hash: string;
}

interface EventRow {
  seq: number;
  time_ms: number;
  kind: string;
  subject: string;
  actor: string;
  reason: string;
  data: string;
  previous_hash: string;
  hash: string;
}

const GENESIS = "0".repeat(64);

const hashOf = (row: Omit<EventRow, "seq" | "hash">): string =>
  hashValue([row.time_ms, row.kind, row.subject, row.actor, row.reason, row.data, row.previous_hash]);

/** Appends inside the caller's transaction, so that the fact and its record are published together. */
export async function appendEvent(sql: Sql, event: NewEvent, timeMs: number): Promise<void> {
  const last = await sql.get<{ hash: string }>("SELECT hash FROM events ORDER BY seq DESC LIMIT 1");
  const row = {
    time_ms: timeMs,
    kind: event.kind,
    subject: event.subject,
    actor: redact(event.actor),
    reason: redact(event.reason),
    data: redact(JSON.stringify(event.data ?? {})),
    previous_hash: last?.hash ?? GENESIS,
  };
  await sql.run(
    "INSERT INTO events (time_ms, kind, subject, actor, reason, data, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [row.time_ms, row.kind, row.subject, row.actor, row.reason, row.data, row.previous_hash, hashOf(row)],
  );
}

/** The newest event's number; 0 before the first. */
export const lastEventSeq = async (sql: Sql): Promise<number> =>
  Number((await sql.get<{ seq: number | null }>("SELECT max(seq) AS seq FROM events"))?.seq ?? 0);

export interface EventFilter {
  kind?: string;
  /** Matches the subject or anything below it. */
  subject?: string;
  /** Only events after this sequence number. */
  afterSeq?: number;
  limit?: number;
  /** The oldest `limit` instead of the newest. */
  oldest?: boolean;
}

/** Events in order; the newest `limit` of them (100 unless told), or the oldest. */
export async function listEvents(db: Db, filter: EventFilter = {}): Promise<Event[]> {
  const where = ["seq > ?"];
  const params: (string | number)[] = [filter.afterSeq ?? 0];
  if (filter.kind !== undefined) {
    where.push("kind = ?");
    params.push(filter.kind);
  }
  if (filter.subject !== undefined) {
    where.push("(subject = ? OR substr(subject, 1, ?) = ?)");
    params.push(filter.subject, filter.subject.length + 1, `${filter.subject}/`);
  }
  const rows = await db.all<EventRow>(
    `SELECT * FROM events WHERE ${where.join(" AND ")} ORDER BY seq ${filter.oldest ? "ASC" : "DESC"} LIMIT ?`,
    [...params, filter.limit ?? 100],
  );
  return (filter.oldest ? rows : rows.reverse()).map((row) => ({
    seq: Number(row.seq),
    timeMs: Number(row.time_ms),
    kind: row.kind,
    subject: row.subject,
    actor: row.actor,
    reason: row.reason,
    data: JSON.parse(row.data) as Record<string, unknown>,
    hash: row.hash,
  }));
}

/** Recomputes the chain; resolves to the number of events, or to the first sequence number that does not fit. */
export async function verifyJournal(db: Db): Promise<{ events: number; brokenAtSeq?: number }> {
  let previous = GENESIS;
  let events = 0;
  let after = 0;
  for (;;) {
    const rows = await db.all<EventRow>("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT 1000", [after]);
    if (rows.length === 0) return { events };
    for (const row of rows) {
      const fields = { ...row, time_ms: Number(row.time_ms) };
      if (row.previous_hash !== previous || hashOf(fields) !== row.hash)
        return { events, brokenAtSeq: Number(row.seq) };
      previous = row.hash;
      events++;
      after = Number(row.seq);
    }
  }
}
