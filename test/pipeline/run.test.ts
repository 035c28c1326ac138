import { afterEach, beforeEach, expect } from "bun:test";
import { readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { listEvents, verifyJournal } from "../../src/db/events.ts";
import { listPipelineRuns, listStepRuns } from "../../src/db/step-runs.ts";
import { overEngines } from "../engines.ts";
import { did, makeWorld, pipelineOf, type StepGiven, type World } from "./make.ts";

const { test, open } = overEngines();
let world: World;
beforeEach(async () => {
  world = await makeWorld(await open());
  world.write("data.txt", "1\n2\n3\n");
});
afterEach(() => world.close());

/** a → b → d, a → c → d, e alone. Every execution leaves a line in count.log, which is no declared file. */
const diamond = (more: Partial<Record<string, Partial<StepGiven>>> = {}): Record<string, StepGiven> => {
  const count = (name: string) => `echo ${name} >> count.log`;
  const steps: Record<string, StepGiven> = {
    a: { cmd: `${count("a")}; cp data.txt build/a.txt`, deps: ["data.txt"], outs: ["build/a.txt"] },
    b: {
      cmd: `${count("b")}; (cat build/a.txt; echo \${depth}) > build/b.txt`,
      outs: ["build/b.txt"],
      params: { depth: 5 },
    },
    c: { cmd: `${count("c")}; mkdir build/c; cp build/a.txt build/c/x.txt`, outs: ["build/c"] },
    d: { cmd: `${count("d")}; cat build/b.txt build/c/x.txt > build/d.txt`, outs: ["build/d.txt"] },
    e: { cmd: `${count("e")}; echo e > build/e.txt`, outs: ["build/e.txt"] },
  };
  for (const [name, change] of Object.entries(more)) steps[name] = { ...steps[name]!, ...change };
  return steps;
};
const counted = () => world.read("count.log").trim().split("\n").sort().join("");

test("runs in order, and twice does nothing", async () => {
  const first = await world.run(diamond());
  expect(first.error).toBeUndefined();
  expect(did(first)).toEqual({ a: "done", b: "done", c: "done", d: "done", e: "done" });
  expect(world.read("build/d.txt")).toBe("1\n2\n3\n5\n1\n2\n3\n");
  const runs = (await listPipelineRuns(world.db)).length;
  const second = await world.run(diamond());
  expect(second.state).toBe("nothing");
  expect(second.runId).toBeUndefined();
  expect(second.plan.map((s) => s.action)).toEqual(["keep", "keep", "keep", "keep", "keep"]);
  expect(counted()).toBe("abcde");
  expect((await listPipelineRuns(world.db)).length).toBe(runs);
});

test("a touched file that did not change runs nothing", async () => {
  await world.run(diamond());
  utimesSync(join(world.root, "data.txt"), new Date(), new Date(Date.now() + 60_000));
  expect((await world.run(diamond())).state).toBe("nothing");
});

test("a changed parameter runs exactly its cone, and the way back is restored from the cache", async () => {
  await world.run(diamond());
  const changed = await world.run(diamond({ b: { params: { depth: 6 } } }));
  expect(did(changed)).toEqual({ b: "done", d: "done" });
  expect(changed.steps.find((s) => s.step === "b")!.reason).toBe("param.depth changed: 5 → 6");
  expect(changed.plan.find((s) => s.step === "d")!.reason).toBe("b runs first");
  expect(world.read("build/d.txt")).toContain("6");
  const back = await world.run(diamond());
  expect(did(back)).toEqual({ b: "restored", d: "restored" });
  expect(world.read("build/d.txt")).toBe("1\n2\n3\n5\n1\n2\n3\n");
  expect((await world.run(diamond())).state).toBe("nothing");
  expect(counted()).toBe("abbcdde");
});

test("missing and changed outputs come back from the cache, or the step runs when the cache has lost them", async () => {
  await world.run(diamond());
  rmSync(join(world.root, "build"), { recursive: true });
  expect(did(await world.run(diamond()))).toEqual({
    a: "restored",
    b: "restored",
    c: "restored",
    d: "restored",
    e: "restored",
  });
  world.write("build/a.txt", "torn");
  expect(did(await world.run(diamond()))).toEqual({ a: "restored" });
  rmSync(join(world.root, ".trimtab/cache"), { recursive: true });
  rmSync(join(world.root, "build/e.txt"));
  const lost = await world.run(diamond());
  expect(did(lost)).toEqual({ e: "done" });
  expect(lost.plan.find((s) => s.step === "e")!.reason).toBe("its outputs are neither in place nor in the cache");
});

test("force runs all, or the named steps; only brings its upstream along", async () => {
  await world.run(diamond(), { only: ["b"] });
  expect(counted()).toBe("ab");
  const forced = await world.run(diamond(), { only: ["b"], force: true });
  expect(did(forced)).toEqual({ b: "done" });
  const all = await world.run(diamond(), { force: true });
  expect(Object.keys(did(all)).length).toBe(5);
  await expect(world.run(diamond(), { only: ["nope"] })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a dry run writes nothing and tells the reasons", async () => {
  const before = await listEvents(world.db);
  const dry = await world.run(diamond(), { dryRun: true });
  expect(dry.plan.map((s) => [s.step, s.run, s.level])).toEqual([
    ["a", true, 0],
    ["b", true, 1],
    ["c", true, 1],
    ["d", true, 2],
    ["e", true, 0],
  ]);
  expect(dry.plan[0]!.reason).toBe("it has never run");
  expect(await listEvents(world.db)).toEqual(before);
  expect(world.has("build")).toBe(false);
  expect(world.has(".trimtab/logs")).toBe(false);
  expect(world.has(".trimtab/tmp")).toBe(false);
});

test("a failure stops what follows, leaves former outputs as they were, and says what was printed", async () => {
  await world.run(diamond());
  const before = world.read("build/b.txt");
  const cmd = "echo half > build/b.txt; echo 'no such column: delay' >&2; exit 3";
  const broken = await world.run(diamond({ b: { cmd } }));
  expect(broken.state).toBe("failed");
  expect(broken.error).toMatchObject({ code: "STEP_FAILED", place: "pipeline.yaml:3" });
  expect(broken.error!.message).toContain("exit code 3; its last output: no such column: delay");
  expect(broken.steps.map((s) => s.state)).toEqual(["kept", "failed", "kept", "skipped", "kept"]);
  expect(world.read("build/b.txt")).toBe(before);
  expect(readFileSync(broken.steps[1]!.log!, "utf8")).toBe("no such column: delay\n");
  expect((await listStepRuns(world.db, broken.runId!)).map((s) => [s.step, s.state, s.exitCode])).toEqual([
    ["b", "failed", 3],
  ]);
  expect((await world.run(diamond())).state).toBe("nothing");
  expect(world.has(`.trimtab/tmp/runs/${broken.runId}/b`)).toBe(false);
  expect((await verifyJournal(world.db)).brokenAtSeq).toBeUndefined();
  expect((await listEvents(world.db, { kind: "step.failed" })).length).toBe(1);
});

test("a step that does not write its output fails, a file that nobody makes fails before anything runs", async () => {
  const silent = await world.run({ a: { cmd: "true", outs: ["build/a.txt"] } });
  expect(silent.error).toMatchObject({ code: "STEP_OUTPUT_MISSING" });
  const absent = world.run({ a: { cmd: "echo ran > ran.txt", deps: ["nowhere.csv"] } });
  await expect(absent).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
    place: "pipeline.yaml:2 steps.a file.nowhere.csv",
  });
  expect(world.has("ran.txt")).toBe(false);
});

test("every step's time, CPU and memory are recorded", async () => {
  const result = await world.run({ a: { cmd: "python3 -c 'x = bytearray(80_000_000); y = sum(range(3_000_000))'" } });
  const [step] = await listStepRuns(world.db, result.runId!);
  expect(step!.memoryBytesPeak).toBeGreaterThan(60e6);
  expect(step!.cpuMs).toBeGreaterThan(20);
  expect(step!.durationMs).toBeGreaterThan(20);
});

test("runs older than the retention are forgotten with their logs, what they made is not", async () => {
  const clock = new ManualClock(1e12);
  const pipeline = { ...pipelineOf(world.root, diamond()), retention: { runsMs: 1000 } };
  const old = await world.run(pipeline, { clock });
  clock.advance(5000);
  expect(world.has(`.trimtab/logs/${old.runId}`)).toBe(true);
  const next = await world.run(pipeline, { clock, only: ["e"], force: true });
  expect((await listPipelineRuns(world.db)).map((run) => run.id)).toEqual([next.runId!]);
  expect(await listStepRuns(world.db, old.runId!)).toEqual([]);
  expect(world.has(`.trimtab/logs/${old.runId}`)).toBe(false);
  expect((await world.run(pipeline, { clock })).state).toBe("nothing");
});
