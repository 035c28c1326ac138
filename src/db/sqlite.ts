/**
 * SQLite behind `Db`: one connection that writes, one that reads, WAL between them, so reads never wait for a commit.
 * Several processes may have the file open: `BEGIN IMMEDIATE` lets one write at a time and the others wait.
 */

import { Database, type SQLQueryBindings } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Db, Dialect, Durability, Sql, SqlValue } from "./db.ts";
import { createLockWait, type LockWait } from "./lock-wait.ts";
import { createWriteQueue, type Transaction } from "./queue.ts";
import { backUpSqlite } from "./sqlite-backup.ts";

const sqliteDialect: Dialect = {
  name: "sqlite",
  identity: "INTEGER PRIMARY KEY AUTOINCREMENT",
  // LIKE ignores case in SQLite; GLOB has other wildcards. A connection-wide pragma makes LIKE case-sensitive.
  like: (expression) => `${expression} LIKE ?`,
  ilike: (expression) => `lower(${expression}) LIKE lower(?)`,
  // A name that begins with $ would be a path.
  member: (expression) => `json_extract(${expression}, '$."' || ? || '"')`,
  // `->>` makes true into 1.
  textAt: (expression, path) => {
    const at = `'$.${path.join(".")}'`;
    return `CASE json_type(${expression}, ${at}) WHEN 'text' THEN ${expression} ->> ${at} WHEN 'null' THEN NULL ELSE ${expression} -> ${at} END`;
  },
  numberAt: (expression, path) => {
    const at = `'$.${path.join(".")}'`;
    return `CASE WHEN json_type(${expression}, ${at}) IN ('integer', 'real') THEN ${expression} ->> ${at} END`;
  },
  float: "REAL",
  bytes: "BLOB",
  text: "TEXT",
  clustered: " WITHOUT ROWID",
  table: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
};

/** Statements prepared once for each text; bounded, because filters make texts without end. */
class Statements implements Sql {
  private readonly cache = new Map<string, ReturnType<Database["prepare"]>>();
  constructor(private readonly connection: Database) {}

  private statement(sql: string) {
    const known = this.cache.get(sql);
    if (known) return known;
    if (this.cache.size >= 500) {
      for (const statement of this.cache.values()) statement.finalize();
      this.cache.clear();
    }
    const statement = this.connection.prepare(sql);
    this.cache.set(sql, statement);
    return statement;
  }
  async all<T>(sql: string, params: readonly SqlValue[] = []): Promise<T[]> {
    return mapped(this.connection, () => this.statement(sql).all(...(params as SQLQueryBindings[])) as T[]);
  }
  async get<T>(sql: string, params: readonly SqlValue[] = []): Promise<T | undefined> {
    return mapped(
      this.connection,
      () => (this.statement(sql).get(...(params as SQLQueryBindings[])) ?? undefined) as T | undefined,
    );
  }
  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return mapped(this.connection, () => this.statement(sql).run(...(params as SQLQueryBindings[])).changes);
  }
  async runMany(sql: string, params: readonly (readonly SqlValue[])[]): Promise<void> {
    mapped(this.connection, () => {
      const statement = this.statement(sql);
      for (const row of params) statement.run(...(row as SQLQueryBindings[]));
    });
  }
  finalize(): void {
    for (const statement of this.cache.values()) statement.finalize();
    this.cache.clear();
  }
}

function mapped<T>(connection: Database, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw mappedError(error, connection.filename);
  }
}

/** The error with its place when it is one that people can mend, else as it is. */
function mappedError(error: unknown, place: string): unknown {
  const code = (error as { code?: string }).code ?? "";
  const about = { place, cause: error };
  if (isBusy(error) || code.startsWith("SQLITE_LOCKED"))
    return fail("DB_LOCKED", { ...about, what: "the database is locked by another program" });
  if (code === "SQLITE_FULL") return fail("DISK_FULL", { ...about, what: "no space left for the database" });
  if (code.startsWith("SQLITE_IOERR"))
    return fail("FILE_SYSTEM", {
      ...about,
      what: `the disk failed under the database (${code})`,
      mend: "check the disk, its quota and ulimit -f, then run again",
    });
  if (code === "SQLITE_CORRUPT" || code === "SQLITE_NOTADB")
    return fail("DB_UNREACHABLE", {
      ...about,
      what: "the file is not a sound SQLite database",
      mend: "restore it from a backup, or move it away to begin anew; what serves needs no database",
    });
  return error;
}

