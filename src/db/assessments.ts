/**
 * What people and judges say of traces: feedback and expectations, kept in the protocol's own JSON, and the tests of a search
 * that look into it.
 */

import type { Db, Sql } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Clause } from "./search/grammar.ts";
import { allOf, compare, type Piece } from "./search/sql.ts";

export interface AssessmentRow {
  trace_seq: number;
  assessment_id: string;
  created_ms: number;
  content: string;
}

export const putAssessment = (sql: Sql, row: AssessmentRow): Promise<number> =>
  sql.run(
    `INSERT INTO trace_assessments (trace_seq, assessment_id, created_ms, content) VALUES (?, ?, ?, ?)
     ON CONFLICT (trace_seq, assessment_id) DO UPDATE SET content = excluded.content`,
    [row.trace_seq, row.assessment_id, row.created_ms, row.content],
  );

export const deleteAssessmentRow = (sql: Sql, seq: number, assessmentId: string): Promise<number> =>
  sql.run("DELETE FROM trace_assessments WHERE trace_seq = ? AND assessment_id = ?", [seq, assessmentId]);

export const assessmentsOf = (sql: Sql, seqs: readonly number[]): Promise<AssessmentRow[]> =>
  allIn(
    sql,
    seqs,
    (list) => `SELECT trace_seq, assessment_id, created_ms, content FROM trace_assessments
      WHERE trace_seq IN ${list} ORDER BY trace_seq, created_ms, assessment_id`,
  );

const isNull = ({ comparator }: Clause): boolean => comparator === "IS NULL" || comparator === "IS NOT NULL";

export const isAssessment = ({ entity }: Clause): boolean => entity === "feedback" || entity === "expectation";

const valuePath = ({ entity }: Clause): string[] => [entity, "value"];

/** The value as text; lists and objects, also those of an expectation, as JSON. */
function valueText({ dialect }: Db, clause: Clause): string {
  const serialized = dialect.textAt("a.content", [clause.entity, "serialized_value", "value"]);
  return `COALESCE(${dialect.textAt("a.content", valuePath(clause))}, ${serialized}, 'null')`;
}

/** A number is compared with numbers, a text with what is there as text. */
function valueTest(db: Db, clause: Clause): Piece {
  if (isNull(clause)) return { sql: "1 = 1", params: [] };
  const isNumber = typeof clause.value === "number";
  const value = isNumber ? db.dialect.numberAt("a.content", valuePath(clause)) : valueText(db, clause);
  return compare(db.dialect, value, clause);
}

/** Whether the row `a` is feedback, or an expectation (the clause's entity), of the clause's name that holds. */
function nameTest({ dialect: { textAt } }: Db, clause: Clause): Piece {
  const tests = [
    `${textAt("a.content", [clause.entity])} IS NOT NULL`,
    `${textAt("a.content", ["assessment_name"])} = ?`,
    `COALESCE(${textAt("a.content", ["valid"])}, 'true') <> 'false'`,
  ];
  return { sql: tests.join(" AND "), params: [clause.key] };
}

/** The values that a clause is about, of the row `a`. */
export const assessedText = (db: Db, clause: Clause): { where: Piece; values: Piece[] } => ({
  where: nameTest(db, clause),
  values: [{ sql: valueText(db, clause), params: [] }],
});

/** The traces with an assessment that the clause names and that meets it. */
export function assessmentTest(db: Db, clause: Clause): Piece {
  const met = allOf([nameTest(db, clause), valueTest(db, clause)]);
  return {
    sql: `${clause.comparator === "IS NULL" ? "NOT " : ""}EXISTS (SELECT 1 FROM trace_assessments AS a WHERE a.trace_seq = traces.seq AND ${met.sql})`,
    params: met.params,
  };
}
