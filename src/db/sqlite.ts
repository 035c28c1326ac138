/**
 * SQLite behind `Db`: one connection that writes, one that reads, WAL between them, so reads never wait for a commit.
 * Works that arrive while a commit is under way share the next one: one sync for all of them.
 */

import { Database, type SQLQueryBindings } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Db, Dialect, Durability, Sql, SqlValue } from "./db.ts";

export const sqliteDialect: Dialect = {
  name: "sqlite",
  identity: "INTEGER PRIMARY KEY AUTOINCREMENT",
  // LIKE ignores case in SQLite; GLOB has other wildcards. A connection-wide pragma makes LIKE case-sensitive.
  like: (expression) => `${expression} LIKE ?`,
  ilike: (expression) => `lower(${expression}) LIKE lower(?)`,
  float: "REAL",
  bytes: "BLOB",
  text: "TEXT",
  clustered: " WITHOUT ROWID",
};

interface Waiting {
  work: (sql: Sql) => Promise<unknown>;
  durability: Durability;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

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
    return mapped(() => this.statement(sql).all(...(params as SQLQueryBindings[])) as T[]);
  }
  async get<T>(sql: string, params: readonly SqlValue[] = []): Promise<T | undefined> {
    return mapped(() => (this.statement(sql).get(...(params as SQLQueryBindings[])) ?? undefined) as T | undefined);
  }
  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return mapped(() => this.statement(sql).run(...(params as SQLQueryBindings[])).changes);
  }
  async runMany(sql: string, params: readonly (readonly SqlValue[])[]): Promise<void> {
    mapped(() => {
      const statement = this.statement(sql);
      for (const row of params) statement.run(...(row as SQLQueryBindings[]));
    });
  }
  finalize(): void {
    for (const statement of this.cache.values()) statement.finalize();
    this.cache.clear();
  }
}

function mapped<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED"))
      throw fail("DB_LOCKED", { what: "the database is locked by another program", cause: error });
    if (code === "SQLITE_FULL") throw fail("DISK_FULL", { what: "no space left for the database", cause: error });
    if (code === "SQLITE_CORRUPT" || code === "SQLITE_NOTADB")
      throw fail("DB_UNREACHABLE", { what: "the file is not a sound SQLite database", cause: error });
    throw error;
  }
}

function connect(path: string): Database {
  try {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
    const connection = new Database(path, { create: true, strict: true, safeIntegers: false });
    connection.exec(`PRAGMA busy_timeout = ${LIMITS.dbBusyMs}`);
    connection.exec("PRAGMA journal_mode = WAL");
    connection.exec("PRAGMA foreign_keys = ON");
    connection.exec("PRAGMA case_sensitive_like = ON");
    return connection;
  } catch (error) {
    throw fail("DB_UNREACHABLE", {
      what: `cannot open the database (${(error as Error).message})`,
      place: path,
      cause: error,
    });
  }
}

/** Opens (and makes) the database file. The caller migrates it. */
export function openSqlite(path: string): Db {
  const writer = connect(path);
  const reader = path === ":memory:" ? writer : connect(path);
  const writing = new Statements(writer);
  const reading = path === ":memory:" ? writing : new Statements(reader);
  let waiting: Waiting[] = [];
  let committing: Promise<void> | undefined;

  async function commitAll(): Promise<void> {
    // Lets works that arrive in this turn of the loop join.
    await Promise.resolve();
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await commitGroup(group);
    }
    committing = undefined;
  }

  async function commitGroup(group: Waiting[]): Promise<void> {
    const done: (() => void)[] = [];
    try {
      const full = group.some((w) => w.durability === "published");
      writer.exec(`PRAGMA synchronous = ${full ? "FULL" : "NORMAL"}`);
      mapped(() => writer.exec("BEGIN IMMEDIATE"));
      for (const entry of group) {
        writer.exec("SAVEPOINT work");
        try {
          const value = await entry.work(writing);
          writer.exec("RELEASE work");
          done.push(() => entry.resolve(value as never));
        } catch (error) {
          // A full disk or a lost lock may have ended the whole transaction: then all of the group fails below.
          if (!writer.inTransaction) throw error;
          writer.exec("ROLLBACK TO work");
          writer.exec("RELEASE work");
          done.push(() => entry.reject(error));
        }
      }
      mapped(() => writer.exec("COMMIT"));
      for (const settle of done) settle();
    } catch (error) {
      if (writer.inTransaction) writer.exec("ROLLBACK");
      for (const entry of group) entry.reject(error);
    }
  }

  const openDb: Db = {
    dialect: sqliteDialect,
    all: (sql, params) => reading.all(sql, params),
    get: (sql, params) => reading.get(sql, params),
    run: (sql, params) => openDb.write((tx) => tx.run(sql, params)),
    runMany: (sql, params) => openDb.write((tx) => tx.runMany(sql, params)),
    write<T>(work: (sql: Sql) => Promise<T>, durability: Durability = "published"): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ work, durability, resolve: resolve as (value: never) => void, reject });
        committing ??= commitAll();
      });
    },
    async close() {
      await committing;
      reading.finalize();
      writing.finalize();
      if (reader !== writer) reader.close();
      writer.close();
    },
  };
  return openDb;
}
