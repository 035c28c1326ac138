/**
 * A transaction of the only writer: it takes the advisory lock of its schema first, at READ COMMITTED, so that each statement
 * after it sees what the writers before have committed.
 */

import { fail } from "../base/errors.ts";
import type { Durability } from "./db.ts";
import { isConflict, isConnectionLost } from "./postgres-errors.ts";
import type { Link } from "./postgres-link.ts";
import { Statements } from "./postgres-statements.ts";
import type { Transaction } from "./queue.ts";

/** How long a write waits for the lock of another, asked at each attempt, and how long one that has it may do nothing before the server ends it. */
export interface LockTimes {
  busyMs(): number;
  idleMs: number;
}

/** "trim": the first half of the lock's name; the second is the schema. */
const LOCK = 0x7472696d;
const ATTEMPTS = 3;

/** A server that was told not to wait for its log is told to wait for what is published. */
const SYNC: Record<Durability, string> = {
  logged: "'off'",
  published:
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END",
};

const beginText = (durability: Durability, { busyMs, idleMs }: LockTimes): string => `
  BEGIN ISOLATION LEVEL READ COMMITTED;
  SET LOCAL lock_timeout = ${Math.max(1, busyMs())};
  SET LOCAL idle_in_transaction_session_timeout = ${idleMs};
  SELECT set_config('synchronous_commit', ${SYNC[durability]}, true);
  SELECT pg_advisory_xact_lock(${LOCK}, hashtext(coalesce(current_schema(), '')))`;

/** Opens a transaction that holds the lock; again when the idle connection turned out to be cut. */
export const beginWrite = (link: Link, durability: Durability, times: LockTimes): Promise<Transaction> =>
  link.retry(ATTEMPTS, async () => {
    const connection = await link.wait(() => link.writer.reserve());
    try {
      await link.wait(() => connection.unsafe(beginText(durability, times)).simple());
      return transactionOn(link, connection);
    } catch (error) {
      // A connection that is released inside a transaction is closed.
      connection.release();
      throw error;
    }
  });

function transactionOn(link: Link, connection: Bun.ReservedSQL): Transaction {
  const simple = (sql: string) => link.wait(() => connection.unsafe(sql).simple());
  return {
    sql: new Statements(link, () => connection),
    mark: async () => void (await simple("SAVEPOINT work")),
    keep: async () => void (await simple("RELEASE SAVEPOINT work")),
    undo: async () => void (await simple("ROLLBACK TO SAVEPOINT work; RELEASE SAVEPOINT work")),
    async commit() {
      const answer = await simple("COMMIT").catch((error: unknown) => {
        throw isConnectionLost(error) ? unknownOutcome(error, link.place) : error;
      });
      // The server answers so, without an error, when a statement of the transaction had failed.
      if (answer.command !== "COMMIT")
        throw fail("INTERNAL", { what: "a write went on after a statement that failed; nothing of it was kept" });
      connection.release();
    },
    async rollback() {
      await simple("ROLLBACK").catch(() => undefined);
      connection.release();
    },
    harm: (error) => (isConnectionLost(error) || isConflict(error) ? "again" : "work"),
  };
}

const unknownOutcome = (cause: unknown, place: string) =>
  fail("DB_UNREACHABLE", {
    what: "the connection broke while the database confirmed a write; whether it was kept is not known",
    place,
    mend: "look whether it is there before you repeat it",
    cause,
  });
