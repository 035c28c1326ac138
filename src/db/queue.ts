/**
 * Group commit, the same for every engine: works wait their turn for the one writer; those that arrive while a commit is
 * under way share the next one, so that one sync serves all of them. In a group each work is a savepoint of its own, and one
 * that fails takes no other with it. A lone work needs no savepoint.
 *
 *   waiting ──▶ group ──begin──▶ work, work, … ──commit──▶ resolved
 *                 ▲                   │
 *                 └──── "again" ◀─────┤  deadlock, connection lost before the commit
 *                                     └─▶ "group": all are rejected
 */

import type { Durability, Sql } from "./db.ts";

type Work<T> = (sql: Sql) => Promise<T>;

/** What an error in a group ends: one work, every work, or nothing, since all of them are run again. */
export type Harm = "work" | "group" | "again";

/** One open transaction of the engine's writer. */
export interface Transaction {
  readonly sql: Sql;
  /** Begins a savepoint; `keep` ends it well, `undo` takes back what was done since. */
  mark(): Promise<void>;
  keep(): Promise<void>;
  undo(): Promise<void>;
  /** Rejects when anything of it is not kept. */
  commit(): Promise<void>;
  /** Never rejects. */
  rollback(): Promise<void>;
  /** Asked before `commit` only: an error of `commit` always ends the group. */
  harm(error: unknown): Harm;
}

interface Waiting {
  work: Work<unknown>;
  durability: Durability;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** How often a group is begun before its last error is reported. */
const ATTEMPTS = 5;

export interface WriteQueue {
  write<T>(work: Work<T>, durability: Durability): Promise<T>;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
}

/** `begin` starts the engine's transaction, or rejects; at most `groupMax` works share one. */
export function createWriteQueue(
  begin: (durability: Durability) => Promise<Transaction>,
  groupMax: number,
): WriteQueue {
  let waiting: Waiting[] = [];
  let committing: Promise<void> | undefined;

  async function commitAll(): Promise<void> {
    // Lets works that arrive in this turn of the loop join.
    await Promise.resolve();
    while (waiting.length > 0) {
      const group = waiting.slice(0, groupMax);
      waiting = waiting.slice(groupMax);
      await commitGroup(begin, group);
    }
    committing = undefined;
  }

  return {
    write<T>(work: Work<T>, durability: Durability): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ work, durability, resolve: resolve as (value: never) => void, reject });
        committing ??= commitAll();
      });
    },
    idle: async () => committing,
  };
}

async function commitGroup(begin: (durability: Durability) => Promise<Transaction>, group: Waiting[]): Promise<void> {
  const durability = group.some((entry) => entry.durability === "published") ? "published" : "logged";
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryGroup(() => begin(durability), group);
    if (outcome.settle) {
      for (const settle of outcome.settle) settle();
      return;
    }
    if (!outcome.again || attempt >= ATTEMPTS) {
      for (const entry of group) entry.reject(outcome.error);
      return;
    }
  }
}

type Outcome = { settle: (() => void)[] } | { settle?: undefined; error: unknown; again: boolean };

async function tryGroup(begin: () => Promise<Transaction>, group: readonly Waiting[]): Promise<Outcome> {
  let open: Transaction | undefined;
  let isCommitting = false;
  try {
    open = await begin();
    const done: Done[] = [];
    for (const entry of group) done.push(await runWork(open, entry, group.length > 1));
    if (done.some((one) => one.kept)) {
      isCommitting = true;
      await open.commit();
    } else await open.rollback();
    return { settle: done.map((one) => one.settle) };
  } catch (error) {
    const again = open !== undefined && !isCommitting && open.harm(error) === "again";
    await open?.rollback();
    return { error, again };
  }
}

interface Done {
  /** Its changes are to be committed. */
  kept: boolean;
  settle: () => void;
}

async function runWork(open: Transaction, entry: Waiting, isMarked: boolean): Promise<Done> {
  if (isMarked) await open.mark();
  try {
    const value = await entry.work(open.sql);
    if (isMarked) await open.keep();
    return { kept: true, settle: () => entry.resolve(value as never) };
  } catch (error) {
    if (open.harm(error) !== "work") throw error;
    if (isMarked) await open.undo();
    return { kept: false, settle: () => entry.reject(error) };
  }
}
