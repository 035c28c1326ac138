import { expect } from "bun:test";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { approvalsOf, decideApproval, putWaiting } from "../../src/db/approvals.ts";
import { openDb } from "../../src/db/open.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { overEngines } from "../engines.ts";
import { tempFolder } from "../temp.ts";

const { test, address } = overEngines();

test("approvals are asked for, decided, asked for again, follow a new name and go with their versions", async () => {
  const db = await openDb(await address());
  const registry = createRegistry({ db, clock: new ManualClock(1_000), modelsDir: join(tempFolder(), "models") });
  await registry.ensureModel("m");
  for (let i = 0; i < 2; i++) await registry.createVersion("m", { source: "s3://b/x" });
  await db.write(async (sql) => {
    await putWaiting(sql, { name: "m", version: 1, reason: "first" }, 1_000);
    await putWaiting(sql, { name: "m", version: 2, reason: "second" }, 2_000);
    await decideApproval(sql, { name: "m", version: 1 }, { state: "refused", by: "ann", why: "no" }, 3_000);
  });
  expect(await approvalsOf(db, "m")).toEqual([
    {
      name: "m",
      version: 2,
      state: "waiting",
      reason: "second",
      askedMs: 2_000,
      decidedMs: null,
      decidedBy: null,
      decidedWhy: null,
    },
    {
      name: "m",
      version: 1,
      state: "refused",
      reason: "first",
      askedMs: 1_000,
      decidedMs: 3_000,
      decidedBy: "ann",
      decidedWhy: "no",
    },
  ]);
  await db.write((sql) => putWaiting(sql, { name: "m", version: 1, reason: "again" }, 4_000));
  expect((await approvalsOf(db, "m"))[1]).toMatchObject({ state: "waiting", reason: "again", decidedBy: null });
  await registry.renameModel("m", "n");
  expect([await approvalsOf(db, "m"), (await approvalsOf(db, "n")).length]).toEqual([[], 2]);
  await registry.deleteVersion("n", 2);
  expect((await approvalsOf(db, "n")).map((one) => one.version)).toEqual([1]);
  await db.close();
});
