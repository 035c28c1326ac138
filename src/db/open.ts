/** Opens the database that a workspace names and brings it to this program's schema. */

import { fail } from "../base/errors.ts";
import type { Db } from "./db.ts";
import { migrate } from "./migrate.ts";
import { openSqlite } from "./sqlite.ts";

/** `address` is a file path or a postgres:// URL. The caller closes what it opened. */
export async function openDb(address: string): Promise<Db> {
  if (/^postgres(ql)?:\/\//.test(address))
    throw fail("NOT_AVAILABLE", {
      what: "PostgreSQL is not available yet",
      place: "TRIMTAB_DB",
      mend: "unset TRIMTAB_DB to use SQLite",
    });
  const db = openSqlite(address);
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}
