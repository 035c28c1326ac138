/** Opens the database that a workspace names and brings it to this program's schema. */

import type { Db } from "./db.ts";
import { migrate } from "./migrate.ts";
import { openPostgres } from "./postgres.ts";
import { isPostgres } from "./postgres-address.ts";
import { openSqlite } from "./sqlite.ts";

/** `address` is a file path or a postgres:// URL. The caller closes what it opened. */
export async function openDb(address: string): Promise<Db> {
  const db = isPostgres(address) ? await openPostgres(address) : openSqlite(address);
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}
