/** What every engine behind `Db` must do. Call it once for each. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LIMITS } from "../../src/base/limits.ts";
import type { Db, SqlValue } from "../../src/db/db.ts";
import { appendEvent, listEvents, verifyJournal } from "../../src/db/events.ts";
import { migrate } from "../../src/db/migrate.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { openDb } from "../../src/db/open.ts";

const event = { kind: "run.finished", subject: "pipeline/x", actor: "test", reason: "because" };
/** What UTF-8 can hold and every engine stores. */
const storable = fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.toWellFormed().replaceAll("\0", ""));
const number = fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value));

/** `address` gives the address of a fresh, migrated database. */
export function dbSuite(name: string, address: () => Promise<string>): void {
  describe(name, () => {
    let at: string;
    let db: Db;
    beforeEach(async () => {
      at = await address();
      db = await openDb(at);
    });
    afterEach(() => db.close());
    const makeTable = () =>
      db.run(`CREATE TABLE things (seq ${db.dialect.identity}, big BIGINT, small INTEGER, f ${db.dialect.float},
        t ${db.dialect.text}, b ${db.dialect.bytes})`);
    const insert = (values: readonly SqlValue[]) =>
      db.run("INSERT INTO things (big, small, f, t, b) VALUES (?, ?, ?, ?, ?)", values);
    const things = () => db.all("SELECT big, small, f, t, b FROM things ORDER BY seq");

    test("gives back what was stored, in its own type", async () => {
      await makeTable();
      const row = fc.record({
        big: fc.option(fc.maxSafeInteger()),
        small: fc.option(fc.integer()),
        f: fc.option(number),
        t: fc.option(storable),
        b: fc.option(fc.uint8Array({ maxLength: 30 })),
      });
      const rows = fc.sample(row, { numRuns: 100, seed: 7 });
      await db.runMany(
        "INSERT INTO things (big, small, f, t, b) VALUES (?, ?, ?, ?, ?)",
        rows.map(({ big, small, f, t, b }) => [big, small, f, t, b]),
      );
      expect(await things()).toEqual(rows);
    });

    test("a process that is told to end waits for the lock briefly, once", async () => {
      const other = await openDb(at);
      let done = () => {};
      const holding = other.write(() => new Promise<void>((resolve) => (done = resolve)));
      await Bun.sleep(50);
      const write = () => db.write((sql) => appendEvent(sql, event, 1));
      const waiting = write();
      await Bun.sleep(50);
      const fromMs = performance.now();
      db.hurry();
      await expect(waiting).rejects.toMatchObject({ code: "DB_LOCKED" });
      for (let i = 0; i < 3; i++) await expect(write()).rejects.toMatchObject({ code: "DB_LOCKED" });
      expect(performance.now() - fromMs).toBeLessThan(LIMITS.dbBusyMs / 2);
      done();
      await holding;
      await write();
      expect(await verifyJournal(db)).toEqual({ events: 1 });
      await other.close();
    });

    test("many rows go in one call, each as it would alone", async () => {
      await makeTable();
      await db.run("CREATE UNIQUE INDEX things_big ON things (big)");
      const rows = Array.from({ length: 1237 }, (_, i) => [i % 1200, i, i / 3, i % 7 === 0 ? null : `t${i}`, null]);
      await db.runMany("INSERT INTO things (big, small, f, t, b) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows);
      const first = rows.slice(0, 1200).map(([big, small, f, t, b]) => ({ big, small, f, t, b }));
      expect(await things()).toEqual(first);
      await db.runMany(
        "INSERT INTO things (big, t) VALUES (?, ?) ON CONFLICT (big) DO UPDATE SET t = excluded.t",
        Array.from({ length: 100 }, (_, i) => [i % 3, `again ${i}`]),
      );
      expect(await db.all("SELECT t FROM things WHERE big < 3 ORDER BY big")).toEqual([
        { t: "again 99" },
        { t: "again 97" },
        { t: "again 98" },
      ]);
      await db.runMany(
        "INSERT INTO things (t, big) VALUES (?, ?) ON CONFLICT (big) DO UPDATE SET t = excluded.t, small = 0",
        Array.from({ length: 60 }, (_, i) => [`third ${i}`, i]),
      );
      expect(
        await db.get("SELECT count(*) AS n, min(big) AS least, max(big) AS most FROM things WHERE small = 0"),
      ).toEqual({
        n: 60,
        least: 0,
        most: 59,
      });
      await db.runMany("UPDATE things SET small = ? WHERE big = ?", [
        [-1, 5],
        [-2, 6],
      ]);
      expect(await db.all("SELECT small FROM things WHERE small < 0 ORDER BY big")).toEqual([
        { small: -1 },
        { small: -2 },
      ]);
    });

    test("whole numbers come as numbers, also counts and sums", async () => {
      await makeTable();
      await insert([1_700_000_000_000, 3, 2, "x", null]);
      await insert([2 ** 53 - 1, 4, 0.5, "y", null]);
      expect(
        await db.get(`SELECT count(*) AS n, max(big) AS big, sum(small) AS small, avg(small) AS middle, sum(f) AS f,
          max(CASE WHEN small = 3 THEN big END) AS chosen FROM things`),
      ).toEqual({ n: 2, big: 2 ** 53 - 1, small: 7, middle: 3.5, f: 2.5, chosen: 1_700_000_000_000 });
      expect(await db.all("SELECT t FROM things WHERE big > ? ORDER BY t", [1.5])).toEqual([{ t: "x" }, { t: "y" }]);
      expect(await db.all("SELECT t FROM things WHERE f < ?", [1])).toEqual([{ t: "y" }]);
    });

    test("a question mark in a string, a name or a comment is no parameter", async () => {
      expect(
        await db.get("SELECT 'it''s ?' AS \"what?\", /* ? */ t AS t -- ?\nFROM (SELECT CAST(? AS TEXT) AS t) AS x", [
          "!",
        ]),
      ).toEqual({ "what?": "it's ?", t: "!" });
    });

    test("tells how many rows a statement changed, and undefined for a row that is not there", async () => {
      await makeTable();
      await insert([1, 1, 1, "a", null]);
      await insert([2, 1, 1, "b", null]);
      expect(await db.run("UPDATE things SET small = small WHERE small = 1")).toBe(2);
      expect(await db.run("DELETE FROM things WHERE big = 9")).toBe(0);
      expect(await db.run("INSERT INTO things (seq) VALUES (1) ON CONFLICT DO NOTHING")).toBe(0);
      expect(await db.get("SELECT * FROM things WHERE big = 9")).toBeUndefined();
      expect(await db.all("SELECT * FROM things WHERE big = 9")).toEqual([]);
      expect(await db.get("DELETE FROM things WHERE big = 2 RETURNING t")).toEqual({ t: "b" });
      await db.runMany("DELETE FROM things WHERE big = ?", []);
    });

    test("counts up and gives no number twice", async () => {
      await makeTable();
      const next = async () =>
        (await db.get<{ seq: number }>("INSERT INTO things (t) VALUES ('x') RETURNING seq"))!.seq;
      const first = await next();
      expect(await next()).toBe(first + 1);
      await db.run("DELETE FROM things");
      expect(await next()).toBe(first + 2);
    });

    test("texts sort and compare by their bytes", async () => {
      await makeTable();
      const texts = ["_", "B", "a", "Z", "é", "😀", "\uffee", "A", "aa", "a b", "ab", ""];
      for (const text of texts) await insert([0, 0, 0, text, null]);
      const byBytes = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const sorted = await db.all<{ t: string }>("SELECT t FROM things ORDER BY t");
      expect(sorted.map((row) => row.t)).toEqual(byBytes);
      const above = await db.all<{ t: string }>("SELECT t FROM things WHERE t > ? ORDER BY t", ["a"]);
      expect(above.map((row) => row.t)).toEqual(byBytes.slice(byBytes.indexOf("a") + 1));
    });

    test("like tells case apart, ilike does not for ASCII letters, and a backslash is a letter", async () => {
      await makeTable();
      for (const text of ["abc", "ABC", "a%c", "a\\c", "É", "é"]) await insert([0, 0, 0, text, null]);
      const found = async (expression: string, pattern: string) =>
        (await db.all<{ t: string }>(`SELECT t FROM things WHERE ${expression} ORDER BY seq`, [pattern])).map(
          (r) => r.t,
        );
      const { like, ilike } = db.dialect;
      expect(await found(like("t"), "a%")).toEqual(["abc", "a%c", "a\\c"]);
      expect(await found(ilike("t"), "A_C")).toEqual(["abc", "ABC", "a%c", "a\\c"]);
      expect(await found(like("t"), "a\\%")).toEqual(["a\\c"]);
      expect(await found(ilike("t"), "É")).toEqual(["É"]);
    });

    test("a write is kept whole or not at all, and its own error comes out", async () => {
      await makeTable();
      const mine = new Error("mine");
      const failing = db.write(async (sql) => {
        await sql.run("INSERT INTO things (t) VALUES ('lost')");
        expect((await sql.all("SELECT * FROM things")).length).toBe(1);
        expect((await db.all("SELECT * FROM things")).length).toBe(0);
        throw mine;
      });
      await expect(failing).rejects.toBe(mine);
      await expect(
        db.runMany("INSERT INTO things (seq, t) VALUES (?, ?)", [
          [1, "a"],
          [1, "a again"],
          [2, "b"],
        ]),
      ).rejects.toThrow();
      expect(await db.all("SELECT * FROM things")).toEqual([]);
      for (const durability of ["published", "logged"] as const) {
        expect(await db.write(async (sql) => sql.run("INSERT INTO things (t) VALUES ('kept')"), durability)).toBe(1);
        expect((await db.all("SELECT t FROM things")).length).toBe(durability === "published" ? 1 : 2);
      }
    });

    test("works that arrive together commit together, and one that fails takes no other with it", async () => {
      const works = Array.from({ length: 120 }, (_, i) =>
        db.write(async (sql) => {
          await appendEvent(sql, { ...event, data: { i } }, 1000 + i);
          if (i % 10 === 3) throw new Error(`no ${i}`);
          if (i % 10 === 7) await sql.run("INSERT INTO events (seq) VALUES (NULL)");
          return i;
        }),
      );
      const settled = await Promise.allSettled(works);
      expect(settled.filter((s) => s.status === "rejected").length).toBe(24);
      const events = await listEvents(db, { limit: 1000 });
      const kept = Array.from({ length: 120 }, (_, i) => i).filter((i) => i % 10 !== 3 && i % 10 !== 7);
      expect(events.map((e) => e.data.i)).toEqual(kept);
      expect(await verifyJournal(db)).toEqual({ events: 96 });
    });

    test("what a work reads stays true until it is committed, also against other openers", async () => {
      const others = [await openDb(at), await openDb(at)];
      await makeTable();
      await insert([0, 0, 0, "counter", null]);
      const raise = (by: Db) =>
        by.write(async (sql) => {
          const { big } = (await sql.get<{ big: number }>("SELECT big FROM things"))!;
          await sql.run("UPDATE things SET big = ?", [big + 1]);
        }, "logged");
      await Promise.all(Array.from({ length: 90 }, (_, i) => raise([db, ...others][i % 3]!)));
      expect(await db.get("SELECT big FROM things")).toEqual({ big: 90 });
      for (const other of others) await other.close();
    });

    test("an edited journal row is found", async () => {
      for (let i = 0; i < 5; i++) await db.write((sql) => appendEvent(sql, event, i));
      await db.run("UPDATE events SET reason = 'other' WHERE seq = 3");
      expect(await verifyJournal(db)).toEqual({ events: 2, brokenAtSeq: 3 });
    });

    test("the journal is read by kind, subject and place", async () => {
      const add = (kind: string, subject: string) =>
        db.write((sql) => appendEvent(sql, { ...event, kind, subject }, 5));
      for (const subject of ["model/a", "model/a/1", "model/ab"]) await add("model.made", subject);
      await add("run.done", "model/a");
      const subjects = async (filter: Parameters<typeof listEvents>[1]) =>
        (await listEvents(db, filter)).map((e) => e.subject);
      expect(await subjects({ subject: "model/a" })).toEqual(["model/a", "model/a/1", "model/a"]);
      expect(await subjects({ kind: "run.done" })).toEqual(["model/a"]);
      expect(await subjects({ limit: 2 })).toEqual(["model/ab", "model/a"]);
      const [first] = await listEvents(db);
      expect(await subjects({ afterSeq: first!.seq })).toHaveLength(3);
      expect(first).toMatchObject({ seq: expect.any(Number), timeMs: 5, data: {} });
    });

    test("closing waits for what was begun", async () => {
      const other = await openDb(at);
      const begun = Array.from({ length: 20 }, (_, i) => other.write((sql) => appendEvent(sql, event, i)));
      await other.close();
      await Promise.all(begun);
      expect(await verifyJournal(db)).toEqual({ events: 20 });
    });

    test("a database of an older program is copied before it is changed", async () => {
      const older = MIGRATIONS.at(-1)!.id;
      const next = (sql: string) => [...MIGRATIONS, { id: older + 1, name: "next", sql }];
      const begun = await verifyJournal(db);
      await db.write((sql) => appendEvent(sql, event, 7));
      // A migration that fails changes nothing and says nothing.
      await expect(migrate(db, next("DROP TABLE events;\nCREATE nonsense"))).rejects.toThrow();
      expect(await verifyJournal(db)).toEqual({ events: begun.events + 1 });
      expect(await migrate(db, next("CREATE TABLE next (x INTEGER);\nDROP TABLE webhooks"))).toEqual(["next"]);
      const last = (await listEvents(db)).at(-1)!;
      expect(last).toMatchObject({ kind: "database.migrated", data: { from: older, to: older + 1 } });
      const backup = String(last.data.backup);
      if (db.dialect.name === "sqlite") {
        const copy = await openDb(backup);
        expect(await verifyJournal(copy)).toEqual({ events: begun.events + 1 });
        expect(await copy.all("SELECT * FROM webhooks")).toEqual([]);
        await copy.close();
      } else {
        expect(await db.all(`SELECT time_ms FROM "${backup}events" WHERE time_ms = 7`)).toHaveLength(1);
        expect(await db.all(`SELECT * FROM "${backup}webhooks"`)).toEqual([]);
      }
      expect(await migrate(db, next("SELECT 1"))).toEqual([]);
    });

    test("migrating twice does nothing, and a newer schema is refused", async () => {
      expect(await migrate(db)).toEqual([]);
      await db.run("INSERT INTO migrations (id, name, applied_ms) VALUES (9999, 'future', 0)");
      await expect(openDb(at)).rejects.toMatchObject({ code: "DB_NEWER" });
    });
  });
}
