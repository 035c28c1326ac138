/**
 * The copy of a SQLite database that stays beside it before its schema changes: whole or absent, made while the writer's lock is
 * held, so that nothing is written between the copy and the change.
 */

import { Database } from "bun:sqlite";
import { chmodSync, rmSync, statSync } from "node:fs";
import { publish } from "../base/files.ts";

/** Resolves to the copy's path, `<file>.schema-<N>`; one of the same name is replaced. The caller maps SQLite's errors. */
export async function backUpSqlite(path: string, schema: number): Promise<string> {
  const copy = `${path}.schema-${schema}`;
  const staging = `${copy}.tmp`;
  rmSync(staging, { force: true });
  const connection = new Database(path, { readonly: true });
  try {
    connection.prepare("VACUUM INTO ?").run(staging);
    // Whoever may not read the database may not read its copy.
    chmodSync(staging, statSync(path).mode);
    await publish(staging, copy);
  } finally {
    connection.close();
    rmSync(staging, { force: true });
  }
  return copy;
}
