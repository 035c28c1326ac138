/** Search over traces, by what is known of them, their spans and their assessments. */

import { assessmentTest, isAssessment } from "./assessments.ts";
import type { Db } from "./db.ts";
import { inList } from "./lists.ts";
import type { Clause, Order } from "./search/grammar.ts";
import { type Found, searchTable } from "./search/table.ts";
import { isSpanClause, spanTest } from "./spans.ts";
import type { Position } from "./token.ts";
import { hasPattern, searchPatterns } from "./trace_patterns.ts";
import { SEARCHED_TRACES, type TraceRow } from "./traces.ts";

export interface TraceRowSearch {
  /** At least one. */
  experimentIds: readonly number[];
  clauses: readonly Clause[];
  order: readonly Order[];
  limit: number;
  after?: Position | undefined;
}

export function searchTraceRows(db: Db, search: TraceRowSearch): Promise<Found<TraceRow>[]> {
  const { experimentIds, clauses: all, ...rest } = search;
  const tested = all.filter((clause) => !hasPattern(clause));
  const spans = tested.filter(isSpanClause);
  const experiments = inList(experimentIds);
  const where = [
    { sql: `traces.experiment_id IN ${experiments.sql}`, params: experiments.params },
    ...tested.filter(isAssessment).map((clause) => assessmentTest(db, clause)),
    ...(spans.length > 0 ? [spanTest(db, spans)] : []),
  ];
  const clauses = tested.filter((clause) => !isSpanClause(clause) && !isAssessment(clause));
  const query = { ...rest, clauses, where };
  return tested.length === all.length
    ? searchTable<TraceRow>(db, SEARCHED_TRACES, query)
    : searchPatterns(db, query, all);
}
