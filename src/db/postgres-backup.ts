/**
 * The copies of a PostgreSQL database's tables that stay beside them before the schema changes, made in the same transaction. They
 * hold the rows only, without indexes; they need no right that the migration does not need too.
 */

import type { Sql } from "./db.ts";

/** Resolves to how the copies' names begin: `schema_<N>_`; those of the same name are replaced. */
export async function backUpTables(sql: Sql, schema: number): Promise<string> {
  const prefix = `schema_${schema}_`;
  const tables = await sql.all<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename !~ '^schema_[0-9]+_'
     ORDER BY tablename`,
  );
  for (const { name } of tables) {
    await sql.run(`DROP TABLE IF EXISTS "${prefix}${name}"`);
    await sql.run(`CREATE TABLE "${prefix}${name}" AS TABLE "${name}"`);
  }
  return prefix;
}
