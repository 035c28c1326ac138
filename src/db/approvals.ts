/** Queries about versions that need a person's yes. */

import type { Sql } from "./db.ts";

export type ApprovalState = "waiting" | "approved" | "refused" | "superseded";

export interface Approval {
  name: string;
  version: number;
  state: ApprovalState;
  /** Why it was asked for. */
  reason: string;
  askedMs: number;
  decidedMs: number | null;
  decidedBy: string | null;
  decidedWhy: string | null;
}

interface Row {
  name: string;
  version: number;
  state: ApprovalState;
  reason: string;
  asked_ms: number;
  decided_ms: number | null;
  decided_by: string | null;
  decided_why: string | null;
}

const approvalOf = (row: Row): Approval => ({
  name: row.name,
  version: Number(row.version),
  state: row.state,
  reason: row.reason,
  askedMs: Number(row.asked_ms),
  decidedMs: row.decided_ms === null ? null : Number(row.decided_ms),
  decidedBy: row.decided_by,
  decidedWhy: row.decided_why,
});

/** Newest version first; without versions that were deleted. */
export async function approvalsOf(sql: Sql, name: string): Promise<Approval[]> {
  const rows = await sql.all<Row>(
    `SELECT a.* FROM approvals a JOIN model_versions v ON v.name = a.name AND v.version = a.version AND v.deleted_ms IS NULL
     WHERE a.name = ? ORDER BY a.version DESC`,
    [name],
  );
  return rows.map(approvalOf);
}

/** Puts the version among those that wait, also one that was decided before. */
export const putWaiting = (
  sql: Sql,
  { name, version, reason }: Pick<Approval, "name" | "version" | "reason">,
  nowMs: number,
): Promise<number> =>
  sql.run(
    `INSERT INTO approvals (name, version, state, reason, asked_ms) VALUES (?, ?, 'waiting', ?, ?)
     ON CONFLICT (name, version) DO UPDATE SET state = excluded.state, reason = excluded.reason,
       asked_ms = excluded.asked_ms, decided_ms = NULL, decided_by = NULL, decided_why = NULL`,
    [name, version, reason, nowMs],
  );

/** Zero when the version is in none of the states. */
export const decideApproval = (
  sql: Sql,
  { name, version }: Pick<Approval, "name" | "version">,
  to: { state: ApprovalState; by: string; why: string },
  nowMs: number,
): Promise<number> =>
  sql.run(
    "UPDATE approvals SET state = ?, decided_ms = ?, decided_by = ?, decided_why = ? WHERE name = ? AND version = ?",
    [to.state, nowMs, to.by, to.why, name, version],
  );
