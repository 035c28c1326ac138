/** Two runs at once, runs whose process is gone, and what a killed run leaves behind. */

import { afterEach, beforeEach, expect, setDefaultTimeout } from "bun:test";
import { hostname } from "node:os";
import { listEvents } from "../../src/db/events.ts";
import { insertPipelineRun, listPipelineRuns } from "../../src/db/step-runs.ts";
import { isAlive, ownIdentity } from "../../src/pipeline/processes.ts";
import { overEngines } from "../engines.ts";
import { did, makeWorld, type World } from "./make.ts";

setDefaultTimeout(60_000);

const { test, open } = overEngines();
let world: World;
beforeEach(async () => {
  world = await makeWorld(await open());
});
afterEach(() => world.close());

const slow = { a: { cmd: "echo a >> count.log; sleep 0.4; echo done > a.txt", outs: ["a.txt"] } };

test("of two runs at once one works and the other is told who does; with a wait it finds the work done", async () => {
  const first = world.run(slow);
  await Bun.sleep(150);
  const refused = world.run(slow);
  await expect(refused).rejects.toMatchObject({ code: "RUN_BUSY", place: "pipeline demo" });
  await expect(refused).rejects.toThrow(new RegExp(`^run [0-9a-f]{32} \\(manual\\) of process ${process.pid}, since`));
  const second = await world.run(slow, { waitMs: 20_000 });
  expect((await first).state).toBe("done");
  expect(second.state).toBe("nothing");
  expect(world.read("count.log")).toBe("a\n");
  expect(world.events.some((e) => e.type === "run.waiting")).toBe(true);
});

test("waiting ends when it is cancelled, or when its time is over", async () => {
  const first = world.run(slow);
  await Bun.sleep(100);
  await expect(world.run(slow, { waitMs: 50 })).rejects.toMatchObject({ code: "RUN_BUSY" });
  const controller = new AbortController();
  const waiting = world.run(slow, { waitMs: 20_000, signal: controller.signal });
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "RUN_CANCELLED" });
  await first;
});

test("a running row whose process is gone is taken over", async () => {
  const row = { pipeline: "demo", trigger: "manual", reason: "", params: {}, startedMs: Date.now() };
  const gone = { ...ownIdentity(), pid: 2 ** 22 - 1, processStart: "1" };
  await insertPipelineRun(world.db, { id: "0".repeat(32), ...row, ...gone });
  expect(did(await world.run(slow))).toEqual({ a: "done" });
  const states = (await listPipelineRuns(world.db, "demo")).map((run) => run.state).sort();
  expect(states).toEqual(["done", "interrupted"]);
  expect((await listEvents(world.db, { kind: "run.interrupted" })).length).toBe(1);
});

test("a process is told apart from another with its pid, from one before a reboot, and on another host by silence", () => {
  const own = { ...ownIdentity(), seenMs: 0 };
  expect(own.host).toBe(hostname());
  expect(isAlive(own, 1e12)).toBe(true);
  expect(isAlive({ ...own, processStart: "5" }, 0)).toBe(false);
  expect(isAlive({ ...own, bootId: "other" }, 0)).toBe(false);
  const foreign = { ...own, host: "elsewhere", bootId: "other" };
  expect(isAlive({ ...foreign, seenMs: 1000 }, 30_000)).toBe(true);
  expect(isAlive({ ...foreign, seenMs: 1000 }, 120_000)).toBe(false);
});
