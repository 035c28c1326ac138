/** Queries about the spans of traces, for those that came span by span. */

import type { Db, Sql } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Clause } from "./search/grammar.ts";
import { allOf, compare, type Piece } from "./search/sql.ts";

export interface SpanRow {
  trace_seq: number;
  /** Hexadecimal. */
  span_id: string;
  /** Microseconds since 1970. */
  started_us: number;
  name: string;
  type: string;
  status: "OK" | "ERROR" | "UNSET";
  /** A JSON object of texts. */
  attributes: string;
  /** OTLP's JSON of the span. */
  content: string;
}

const NAMES = ["trace_seq", "span_id", "started_us", "name", "type", "status", "attributes", "content"] as const;

/** A span that comes again takes the place of what was known of it. */
export const putSpans = (sql: Sql, spans: readonly SpanRow[]): Promise<void> =>
  sql.runMany(
    `INSERT INTO trace_spans (${NAMES.join(", ")}) VALUES (${NAMES.map(() => "?").join(", ")})
     ON CONFLICT (trace_seq, span_id) DO UPDATE SET ${NAMES.slice(2)
       .map((name) => `${name} = excluded.${name}`)
       .join(", ")}`,
    spans.map((span) => NAMES.map((name) => span[name])),
  );

/** In the order of their beginnings. */
export const spansOf = (sql: Sql, seqs: readonly number[]): Promise<Pick<SpanRow, "trace_seq" | "content">[]> =>
  allIn(
    sql,
    seqs,
    (list) =>
      `SELECT trace_seq, content FROM trace_spans WHERE trace_seq IN ${list} ORDER BY trace_seq, started_us, span_id`,
  );

const ATTRIBUTE = "attributes.";
const COLUMNS = ["name", "type", "status", "content"];

/** Whether a span can be searched by that: "name", "type", "status", "content", or "attributes.<name>", where no name has a quote. */
export const isSpanKey = (key: string): boolean =>
  COLUMNS.includes(key) || (key.startsWith(ATTRIBUTE) && key.length > ATTRIBUTE.length && !key.includes('"'));

export const isSpanClause = ({ entity }: Clause): boolean => entity === "span";

/** What a key means, of the row `s`. */
export const spanText = ({ dialect }: Db, key: string): Piece =>
  key.startsWith(ATTRIBUTE)
    ? { sql: dialect.member("s.attributes"), params: [key.slice(ATTRIBUTE.length)] }
    : { sql: `s.${key}`, params: [] };

/** The clauses as tests of the row `s`. */
export const spanTests = (db: Db, clauses: readonly Clause[]): Piece[] =>
  clauses.map((clause) => {
    const text = spanText(db, clause.key);
    const value = compare(db.dialect, text.sql, clause);
    return { sql: value.sql, params: [...text.params, ...value.params] };
  });

/** The traces with one span that meets all clauses. */
export function spanTest(db: Db, clauses: readonly Clause[]): Piece {
  const met = allOf(spanTests(db, clauses));
  return {
    sql: `EXISTS (SELECT 1 FROM trace_spans AS s WHERE s.trace_seq = traces.seq AND ${met.sql})`,
    params: met.params,
  };
}
