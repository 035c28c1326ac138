/** Trainers that behave badly: every one is ended whole, with a clear error, and what was there before stays. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../src/base/limits.ts";
import { listStepRuns } from "../../src/db/step-runs.ts";
import { processIds, startedWith } from "../../src/pipeline/processes.ts";
import { did, makeWorld, type World } from "./make.ts";

setDefaultTimeout(60_000);

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.close());

/** Processes that a run of this world started and that still live. */
const alive = (runId: string) => processIds().filter((pid) => startedWith(pid, `TRIMTAB_RUN_ID=${runId}`));

test("a step that hangs is ended at its timeout, also when it ignores TERM", async () => {
  const cmd = "trap '' TERM; echo started; while :; do sleep 0.05; done";
  const result = await world.run({ a: { cmd, resources: { timeoutMs: 250 } } });
  expect(result.error).toMatchObject({ code: "STEP_TIMEOUT", message: "step a ran longer than 250 ms" });
  expect(readFileSync(result.steps[0]!.log!, "utf8")).toBe("started\n");
  expect(alive(result.runId!)).toEqual([]);
});

test("children that outlive their parent are ended: in the group, in another session, as daemons", async () => {
  const cmd = `sleep 60 & setsid sleep 60 & (setsid sh -c 'sleep 60 & sleep 60' >/dev/null 2>&1 &) ; sleep 0.1; echo x > x.txt`;
  const result = await world.run({ a: { cmd, outs: ["x.txt"] } });
  expect(result.state).toBe("done");
  expect(result.durationMs).toBeLessThan(30_000);
  expect(alive(result.runId!)).toEqual([]);
});

test("a step over its memory is ended and says so; what it used is recorded", async () => {
  const hungry = 'python3 -c "x = []\nwhile True: x.append(bytearray(4_000_000))"';
  const result = await world.run({ a: { cmd: hungry, resources: { memoryBytes: 150e6 } } });
  expect(result.error).toMatchObject({ code: "STEP_MEMORY" });
  expect(result.error!.message).toMatch(/^step a used \d+\.\d MiB, the limit is 143\.1 MiB$/);
  const [step] = await listStepRuns(world.db, result.runId!);
  expect(step!.memoryBytesPeak).toBeGreaterThan(150e6);
  expect(alive(result.runId!)).toEqual([]);
});

test("the memory of all processes of a step counts together", async () => {
  const one = "python3 -c 'import time; x = bytearray(70_000_000); time.sleep(20)'";
  const result = await world.run({ a: { cmd: `${one} & ${one} & wait`, resources: { memoryBytes: 120e6 } } });
  expect(result.error).toMatchObject({ code: "STEP_MEMORY" });
});

test("a step that prints a gigabyte leaves the head and the tail of it, in bounded memory", async () => {
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const result = await world.run({
    a: { cmd: "echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last" },
  });
  clearInterval(timer);
  expect(result.error).toBeUndefined();
  expect(peak - before).toBeLessThan(600e6);
  const log = result.steps[0]!.log!;
  expect(statSync(log).size).toBeLessThan(LIMITS.stepOutputBytes + 1000);
  const text = readFileSync(log, "latin1");
  expect(text.startsWith("first\nxxx")).toBe(true);
  expect(text.endsWith("xxx\nlast\n")).toBe(true);
  expect(text).toMatch(/943\.\d MiB of output left out/);
  const [step] = await listStepRuns(world.db, result.runId!);
  expect(step!.outputBytes).toBe(1_000_000_012);
});

test("a step that declares cpus stays on that many", async () => {
  const cmd = "grep Cpus_allowed_list /proc/self/status > n.txt; echo $OMP_NUM_THREADS >> n.txt";
  const result = await world.run({ a: { cmd, outs: ["n.txt"], resources: { cpus: 1 } } });
  expect(result.error).toBeUndefined();
  expect(world.read("n.txt")).toMatch(/^Cpus_allowed_list:\t\d+\n1\n$/);
});

