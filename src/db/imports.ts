/** Queries about what was brought over from other stores. */

import type { Sql } from "./db.ts";

export type ImportKind = "run" | "logged_model" | "trace" | "model" | "version";

export interface ImportRow {
  /** Where the thing's artifacts were. */
  root: string;
  /** What it looked like then. */
  print: string;
}

export const findImport = (sql: Sql, source: string, kind: ImportKind, id: string): Promise<ImportRow | undefined> =>
  sql.get("SELECT root, print FROM imports WHERE source = ? AND kind = ? AND id = ?", [source, kind, id]);

export const putImport = (sql: Sql, source: string, kind: ImportKind, id: string, row: ImportRow): Promise<number> =>
  sql.run(
    `INSERT INTO imports (source, kind, id, root, print) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (source, kind, id) DO UPDATE SET root = excluded.root, print = excluded.print`,
    [source, kind, id, row.root, row.print],
  );
