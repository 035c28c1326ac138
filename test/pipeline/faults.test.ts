/** A disk that is full, and a database that fails, at the worst moments: the former outputs stay, and the next run mends it. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../src/base/errors.ts";
import { injectFaults, type WriteStage } from "../../src/base/files.ts";
import type { Db, Sql } from "../../src/db/db.ts";
import { did, makeWorld, type World } from "./make.ts";

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.close());

const steps = (text: string) => ({
  a: { cmd: `echo ${text} > a.txt`, outs: ["a.txt"] },
  b: { cmd: "cat a.txt a.txt > b.txt", outs: ["b.txt"] },
});
const files = () => [world.read("a.txt"), world.read("b.txt")];
const scratch = () => (world.has(".trimtab/tmp/runs") ? readdirSync(join(world.root, ".trimtab/tmp/runs")) : []);

/** The same database, in which the first statement that matches fails as a full disk does. */
function failingDb(db: Db, pattern: RegExp): Db {
  let isArmed = true;
  const guarded = (sql: Sql): Sql => ({
    all: (text, params) => sql.all(text, params),
    get: (text, params) => sql.get(text, params),
    runMany: (text, params) => sql.runMany(text, params),
    async run(text, params) {
      if (isArmed && pattern.test(text)) {
        isArmed = false;
        throw fail("DISK_FULL", { what: "no space left for the database" });
      }
      return sql.run(text, params);
    },
  });
  return { ...db, write: (work, durability) => db.write((sql) => work(guarded(sql)), durability) };
}

for (const pattern of [/INSERT INTO step_records/, /UPDATE step_runs/, /INSERT INTO step_runs/, /INSERT INTO events/])
  test(`a database that fails at ${pattern.source} leaves the former outputs, and the next run is whole`, async () => {
    await world.run(steps("one"));
    const outcome = await world
      .run(steps("two"), { db: failingDb(world.db, pattern) })
      .catch((error: unknown) => error);
    expect(outcome).toMatchObject(
      pattern.source.includes("events") ? { code: "DISK_FULL" } : { error: { code: "DISK_FULL" } },
    );
    expect(files()).toEqual(["one\n", "one\none\n"]);
    const next = await world.run(steps("two"));
    expect(next.state).toBe("done");
    expect(files()).toEqual(["two\n", "two\ntwo\n"]);
    expect((await world.run(steps("two"))).state).toBe("nothing");
    expect(scratch()).toEqual([]);
  });

test("a disk that is full while outputs go to the cache leaves the former ones", async () => {
  await world.run(steps("one"));
  for (const stage of ["sync", "rename"] satisfies WriteStage[]) {
    const restore = injectFaults((at) => {
      if (at === stage) throw Object.assign(new Error("full"), { code: "ENOSPC" });
    });
    const broken = await world.run(steps(stage)).finally(restore);
    expect(broken.error).toMatchObject({ code: "DISK_FULL" });
    expect(files()).toEqual(["one\n", "one\none\n"]);
    expect(scratch()).toEqual([]);
  }
  expect(did(await world.run(steps("two")))).toEqual({ a: "done", b: "done" });
});
