import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { recordDataset } from "../../src/data/datasets.ts";
import { openDuck } from "../../src/data/duckdb.ts";
import { listDatasets } from "../../src/db/datasets.ts";
import { listEvents } from "../../src/db/events.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";
import { overEngines } from "../engines.ts";
import { tempFolder } from "../temp.ts";

const { test, open } = overEngines();

test("new content is the next version; known content is the version it was", async () => {
  const root = tempFolder();
  const db = await open();
  const duck = await openDuck({ threads: 2 });
  const stats = openStatCache();
  const clock = new ManualClock(1000);
  let opened = 0;
  const ports = {
    db,
    stats,
    clock,
    duck: () => {
      opened++;
      return Promise.resolve(duck);
    },
  };
  const source = { name: "trips", uri: "a.csv", root, actor: "test" };
  const one = "when,km\n2001-01-01,1.5\n2001-01-02,\n";
  writeFileSync(join(root, "a.csv"), one);
  const first = await recordDataset(ports, source);
  expect(first).toEqual({
    name: "trips",
    version: 1,
    hash: first.hash,
    uri: "a.csv",
    format: "csv",
    files: 1,
    rows: 2,
    sizeBytes: one.length,
    columns: [
      { name: "when", type: "DATE" },
      { name: "km", type: "DOUBLE" },
    ],
    createdMs: 1000,
  });
  clock.advance(500);
  writeFileSync(join(root, "a.csv"), `${one}2001-01-03,2\n`);
  const second = await recordDataset(ports, source);
  expect([second.version, second.rows, second.createdMs]).toEqual([2, 3, 1500]);
  writeFileSync(join(root, "b.csv"), one);
  expect(await recordDataset(ports, { ...source, uri: "b.csv" })).toEqual(first);
  expect(opened).toBe(2);
  expect((await listDatasets(db, "trips")).map((d) => d.version)).toEqual([2, 1]);
  expect((await listEvents(db)).map((e) => e.subject)).toEqual(["dataset/trips/1", "dataset/trips/2"]);
  // At once, from many: still one version.
  const both = await Promise.all([1, 2, 3].map(() => recordDataset(ports, { ...source, name: "other" })));
  expect(new Set(both.map((d) => d.version)).size).toBe(1);
  expect((await listDatasets(db)).length).toBe(3);
  duck.close();
  stats.close();
  await db.close();
});