function connect(path: string): Database {
  try {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
    const connection = new Database(path, { create: true, strict: true, safeIntegers: false });
    connection.exec(`PRAGMA busy_timeout = ${LIMITS.dbBusyMs}`);
    useWal(connection);
    connection.exec("PRAGMA foreign_keys = ON");
    connection.exec("PRAGMA case_sensitive_like = ON");
    return connection;
  } catch (error) {
    const known = mappedError(error, path);
    if (known !== error) throw known;
    throw fail("DB_UNREACHABLE", {
      what: `cannot open the database (${(error as Error).message})`,
      place: path,
      cause: error,
    });
  }
}

const isBusy = (error: unknown): boolean => ((error as { code?: string }).code ?? "").startsWith("SQLITE_BUSY");

/** Of two programs that make a database at once SQLite refuses one at this, without the wait that it was told. */
function useWal(connection: Database): void {
  const endMs = performance.now() + LIMITS.dbBusyMs;
  for (;;) {
    try {
      connection.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > endMs) throw error;
    }
    Bun.sleepSync(2);
  }
}

/** Opens (and makes) the database file. The caller migrates it. */
export function openSqlite(path: string): Db {
  const writer = connect(path);
  const reader = path === ":memory:" ? writer : connect(path);
  // Only `BEGIN IMMEDIATE` ever waits, and takeLock does that.
  writer.exec("PRAGMA busy_timeout = 0");
  const writing = new Statements(writer);
  const reading = path === ":memory:" ? writing : new Statements(reader);
  const lockWait = createLockWait(LIMITS.dbBusyMs);
  const queue = createWriteQueue(
    (durability) => begin(writer, writing, durability, lockWait),
    Number.POSITIVE_INFINITY,
  );
  const write = <T>(work: (sql: Sql) => Promise<T>, durability: Durability = "published") =>
    queue.write(work, durability);
  return {
    dialect: sqliteDialect,
    all: (sql, params) => reading.all(sql, params),
    get: (sql, params) => reading.get(sql, params),
    run: (sql, params) => write((tx) => tx.run(sql, params)),
    runMany: (sql, params) => write((tx) => tx.runMany(sql, params)),
    write,
    async backUp(_sql, schema) {
      if (path === ":memory:") return undefined;
      return backUpSqlite(path, schema).catch((error) => {
        throw mappedError(error, path);
      });
    },
    hurry: lockWait.hurry,
    async close() {
      await queue.idle();
      reading.finalize();
      writing.finalize();
      if (reader !== writer) reader.close();
      writer.close();
    },
  };
}

/**
 * SQLite's own waiting would stop this process: it could answer nobody meanwhile, and another opener of the file in the same
 * process would wait for a lock that only we can give back.
 */
async function takeLock(writer: Database, lockWait: LockWait): Promise<void> {
  const sinceMs = performance.now();
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 20)) {
    try {
      writer.exec("BEGIN IMMEDIATE");
      return;
    } catch (error) {
      if (isBusy(error) && performance.now() - sinceMs <= lockWait.busyMs()) {
        await Bun.sleep(pauseMs);
        continue;
      }
      if (isBusy(error)) lockWait.ranOut();
      throw mappedError(error, writer.filename);
    }
  }
}

async function begin(writer: Database, sql: Sql, durability: Durability, lockWait: LockWait): Promise<Transaction> {
  writer.exec(`PRAGMA synchronous = ${durability === "published" ? "FULL" : "NORMAL"}`);
  await takeLock(writer, lockWait);
  return {
    sql,
    mark: async () => void writer.exec("SAVEPOINT work"),
    keep: async () => void writer.exec("RELEASE work"),
    undo: async () => void writer.exec("ROLLBACK TO work; RELEASE work"),
    commit: async () => void mapped(writer, () => writer.exec("COMMIT")),
    rollback: async () => {
      if (writer.inTransaction) writer.exec("ROLLBACK");
    },
    // A full disk or a lost lock may have ended the whole transaction.
    harm: () => (writer.inTransaction ? "work" : "group"),
  };
}
