import { expect } from "bun:test";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { enqueueJob } from "../../src/db/jobs.ts";
import { openDb } from "../../src/db/open.ts";
import { unjudgedVersions } from "../../src/db/versions.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { overEngines } from "../engines.ts";
import { tempFolder } from "../temp.ts";

const { test, address } = overEngines();
const verdict = (pass: boolean) => ({ pass, champion: false, reason: "", rules: [] });

test("only versions that a client registered here and that nobody judged wait for the gate", async () => {
  const db = await openDb(await address());
  const registry = createRegistry({ db, clock: new ManualClock(1_000), modelsDir: join(tempFolder(), "models") });
  const waiting = () => unjudgedVersions(db, "m", "gate:m/");
  for (const name of ["m", "m2"]) await registry.ensureModel(name);
  expect(await waiting()).toEqual([]);
  for (let i = 0; i < 4; i++) await registry.createVersion("m", { source: "s3://b/x" });
  await registry.createVersion("m2", { source: "s3://b/x" });
  const imported = { ...(await registry.getVersion("m", 4)), version: 5 };
  expect(await registry.importVersion(imported)).toBe("made");
  expect(await waiting()).toEqual([1, 2, 3, 4]);
  await registry.recordVerdict("m", verdict(false), { version: 3 });
  expect(await waiting()).toEqual([1, 2, 4]);
  // An older one than the last that passed would be a step back.
  await registry.recordVerdict("m", verdict(true), { version: 2 });
  expect(await waiting()).toEqual([4]);
  const job = { kind: "gate", pipeline: "m", trigger: "registry", reason: "", payload: {}, onceKey: "gate:m/4" };
  await db.write((sql) => enqueueJob(sql, job, 1_000));
  expect(await waiting()).toEqual([]);
  await registry.createVersion("m", { source: "s3://b/x" });
  expect(await waiting()).toEqual([6]);
  await registry.deleteVersion("m", 6);
  expect(await waiting()).toEqual([]);
  await db.close();
});
