/**
 * What people and judges say of traces: feedback and expectations, kept in the protocol's own JSON, and the tests of a search
 * that look into it.
 */

import type { Db, Sql } from "./db.ts";
import { allIn } from "./lists.ts";
import type { Clause } from "./search/grammar.ts";
import { compare, type Piece } from "./search/sql.ts";

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

/** The value compared: a number, or the text of what is there; lists and objects, also those of an expectation, as JSON. */
function valueTest({ dialect }: Db, clause: Clause): Piece {
  if (isNull(clause)) return { sql: "1 = 1", params: [] };
  const path = [clause.entity, "value"];
  if (typeof clause.value === "number") return compare(dialect, dialect.numberAt("a.content", path), clause);
  const serialized = dialect.textAt("a.content", [clause.entity, "serialized_value", "value"]);
  return compare(dialect, `COALESCE(${dialect.textAt("a.content", path)}, ${serialized}, 'null')`, clause);
}

/** The traces with feedback, or an expectation (the clause's entity), of the clause's name that holds and meets it. */
export function assessmentTest(db: Db, clause: Clause): Piece {
  const { textAt } = db.dialect;
  const value = valueTest(db, clause);
  const tests = [
    "a.trace_seq = traces.seq",
    `${textAt("a.content", [clause.entity])} IS NOT NULL`,
    `${textAt("a.content", ["assessment_name"])} = ?`,
    `COALESCE(${textAt("a.content", ["valid"])}, 'true') <> 'false'`,
    value.sql,
  ];
  return {
    sql: `${clause.comparator === "IS NULL" ? "NOT " : ""}EXISTS (SELECT 1 FROM trace_assessments AS a WHERE ${tests.join(" AND ")})`,
    params: [clause.key, ...value.params],
  };
}
