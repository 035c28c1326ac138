/**
 * Numbered migrations, applied in order in one transaction, which holds the lock of the only writer: two processes that start
 * at once migrate once. A database of an older Trimtab is copied before it is changed; one of a newer is refused rather
 * than guessed at. The SQL is shared by both engines: `$identity`, `$float`, `$text` and `$bytes` stand for the dialect's types,
 * `$clustered` for what keeps a table in the order of its primary key.
 */

import { fail } from "../base/errors.ts";
import type { Db, Sql } from "./db.ts";
import { appendEvent } from "./events.ts";
import { MIGRATIONS, type Migration } from "./migrations.ts";

const CREATE_TABLE =
  "CREATE TABLE IF NOT EXISTS migrations (id INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms BIGINT NOT NULL)";

/**
 * Brings the database to this program's schema; resolves to the names of the migrations applied now. One that holds an older
 * schema is copied first, and the journal says where to.
 */
export async function migrate(db: Db, migrations: readonly Migration[] = MIGRATIONS): Promise<string[]> {
  const newest = await newestApplied(db);
  const known = migrations.at(-1)?.id ?? 0;
  if (newest > known)
    throw fail("DB_NEWER", { what: `the database has schema ${newest}, this program knows ${known}` });
  if (newest === known) return [];
  return db.write(async (sql) => {
    await sql.run(CREATE_TABLE);
    const applied = new Set((await sql.all<{ id: number }>("SELECT id FROM migrations")).map((row) => row.id));
    const pending = migrations.filter((m) => !applied.has(m.id));
    const older = Math.max(0, ...applied);
    const backup = older > 0 && pending.length > 0 ? await db.backUp(sql, older) : undefined;
    for (const migration of pending) await apply(db, sql, migration);
    if (older > 0 && pending.length > 0) await noteUpgrade(sql, older, known, backup);
    return pending.map((m) => m.name);
  });
}

async function newestApplied(db: Db): Promise<number> {
  if (!(await db.get(db.dialect.table, ["migrations"]))) return 0;
  const row = await db.get<{ id: number | null }>("SELECT max(id) AS id FROM migrations");
  return row?.id ?? 0;
}

async function noteUpgrade(sql: Sql, from: number, to: number, backup: string | undefined): Promise<void> {
  const event = {
    kind: "database.migrated",
    subject: "database",
    actor: "trimtab",
    reason: `from schema ${from} to ${to}`,
    data: { from, to, ...(backup === undefined ? {} : { backup }) },
  };
  await appendEvent(sql, event, Date.now());
}

async function apply(db: Db, sql: Sql, migration: Migration): Promise<void> {
  const text = migration.sql
    .replaceAll("$identity", db.dialect.identity)
    .replaceAll("$float", db.dialect.float)
    .replaceAll("$bytes", db.dialect.bytes)
    .replaceAll("$text", db.dialect.text)
    .replaceAll("$clustered", db.dialect.clustered);
  for (const statement of text.split(/;\s*\n/)) if (statement.trim()) await sql.run(statement);
  await sql.run("INSERT INTO migrations (id, name, applied_ms) VALUES (?, ?, ?)", [
    migration.id,
    migration.name,
    Date.now(),
  ]);
}