test("a failed step is tried again with growing pauses, until it is done or its attempts are used up", async () => {
  const flaky = "echo . >> tries; [ $(wc -l < tries) -ge 3 ] && echo ok > ok.txt";
  const retry = { attempts: 4, delayMs: 20, backoff: 3 };
  const result = await world.run({ a: { cmd: flaky, outs: ["ok.txt"], retry } }, { random: () => 0.5 });
  expect(result.state).toBe("done");
  expect(result.steps[0]!.attempts).toBe(3);
  expect(world.events.flatMap((e) => (e.type === "step.retry" ? [e.delayMs] : []))).toEqual([20, 60]);
  const attempts = await listStepRuns(world.db, result.runId!);
  expect(attempts.map((a) => a.state)).toEqual(["failed", "failed", "done"]);
  const hopeless = await world.run({ b: { cmd: "exit 1", retry: { attempts: 2, delayMs: 1, backoff: 1 } } });
  expect(hopeless.error).toMatchObject({ code: "STEP_FAILED" });
  expect(hopeless.steps[0]!.attempts).toBe(2);
});

test("cancelling ends every process, puts former outputs back and starts nothing new", async () => {
  const steps = (cmd: string) => ({
    a: { cmd, outs: ["a.txt"] },
    b: { cmd: "sleep 60", outs: ["b.txt"] },
    c: { cmd: "cat a.txt b.txt > c.txt", outs: ["c.txt"] },
  });
  await world.run({ a: { cmd: "echo former > a.txt", outs: ["a.txt"] } });
  const controller = new AbortController();
  const running = world.run(steps("echo torn > a.txt; sleep 60"), {
    signal: controller.signal,
    onEvent: (event) => event.type === "step.start" && event.step === "b" && setTimeout(() => controller.abort(), 150),
  });
  const result = await running;
  expect(result.state).toBe("cancelled");
  expect(result.error).toMatchObject({ code: "RUN_CANCELLED" });
  expect(result.steps.map((s) => s.state)).toEqual(["cancelled", "cancelled", "skipped"]);
  expect(world.read("a.txt")).toBe("former\n");
  expect(world.has("b.txt")).toBe(false);
  expect(alive(result.runId!)).toEqual([]);
});

test("steps run side by side up to the jobs, and one that wants more CPUs than there are runs alone", async () => {
  const meet = (own: string, other: string) => ({
    cmd: `touch ${own}; i=0; while [ ! -e ${other} ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; [ -e ${other} ]`,
  });
  expect((await world.run({ a: meet("in-a", "in-b"), b: meet("in-b", "in-a") }, { jobs: 2 })).state).toBe("done");
  const alone = (name: string) => ({
    cmd: `[ ! -e lock ] && touch lock && sleep 0.1 && rm lock && echo ${name}`,
    resources: { cpus: 64 },
  });
  expect(did(await world.run({ c: alone("c"), d: alone("d"), e: alone("e") }, { jobs: 2 }))).toEqual({
    c: "done",
    d: "done",
    e: "done",
  });
});

test("a step that something else killed says so", async () => {
  const result = await world.run({ a: { cmd: "echo working; kill -9 $$" } });
  expect(result.error).toMatchObject({ code: "STEP_FAILED", details: { signal: "SIGKILL" } });
  expect(result.error!.message).toBe("the command of step a ended with signal SIGKILL; its last output: working");
  expect(result.error!.mend).toContain("want of memory");
});

test("a listener that throws fails the step and does not leave its command waiting", async () => {
  const onEvent = (event: { type: string }) => {
    if (event.type === "step.output") throw new Error("the terminal is gone");
  };
  const result = await world.run({ a: { cmd: "head -c 3000000 /dev/zero" } }, { onEvent });
  expect(result.error).toMatchObject({ code: "INTERNAL", message: "the terminal is gone" });
  expect(alive(result.runId!)).toEqual([]);
});

test("a run that leaves by process.exit leaves no process behind", async () => {
  const script = `
    const { makeWorld } = await import(${JSON.stringify(join(import.meta.dir, "make.ts"))});
    const world = await makeWorld();
    const onEvent = (e) => e.type === "step.output" && (console.log(e.text.trim()), process.exit(0));
    await world.run({ a: { cmd: "echo $TRIMTAB_RUN_ID; sleep 60 & sleep 60" } }, { onEvent });`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const runId = (await child.stdout.text()).trim();
  expect(await child.exited).toBe(0);
  expect(runId).toMatch(/^[0-9a-f]{32}$/);
  for (let i = 0; i < 100 && alive(runId).length > 0; i++) await Bun.sleep(20);
  expect(alive(runId)).toEqual([]);
});
