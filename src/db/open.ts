/** Opens the database that a workspace names and brings it to this program's schema. */

import { fail } from "../base/errors.ts";
import type { Db } from "./db.ts";
import { migrate } from "./migrate.ts";
import { openPostgres } from "./postgres.ts";
import { isPostgres } from "./postgres-address.ts";
import { openSqlite } from "./sqlite.ts";

/** `address` is a file path or a postgres:// URL. The caller closes what it opened. DB_UNREACHABLE. */
export async function openDb(address: string): Promise<Db> {
  const scheme = isPostgres(address) ? undefined : /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1];
  if (scheme !== undefined)
    throw fail("DB_UNREACHABLE", {
      what: `${scheme}:// is no database that Trimtab knows`,
      place: "TRIMTAB_DB",
      mend: "write postgres://…, or the path of a file",
    });
  const db = isPostgres(address) ? await openPostgres(address) : openSqlite(address);
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}
