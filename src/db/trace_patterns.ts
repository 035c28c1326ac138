/** The clauses of a search over traces that hold a pattern: what SQL finds is tested here, a page at a time. */

import { assessedText, isAssessment } from "./assessments.ts";
import type { Db } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Clause } from "./search/grammar.ts";
import { type Pattern, readPattern } from "./search/pattern.ts";
import { allOf, type Piece } from "./search/sql.ts";
import { type Found, searchTable, type TableQuery } from "./search/table.ts";
import { isSpanClause, spanTests, spanText } from "./spans.ts";
import { SEARCHED_TRACES, type TraceRow } from "./traces.ts";

/** Traces looked at at once. */
const LOOK = 500;

/** Texts of traces: rows with `seq` and the texts v0, v1, … that the patterns are tested on, all of them on one row. */
interface Texts {
  from: string;
  seq: string;
  where: Piece;
  values: readonly Piece[];
  patterns: readonly Pattern[];
}

export const hasPattern = ({ comparator }: Clause): boolean => comparator === "RLIKE";

const plain = (sql: string): Piece => ({ sql, params: [] });

/** Where the text of a clause on a trace itself, its tags, metadata or assessments stands. */
function placeOf(db: Db, clause: Clause): Omit<Texts, "patterns"> {
  if (isAssessment(clause)) return { from: "trace_assessments AS a", seq: "a.trace_seq", ...assessedText(db, clause) };
  const { among, compared, column, pairs } = SEARCHED_TRACES;
  const where = plain("1 = 1");
  if (clause.entity !== "attribute") {
    const keyed = { sql: "t.key = ?", params: [clause.key] };
    return {
      from: `${pairs[clause.entity]!.table} AS t`,
      seq: "t.trace_seq",
      where: keyed,
      values: [plain("t.value")],
    };
  }
  const other = among?.[clause.key];
  if (other) return { from: `${other.table} AS t`, seq: "t.trace_seq", where, values: [plain(`t.${other.value}`)] };
  const value = compared?.[clause.key] ?? column[clause.key]!;
  return { from: "traces", seq: "traces.seq", where, values: [plain(value)] };
}

const patternOf = (clause: Clause): Promise<Pattern> => readPattern(clause.value as string);

/** Clauses with a pattern, each by itself; those about spans together with all others about the same span. */
async function textsOf(db: Db, clauses: readonly Clause[]): Promise<Texts[]> {
  const patterned = clauses.filter(hasPattern);
  const spans = patterned.filter(isSpanClause);
  const others = patterned.filter((clause) => !isSpanClause(clause));
  const texts = await Promise.all(
    others.map(async (clause) => ({ ...placeOf(db, clause), patterns: [await patternOf(clause)] })),
  );
  if (spans.length === 0) return texts;
  const where = allOf(
    spanTests(
      db,
      clauses.filter((clause) => isSpanClause(clause) && !hasPattern(clause)),
    ),
  );
  const values = spans.map((clause) => spanText(db, clause.key));
  const patterns = await Promise.all(spans.map(patternOf));
  return [...texts, { from: "trace_spans AS s", seq: "s.trace_seq", where, values, patterns }];
}

type TextRow = Record<`v${number}`, string | null> & { seq: number };

/** Those of the traces that have a row which all patterns are found in. */
async function meeting(db: Db, texts: Texts, seqs: readonly number[]): Promise<Set<number>> {
  const { from, seq, where, values, patterns } = texts;
  const columns = values.map((value, i) => `${value.sql} AS v${i}`).join(", ");
  const before = [...values.flatMap((value) => value.params), ...where.params];
  const select = (list: string) =>
    `SELECT ${seq} AS seq, ${columns} FROM ${from} WHERE ${where.sql} AND ${seq} IN ${list}`;
  const found = new Set<number>();
  for (const row of await allIn<TextRow>(db, seqs, select, before)) {
    if (found.has(Number(row.seq))) continue;
    const isMet = patterns.every((pattern, i) => typeof row[`v${i}`] === "string" && pattern(row[`v${i}`]!));
    if (isMet) found.add(Number(row.seq));
  }
  return found;
}

/** As searchTable, for traces and with the patterns of all `clauses`, which the query's own conditions leave out. */
export async function searchPatterns(
  db: Db,
  query: TableQuery,
  clauses: readonly Clause[],
): Promise<Found<TraceRow>[]> {
  const all = await textsOf(db, clauses);
  const kept: Found<TraceRow>[] = [];
  for (let { after } = query; ; ) {
    const page = await searchTable<TraceRow>(db, SEARCHED_TRACES, { ...query, after, limit: LOOK });
    let left = page;
    for (const texts of left.length === 0 ? [] : all) {
      const met = await meeting(
        db,
        texts,
        left.map(({ row }) => row.seq),
      );
      left = left.filter(({ row }) => met.has(Number(row.seq)));
      if (left.length === 0) break;
    }
    kept.push(...left);
    if (kept.length >= query.limit || page.length < LOOK) return kept.slice(0, query.limit);
    after = page.at(-1)!.position;
    // Others are answered between two looks.
    await Bun.sleep(0);
  }
}
