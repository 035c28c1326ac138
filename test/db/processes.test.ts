/** Several processes write to one database at once: nothing is lost, nothing is torn, the journal's chain holds. */

import { expect } from "bun:test";
import { join } from "node:path";
import { listEvents, verifyJournal } from "../../src/db/events.ts";
import { openDb } from "../../src/db/open.ts";
import { overEngines } from "../engines.ts";

const { test, address } = overEngines();

const WRITERS = 4;
const EVENTS = 50;

test("four processes append to one journal", async () => {
  const path = await address();
  const script = `
    const { openDb } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/open.ts"))});
    const { appendEvent } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/events.ts"))});
    const db = await openDb(process.argv[1]);
    const who = process.argv[2];
    for (let i = 0; i < ${EVENTS}; i++)
      await db.write((sql) => appendEvent(sql, { kind: "test.wrote", subject: who, actor: who, reason: String(i) }, i));
    await db.close();`;
  const writers = Array.from({ length: WRITERS }, (_, i) =>
    Bun.spawn([process.execPath, "-e", script, path, `writer-${i}`], { stdout: "inherit", stderr: "inherit" }),
  );
  expect(await Promise.all(writers.map((writer) => writer.exited))).toEqual(Array(WRITERS).fill(0));
  const db = await openDb(path);
  expect(await verifyJournal(db)).toEqual({ events: WRITERS * EVENTS });
  for (let i = 0; i < WRITERS; i++) {
    const own = await listEvents(db, { subject: `writer-${i}`, limit: 1000 });
    expect(own.map((event) => event.reason)).toEqual(Array.from({ length: EVENTS }, (_, n) => String(n)));
  }
  await db.close();
}, 60_000);

const MADE = 20;

/** Of files many, each by two at the same moment; of a PostgreSQL's the one that there is. */
test("programs that make a database at once all find it made", async () => {
  const path = await address();
  const script = `
    const { openDb } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/open.ts"))});
    for (let i = 0; i < ${MADE}; i++) {
      while (Date.now() < Number(process.argv[2]) + i * 100);
      const at = process.argv[1];
      const db = await openDb(at.startsWith("postgres") ? at : at + i);
      if (!(await db.get(db.dialect.table, ["runs"]))) process.exit(1);
      await db.close();
    }`;
  const start = Date.now() + 1000;
  const makers = Array.from({ length: 2 }, () =>
    Bun.spawn([process.execPath, "-e", script, path, String(start)], { stdout: "inherit", stderr: "inherit" }),
  );
  expect(await Promise.all(makers.map((maker) => maker.exited))).toEqual([0, 0]);
}, 60_000);

test("a writer that is killed leaves whole events behind", async () => {
  const path = await address();
  await (await openDb(path)).close();
  const script = `
    const { openDb } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/open.ts"))});
    const { appendEvent } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/events.ts"))});
    const db = await openDb(process.argv[1]);
    for (let i = 0; ; i++) {
      await db.write((sql) => appendEvent(sql, { kind: "test.wrote", subject: "x", actor: "x", reason: String(i) }, i), "published");
      process.stdout.write(i + "\\n");
    }`;
  for (const delayMs of [150, 250, 400]) {
    const writer = Bun.spawn([process.execPath, "-e", script, path], { stdout: "pipe", stderr: "inherit" });
    await Bun.sleep(delayMs);
    writer.kill("SIGKILL");
    const acknowledged = (await new Response(writer.stdout).text()).trim().split("\n").filter(Boolean).length;
    await writer.exited;
    const db = await openDb(path);
    const { events, brokenAtSeq } = await verifyJournal(db);
    expect(brokenAtSeq).toBeUndefined();
    expect(events).toBeGreaterThanOrEqual(acknowledged);
    await db.close();
  }
}, 60_000);
