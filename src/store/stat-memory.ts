/**
 * What a file hashed to when it last looked like this: one small SQLite file, shared by processes, lost without harm. It never
 * fails its user: a damaged file is begun anew, a locked one is done without.
 *
 * The racy-clock rule: an edit within one tick of the file system's clock after the last change leaves every stamp as it was.
 * So a hash is kept only when the file's newest stamp was older than a tick when reading began; any later edit then shows.
 */

import { Database, type Statement } from "bun:sqlite";
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { log } from "../base/log.ts";

/** Linux stamps files with a clock that ticks every 1 to 10 ms; this leaves room for three. */
const TICK_MS = 30;
/** File systems that keep whole seconds (or, FAT, two). */
const COARSE_TICK_MS = 2_100;

/** From when on, in ms since the epoch, a file's stamps tell every later edit. */
export const settledAtMs = (file: { changedMs: number; coarse: boolean }): number =>
  file.changedMs + (file.coarse ? COARSE_TICK_MS : TICK_MS);

export interface StatMemory {
  get(id: string, stamp: string): string | undefined;
  put(id: string, stamp: string, md5: string): void;
  /** Writes what was put since the last flush, in one transaction. */
  flush(): void;
  close(): void;
}

const SCHEMA =
  "CREATE TABLE IF NOT EXISTS stat (id TEXT PRIMARY KEY, stamp TEXT NOT NULL, md5 TEXT NOT NULL) WITHOUT ROWID";

/** Opens the memory at `path`, or one that lasts as long as the process. */
export function openStatMemory(path?: string): StatMemory {
  return new SqliteMemory(open(path));
}

function open(path: string | undefined): Database {
  if (path === undefined) return connect(":memory:");
  try {
    mkdirSync(dirname(path), { recursive: true });
    return connect(path);
  } catch (error) {
    log.info("the stat cache is begun anew", { path, why: (error as Error).message });
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    try {
      return connect(path);
    } catch {
      return connect(":memory:");
    }
  }
}

function connect(path: string): Database {
  const database = new Database(path, { create: true });
  try {
    database.exec("PRAGMA busy_timeout = 2000");
    database.exec("PRAGMA journal_mode = WAL");
    // Losing the last entries to a power cut costs a hash, not truth: WAL keeps what is there consistent.
    database.exec("PRAGMA synchronous = OFF");
    database.exec(SCHEMA);
    database.query("SELECT id, stamp, md5 FROM stat LIMIT 1").get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteMemory implements StatMemory {
  private readonly select: Statement<{ stamp: string; md5: string }, [string]>;
  private readonly upsert: Statement<unknown, [string, string, string]>;
  private readonly fresh = new Map<string, { stamp: string; md5: string }>();
  private closed = false;

  constructor(private readonly database: Database) {
    this.select = database.query("SELECT stamp, md5 FROM stat WHERE id = ?");
    this.upsert = database.query("INSERT OR REPLACE INTO stat (id, stamp, md5) VALUES (?, ?, ?)");
  }

  get(id: string, stamp: string): string | undefined {
    const known = this.fresh.get(id) ?? this.quietly(() => this.select.get(id) ?? undefined);
    return known?.stamp === stamp ? known.md5 : undefined;
  }
  put(id: string, stamp: string, md5: string): void {
    this.fresh.set(id, { stamp, md5 });
  }
  flush(): void {
    if (this.fresh.size === 0) return;
    this.quietly(() =>
      this.database.transaction(() => {
        for (const [id, { stamp, md5 }] of this.fresh) this.upsert.run(id, stamp, md5);
      })(),
    );
    this.fresh.clear();
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.flush();
    this.select.finalize();
    this.upsert.finalize();
    this.database.close();
  }
  private quietly<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      log.debug("the stat cache is done without", { why: (error as Error).message });
      return undefined;
    }
  }
}
