import { expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendEvent, listEvents, verifyJournal } from "../../src/db/events.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openDb } from "../../src/db/open.ts";

const freshPath = () => join(mkdtempSync(join(tmpdir(), "trimtab-db-")), "trimtab.db");
const event = { kind: "run.finished", subject: "pipeline/x", actor: "test", reason: "because" };

test("works that arrive together commit together, and one that fails takes no other with it", async () => {
  const db = await openDb(freshPath());
  const works = Array.from({ length: 50 }, (_, i) =>
    db.write(async (sql) => {
      await appendEvent(sql, { ...event, data: { i } }, 1000 + i);
      if (i % 10 === 3) throw new Error(`no ${i}`);
      return i;
    }),
  );
  const settled = await Promise.allSettled(works);
  expect(settled.filter((s) => s.status === "rejected").length).toBe(5);
  const events = await listEvents(db, { limit: 1000 });
  expect(events.map((e) => e.data.i)).toEqual(Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 10 !== 3));
  expect(await verifyJournal(db)).toEqual({ events: 45 });
  await db.close();
});

test("an edited journal row is found", async () => {
  const db = await openDb(freshPath());
  for (let i = 0; i < 5; i++) await db.write((sql) => appendEvent(sql, event, i));
  await db.run("UPDATE events SET reason = 'other' WHERE seq = 3");
  expect(await verifyJournal(db)).toEqual({ events: 2, brokenAtSeq: 3 });
  await db.close();
});

test("migrating twice does nothing, and a newer schema is refused", async () => {
  const path = freshPath();
  const db = await openDb(path);
  expect(await migrate(db)).toEqual([]);
  await db.run("INSERT INTO migrations (id, name, applied_ms) VALUES (9999, 'future', 0)");
  await db.close();
  await expect(openDb(path)).rejects.toMatchObject({ code: "DB_NEWER" });
});
