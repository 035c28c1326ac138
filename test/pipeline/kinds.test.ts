/** Runners that work inside this process: staging, timeouts, memory, what they report, what else they read. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { listStepRuns } from "../../src/db/step-runs.ts";
import type { RunRecorder, StepRunner } from "../../src/pipeline/types.ts";
import type { EvaluateStep, TransformStep } from "../../src/spec/types.ts";
import { cmdStep, did, makeWorld, type World } from "./make.ts";

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  world.write("features.yaml", "a: 1");
  world.write("data.csv", "x\n1\n");
});
afterEach(() => world.close());

const transform = (more: Partial<TransformStep> = {}): TransformStep => ({
  ...cmdStep("features", { cmd: "" }),
  kind: "transform",
  subject: "data.csv",
  spec: "features.yaml",
  outs: ["build/train.csv", "build/holdout.csv"],
  engine: "duckdb",
  ...more,
});

const runnerOf = (run: StepRunner<TransformStep>["run"]): { transform: StepRunner<TransformStep> } => ({
  transform: { stages: true, keyParts: async () => ({ engine: "x" }), run },
});

test("a runner that stages never shows a torn output, and the former ones stay when it fails", async () => {
  const write = (text: string) =>
    runnerOf(async (step, ctx) => {
      const [train, holdout] = step.outs.map((out) => ctx.out(out)) as [string, string];
      expect(train.endsWith("/train.csv")).toBe(true);
      writeFileSync(train, text);
      expect(world.has("build/train.csv") && world.read("build/train.csv") === text).toBe(false);
      if (text === "bad") throw new Error("in the middle");
      writeFileSync(holdout, text);
      return { result: { rows: 7 }, metrics: { rows: 7 } };
    });
  const good = await world.run({ features: transform() }, { kinds: write("good") });
  expect(good.error).toBeUndefined();
  expect([world.read("build/train.csv"), world.read("build/holdout.csv")]).toEqual(["good", "good"]);
  const bad = await world.run({ features: transform() }, { kinds: write("bad"), force: true });
  expect(bad.error).toMatchObject({ code: "INTERNAL", message: "in the middle" });
  expect([world.read("build/train.csv"), world.read("build/holdout.csv")]).toEqual(["good", "good"]);
  expect(existsSync(`${world.root}/.trimtab/tmp/runs/${bad.runId}`)).toBe(false);
});

test("a missing staged output is an error, and the result is given back when the step is kept", async () => {
  const missing = await world.run({ features: transform() }, { kinds: runnerOf(async () => ({})) });
  expect(missing.error).toMatchObject({ code: "STEP_OUTPUT_MISSING" });
  const kinds = runnerOf(async (step, ctx) => {
    for (const out of step.outs) writeFileSync(ctx.out(out), "x");
    return { result: { score: 0.5 } };
  });
  const steps = { features: transform(), last: { cmd: "true", cache: false } };
  await world.run(steps, { kinds });
  const again = await world.run(steps, { kinds });
  expect(did(again)).toEqual({ last: "done" });
  expect(again.steps.find((s) => s.step === "features")).toMatchObject({ state: "kept", result: { score: 0.5 } });
});

test("work inside this process is ended by its timeout, also when it ignores the signal", async () => {
  const deaf = runnerOf(() => new Promise(() => {}));
  const step = transform({ resources: { timeoutMs: 60 } });
  const first = world.run({ features: step }, { kinds: deaf, graceMs: -4900 });
  expect((await first).error).toMatchObject({ code: "STEP_TIMEOUT", place: "pipeline.yaml:1" });
  const heeds = runnerOf(
    (_, ctx) => new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
  );
  expect((await world.run({ features: step }, { kinds: heeds })).error).toMatchObject({ code: "STEP_TIMEOUT" });
});

test("work inside this process is held to its memory, and what it used is recorded", async () => {
  const kept: Uint8Array[] = [];
  const greedy = runnerOf(async (_, ctx) => {
    for (let i = 0; i < 100 && !ctx.signal.aborted; i++) {
      kept.push(new Uint8Array(8e6).fill(i));
      await Bun.sleep(10);
    }
    return {};
  });
  const result = await world.run({ features: transform({ resources: { memoryBytes: 100e6 } }) }, { kinds: greedy });
  expect(kept.length).toBeGreaterThan(5);
  kept.length = 0;
  expect(result.error).toMatchObject({ code: "STEP_MEMORY" });
  const [row] = await listStepRuns(world.db, result.runId!);
  expect(row!.memoryBytesPeak).toBeGreaterThan(90e6);
});

test("a file that only the runner knows of makes an edge, and its bytes are part of the key", async () => {
  const evaluate: EvaluateStep = {
    ...cmdStep("evaluate", { cmd: "" }),
    kind: "evaluate",
    subject: "build/model",
    on: "data.csv",
    target: "y",
    metrics: ["accuracy"],
  };
  const runner: StepRunner<EvaluateStep> = {
    stages: true,
    reads: () => ["build/fitted.json"],
    keyParts: async () => ({}),
    run: async () => ({ result: {} }),
  };
  const steps = (fitted: string) => ({
    evaluate,
    fit: { cmd: `echo ${fitted} > build/fitted.json`, outs: ["build/fitted.json"] },
    train: { cmd: "echo model > build/model", outs: ["build/model"] },
  });
  const kinds = { evaluate: runner };
  const first = await world.run(steps("1"), { kinds });
  expect(first.plan.at(-1)).toMatchObject({ step: "evaluate" });
  expect(first.plan.find((p) => p.step === "evaluate")!.after).toEqual(["train", "fit"]);
  expect(did(await world.run(steps("2"), { kinds }))).toEqual({ fit: "done", evaluate: "done" });
});

test("a recorder gets the run's params, metrics and end, and its environment reaches the steps", async () => {
  const calls: unknown[][] = [];
  let id = "f";
  const note =
    (name: string) =>
    async (...args: unknown[]) => {
      calls.push([name, ...args]);
    };
  const recorder: RunRecorder = {
    begin: async ({ params, trigger }) => {
      calls.push(["begin", trigger, params]);
      return { runId: id.repeat(32), env: { MLFLOW_RUN_ID: "from-the-recorder" } };
    },
    param: note("param"),
    metric: note("metric"),
    tag: note("tag"),
    nested: () => Promise.reject(new Error("nothing here has a grid")),
    abandon: note("abandon"),
    end: note("end"),
  };
  const a = {
    cmd: 'echo "{\\"accuracy\\": 0.8, \\"loss\\": {\\"train\\": 1}, \\"name\\": \\"x\\"}" > m.json; echo $MLFLOW_RUN_ID > id',
    outs: ["m.json", "id"],
    metricFiles: ["m.json"],
    params: { depth: 5, only: "a" },
  };
  const b = { cmd: "true", params: { depth: 6 } };
  const result = await world.run({ a, b }, { recorder, trigger: "drift" });
  expect(result.runId).toBe("f".repeat(32));
  expect(world.read("id")).toBe("from-the-recorder\n");
  expect(calls).toEqual([
    ["begin", "drift", { "a.depth": "5", only: "a", "b.depth": "6" }],
    ["metric", "accuracy", 0.8],
    ["metric", "loss.train", 1],
    ["end", "f".repeat(32), "FINISHED"],
  ]);
  expect(result.steps[0]!.result).toEqual({ metrics: { accuracy: 0.8, "loss.train": 1 } });
  calls.length = 0;
  await world.run({ a, b }, { recorder });
  expect(calls).toEqual([]);
  id = "e";
  await world.run({ a: { cmd: "exit 1" } }, { recorder });
  expect(calls.at(-1)).toEqual(["end", "e".repeat(32), "FAILED"]);
});

test("folders of staged outputs are made for the runner", async () => {
  const kinds = runnerOf(async (step, ctx) => {
    for (const out of step.outs) {
      expect(existsSync(dirname(ctx.out(out)))).toBe(true);
      await Bun.write(ctx.out(out), "x");
    }
    return {};
  });
  const result = await world.run({ features: transform({ outs: ["deep/er/train.csv"] }) }, { kinds });
  expect(result.error).toBeUndefined();
  expect(world.read("deep/er/train.csv")).toBe("x");
});
