/** Queries about what the gate said. */

import type { Sql } from "./db.ts";

export interface VerdictRow {
  name: string;
  /** The version that came of it; null when the gate refused and none was registered. */
  version: number | null;
  /** The champion it was measured against. */
  champion: number | null;
  run_id: string | null;
  pass: number;
  /** JSON of registry/gate.ts's Verdict. */
  verdict: string;
  created_ms: number;
}

export const insertVerdict = (sql: Sql, row: VerdictRow): Promise<number> =>
  sql.run(
    "INSERT INTO verdicts (name, version, champion, run_id, pass, verdict, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [row.name, row.version, row.champion, row.run_id, row.pass, row.verdict, row.created_ms],
  );

/** Newest first. */
export const verdictsOf = (sql: Sql, name: string, limit: number): Promise<VerdictRow[]> =>
  sql.all(
    "SELECT name, version, champion, run_id, pass, verdict, created_ms FROM verdicts WHERE name = ? ORDER BY seq DESC LIMIT ?",
    [name, limit],
  );
