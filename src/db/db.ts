/**
 * The database as the rest of Trimtab sees it. SQLite and PostgreSQL implement it; nobody else asks which one it is:
 * what differs is named in `dialect`.
 *
 * SQL is written once, with `?` for parameters, in the part that both engines share. Parameters and results are strings,
 * numbers, bytes and null; booleans are stored as 0/1, times as milliseconds since the epoch, ids and JSON as text.
 */

export type SqlValue = string | number | bigint | null | Uint8Array;
export type Row = Record<string, unknown>;

export interface Sql {
  all<T = Row>(sql: string, params?: readonly SqlValue[]): Promise<T[]>;
  get<T = Row>(sql: string, params?: readonly SqlValue[]): Promise<T | undefined>;
  /** Runs a statement; resolves to the number of rows it changed. */
  run(sql: string, params?: readonly SqlValue[]): Promise<number>;
  /** Runs one statement for many parameter lists; faster than many `run`s. */
  runMany(sql: string, params: readonly (readonly SqlValue[])[]): Promise<void>;
}

/**
 * "published" survives a power cut and the death of the database's own processes when the promise resolves; "logged" survives
 * the death of our process (PostgreSQL: what its server had not yet written, at most 0.6 s, is lost with the server).
 */
export type Durability = "published" | "logged";

export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Type of an integer primary key that the database counts up and never reuses. */
  readonly identity: string;
  /** A `LIKE` that tells letters' case apart, and one that does not (of ASCII letters); no escape character; the pattern is the next `?`. */
  readonly like: (expression: string) => string;
  readonly ilike: (expression: string) => string;
  /** The text of a member of a JSON object, NULL where it has none; the member's name is the next `?`. */
  readonly member: (expression: string) => string;
  /** What stands at a path in JSON: a text as it is, all else as JSON; and the number there. NULL where the path ends in nothing (of that kind). */
  readonly textAt: (expression: string, path: readonly string[]) => string;
  readonly numberAt: (expression: string, path: readonly string[]) => string;
  /** Type of a 64-bit float and of a byte string. */
  readonly float: string;
  readonly bytes: string;
  /** Type of a text that compares and sorts by its UTF-8 bytes, whatever the database's locale. */
  readonly text: string;
  /** After a table's closing bracket: rows are kept in the order of the primary key, where the engine can. */
  readonly clustered: string;
  /** A query that gives a row when there is a table of the name that is its `?`. */
  readonly table: string;
}

export interface Db extends Sql {
  readonly dialect: Dialect;
  /**
   * Runs `work` in a transaction; its value when committed, a rejection when rolled back.
   *
   * There is one writer at a time, over all processes that have the database open and on every engine: what `work` reads
   * stays true until it is committed, so "look, then write" (the next version's number, the last hash of the journal, who
   * holds a pipeline) needs no further lock. Therefore `work` awaits only `sql`, never other I/O and never another `write`.
   * It may be run again from its beginning (a deadlock, a lost connection), so it has no effect but through `sql`; and it
   * does not go on after a statement that failed. Works that wait are committed together, each a savepoint of its own.
   */
  write<T>(work: (sql: Sql) => Promise<T>, durability?: Durability): Promise<T>;
  /**
   * Keeps a copy of everything as it is, inside a `write` whose `sql` is given, under the number of its schema; resolves to
   * where it is, nothing for a database in memory. The only I/O that a `write` may await: the copy has to be of what it changes.
   */
  backUp(sql: Sql, schema: number): Promise<string | undefined>;
  /**
   * This process was told to end: from now on a write, also one that waits already, waits for another program's lock no longer
   * than LIMITS.dbHurryMs, and not at all once that was in vain.
   */
  hurry(): void;
  close(): Promise<void>;
}
