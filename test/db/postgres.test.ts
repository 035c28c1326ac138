/** What PostgreSQL alone can do to us: refuse, restart, deadlock, die; and what two processes on one server see. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { SQL } from "bun";
import { asTrimtabError } from "../../src/base/errors.ts";
import type { Db } from "../../src/db/db.ts";
import { appendEvent, verifyJournal } from "../../src/db/events.ts";
import { migrate } from "../../src/db/migrate.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { openDb } from "../../src/db/open.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { PASSWORD, type PostgresServer, postgresServer } from "../postgres.ts";

setDefaultTimeout(60_000);
const server = await postgresServer();
const event = { kind: "test.wrote", subject: "x", actor: "test", reason: "because" };

const PATIENT = { busyMs: 10_000, idleMs: 10_000, silenceMs: 10_000 };

const refusal = async (opening: Promise<Db>): Promise<string> => {
  try {
    await (await opening).close();
    return "it opened";
  } catch (error) {
    return asTrimtabError(error).oneLine();
  }
};

// Without a server test/postgres.ts has said so, or failed.
if (server) describe("PostgreSQL", () => suite(server));

function suite({ url, freshUrl, emptyUrl, signal, stop, start, port }: PostgresServer): void {
  let admin: SQL;
  beforeAll(() => {
    admin = new SQL(url(), { max: 1 });
  });
  afterAll(() => admin.close());

  async function opened<T>(work: (db: Db, at: string) => Promise<T>): Promise<T> {
    const at = await freshUrl();
    const db = await openDb(at);
    try {
      return await work(db, at);
    } finally {
      await db.close();
    }
  }
  const write = (db: Db, reason: string) => db.write((sql) => appendEvent(sql, { ...event, reason }, 1), "published");

  test("what cannot be reached is refused in one line that hides the password", async () => {
    const lines = [
      await refusal(openDb(url({ password: "pa55-wrong" }))),
      await refusal(openDb(url({ database: "nowhere" }))),
      await refusal(openDb(`postgres://trimtab:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/postgres`)),
      await refusal(openDb(`postgresql://trimtab:${encodeURIComponent(PASSWORD)}@no-such-host.invalid/postgres`)),
      await refusal(openDb(`postgres://trimtab:${PASSWORD}@127.0.0.1:${port}/postgres`)),
      await refusal(openDb(`${url()}?search_path=nowhere`)),
    ];
    for (const line of lines) {
      expect(line).toStartWith("error[DB_UNREACHABLE]");
      expect(line).not.toContain("pa55");
      expect(line).not.toContain("\n");
    }
    const at = `postgres://127.0.0.1:${port}`;
    expect(lines[0]).toBe(
      `error[DB_UNREACHABLE] ${at}/postgres: password authentication failed for user "trimtab". Mend: check the user and the password in TRIMTAB_DB.`,
    );
    expect(lines[1]).toContain(`${at}/nowhere: database "nowhere" does not exist. Mend: create the database`);
    expect(lines[4]).toContain("TRIMTAB_DB: it is not a valid postgres:// URL");
    expect(lines[5]).toContain("no schema of the search_path exists");
  });

  test("an encoding that cannot hold every text is refused", async () => {
    await admin.unsafe(
      "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' STRATEGY FILE_COPY",
    );
    expect(await refusal(openDb(url({ database: "latin" })))).toContain("the database's encoding is LATIN1");
  });

  test("a schema named by search_path is a home of its own", async () => {
    const at = await emptyUrl();
    const plain = new SQL(at, { max: 1 });
    await plain.unsafe("CREATE SCHEMA team");
    await plain.close();
    const team = await openDb(`${at}?search_path=team`);
    const other = await openDb(at);
    await write(team, "only here");
    expect(await verifyJournal(team)).toEqual({ events: 1 });
    expect(await verifyJournal(other)).toEqual({ events: 0 });
    await team.close();
    await other.close();
  });

  test("a text that PostgreSQL cannot hold is refused as such, and the database goes on", () =>
    opened(async (db) => {
      await expect(write(db, "a\0b")).rejects.toMatchObject({ code: "INVALID" });
      const long = Array.from({ length: 9000 }, () => crypto.randomUUID()[0]).join("");
      const tooLong = db.write((sql) => appendEvent(sql, { ...event, subject: long }, 1));
      await expect(tooLong).rejects.toMatchObject({ code: "INVALID", mend: "use a shorter text" });
      await write(db, "sound");
      expect(await verifyJournal(db)).toEqual({ events: 1 });
    }));

  test("a work that goes on after a statement that failed is not taken for kept", () =>
    opened(async (db) => {
      const careless = () =>
        db.write(async (sql) => {
          await appendEvent(sql, event, 1);
          await sql.run("INSERT INTO events (seq) VALUES (NULL)").catch(() => undefined);
        });
      await expect(careless()).rejects.toMatchObject({ code: "INTERNAL" });
      const settled = await Promise.allSettled([write(db, "a"), careless(), write(db, "b")]);
      expect(settled.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(await verifyJournal(db)).toEqual({ events: 2 });
    }));

  test("a lock that another program does not give back is said, and waited for no longer than told", async () => {
    const at = await freshUrl();
    const db = await openPostgres(at, { ...PATIENT, busyMs: 200 });
    const other = await openDb(at);
    let done = () => {};
    const holding = other.write(() => new Promise<void>((resolve) => (done = resolve)));
    await Bun.sleep(50);
    await expect(write(db, "late")).rejects.toMatchObject({ code: "DB_LOCKED" });
    done();
    await holding;
    await write(db, "now");
    await db.close();
    await other.close();
  });

  test("a process that is stopped while it writes holds nobody up, and repeats its work when it wakes", async () => {
    const at = await freshUrl();
    const script = `
      const { openPostgres } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/postgres.ts"))});
      const { appendEvent } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/events.ts"))});
      const db = await openPostgres(process.argv[1], { busyMs: 20000, idleMs: 300, silenceMs: 20000 });
      let runs = 0;
      await db.write(async (sql) => {
        await appendEvent(sql, { kind: "test.wrote", subject: "x", actor: "child", reason: "slept" }, 1);
        if (++runs > 1) return;
        process.stdout.write("inside\\n");
        process.kill(process.pid, "SIGSTOP");
        await sql.get("SELECT 1");
      });
      await db.close();
      process.stdout.write(runs + " runs\\n");`;
    const child = Bun.spawn([process.execPath, "-e", script, at], { stdout: "pipe", stderr: "inherit" });
    const reader = child.stdout.getReader();
    await reader.read();
    const db = await openDb(at);
    await write(db, "went on");
    child.kill("SIGCONT");
    const rest = new TextDecoder().decode((await reader.read()).value);
    expect([rest, await child.exited]).toEqual(["2 runs\n", 0]);
    expect(await verifyJournal(db)).toEqual({ events: 2 });
    await db.close();
  });

  test("a deadlock with another program is run again", () =>
    opened(async (db, at) => {
      await db.run("CREATE TABLE pair (id INTEGER PRIMARY KEY, n INTEGER)");
      await db.runMany("INSERT INTO pair (id, n) VALUES (?, 0)", [[1], [2]]);
      const other = new SQL(at, { max: 1 });
      // A server looks for a deadlock once in each wait, and ends the one that looks: that is to be ours, the last to wait.
      await other.unsafe("SET deadlock_timeout = '60s'");
      await other.unsafe("BEGIN; UPDATE pair SET n = n + 10 WHERE id = 2").simple();
      const [{ pid }] = await other.unsafe("SELECT pg_backend_pid() AS pid");
      const isWaiting = async () =>
        (await admin.unsafe("SELECT 1 FROM pg_locks WHERE pid = $1 AND NOT granted", [pid])).length > 0;
      let runs = 0;
      let theirs: Promise<unknown> = Promise.resolve();
      await db.write(async (sql) => {
        runs++;
        await sql.run("UPDATE pair SET n = n + 1 WHERE id = 1");
        if (runs === 1) {
          theirs = other.unsafe("UPDATE pair SET n = n + 10 WHERE id = 1").then(() => other.unsafe("COMMIT"));
          while (!(await isWaiting())) await Bun.sleep(10);
        }
        await sql.run("UPDATE pair SET n = n + 1 WHERE id = 2");
      });
      await theirs;
      // Ours may be first again at the row that both want.
      expect(runs).toBeGreaterThan(1);
      expect(await db.all("SELECT n FROM pair")).toEqual([{ n: 11 }, { n: 11 }]);
      await other.close();
    }));

  test("connections that were cut while they were idle are replaced without a word", () =>
    opened(async (db) => {
      await write(db, "a");
      await Promise.all(Array.from({ length: 8 }, () => db.get("SELECT pg_sleep(0.05)")));
      await admin.unsafe("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [
        (await db.get<{ name: string }>("SELECT current_database() AS name"))!.name,
      ]);
      await Promise.all([write(db, "b"), ...Array.from({ length: 8 }, () => verifyJournal(db))]);
      expect(await verifyJournal(db)).toEqual({ events: 2 });
    }));

  test.each(["fast", "kill"] as const)("the server goes and comes back (%s): one line each, nothing lost", (how) =>
    opened(async (db) => {
      const kept: string[] = [];
      const errors: unknown[] = [];
      let going = true;
      const writing = (async () => {
        for (let i = 0; going; i++) {
          const one = (reason: string) =>
            write(db, reason).then(
              () => void kept.push(reason),
              (error: unknown) => void errors.push(error),
            );
          await Promise.all([one(`${i}a`), one(`${i}b`)]);
          await Bun.sleep(1);
        }
      })();
      await Bun.sleep(300);
      const before = kept.length;
      await stop(how);
      await Bun.sleep(50);
      await expect(write(db, "down")).rejects.toMatchObject({ code: "DB_UNREACHABLE" });
      await expect(db.get("SELECT 1")).rejects.toMatchObject({ code: "DB_UNREACHABLE" });
      await start();
      await Bun.sleep(300);
      going = false;
      await writing;
      expect(before).toBeGreaterThan(0);
      expect(kept.length).toBeGreaterThan(before);
      for (const error of errors) {
        expect(error).toMatchObject({ code: "DB_UNREACHABLE" });
        expect(asTrimtabError(error).oneLine()).not.toContain("pa55");
      }
      const there = await db.all<{ reason: string }>("SELECT reason FROM events ORDER BY seq");
      expect(there.map((row) => row.reason)).toEqual(expect.arrayContaining(kept));
      expect((await verifyJournal(db)).brokenAtSeq).toBeUndefined();
    }),
  );

  test("a server that no longer answers is given up, and is found again when it does; a slow answer is waited for", async () => {
    const db = await openPostgres(await freshUrl(), { ...PATIENT, silenceMs: 1000 });
    await migrate(db);
    expect(await db.get("SELECT 1 AS one FROM pg_sleep(2)")).toEqual({ one: 1 });
    await write(db, "before");
    await signal("SIGSTOP");
    const begun = performance.now();
    const hanging = await Promise.allSettled([write(db, "lost"), db.get("SELECT 1"), verifyJournal(db)]);
    const tookMs = performance.now() - begun;
    await signal("SIGCONT");
    for (const one of hanging) expect(one).toMatchObject({ status: "rejected", reason: { code: "DB_UNREACHABLE" } });
    expect(tookMs).toBeGreaterThan(1000);
    await write(db, "after");
    const reasons = await db.all<{ reason: string }>("SELECT reason FROM events ORDER BY seq");
    expect(reasons.map((row) => row.reason).filter((reason) => reason !== "lost")).toEqual(["before", "after"]);
    await db.close();
  }, 120_000);

  test("processes that start at once on an empty database migrate it once", async () => {
    const at = await emptyUrl();
    const script = `
      const { openDb } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/open.ts"))});
      await (await openDb(process.argv[1])).close();`;
    const starts = Array.from({ length: 3 }, () =>
      Bun.spawn([process.execPath, "-e", script, at], { stdout: "inherit", stderr: "inherit" }),
    );
    expect(await Promise.all(starts.map((one) => one.exited))).toEqual([0, 0, 0]);
    const db = await openDb(at);
    expect(await db.all("SELECT id FROM migrations ORDER BY id")).toEqual(MIGRATIONS.map(({ id }) => ({ id })));
    await db.close();
  });
}
