import { afterEach, beforeEach, expect } from "bun:test";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { listStepRuns } from "../../src/db/step-runs.ts";
import type { Choice } from "../../src/pipeline/choose.ts";
import { expandGrids } from "../../src/pipeline/grid.ts";
import type { NestedRun, RunRecorder } from "../../src/pipeline/types.ts";
import { whyStep } from "../../src/pipeline/why.ts";
import type { CmdStep, ParamValue } from "../../src/spec/types.ts";
import { overEngines } from "../engines.ts";
import { did, makeWorld, pipelineOf, type StepGiven, type World } from "./make.ts";

const { test, open } = overEngines();
let world: World;
beforeEach(async () => {
  world = await makeWorld(await open());
  world.write("data/in.txt", "in\n");
});
afterEach(() => world.close());

/** Scores 0.<depth>; every execution leaves a line in ran/, a folder that is there before. */
const SCORE = `echo "\${depth} \${rate}" > ran/\${depth}-\${rate}.$$; mkdir -p build/model; cat data/in.txt build/side.txt > build/model/w
  echo "\${depth} \${rate}" >> build/model/w; echo "{\\"f1\\": 0.\${depth}}" > build/m.json`;

const search = (grid: Record<string, ParamValue[]>, more: Partial<StepGiven> = {}): Record<string, StepGiven> => ({
  side: { cmd: "echo side > build/side.txt", outs: ["build/side.txt"] },
  train: {
    cmd: SCORE,
    deps: ["data", "build/side.txt"],
    outs: ["build/model", "build/m.json"],
    metricFiles: ["build/m.json"],
    params: { depth: 5, rate: 0.1 },
    grid,
    best: { metric: "f1", goal: "max" },
    ...more,
  },
  use: { cmd: "cat build/model/w > build/used", outs: ["build/used"] },
});

const executed = () => readdirSync(join(world.root, "ran")).map((name) => name.replace(/\.\d+$/, ""));

test("the best combination becomes the step's outputs, repeating does nothing, and a new value runs alone", async () => {
  world.write("ran/.keep", "");
  const first = await world.run(search({ depth: [3, 8, 5], rate: [0.1] }));
  expect(first.error).toBeUndefined();
  expect(world.read("build/used")).toBe("in\nside\n8 0.1\n");
  const { choice } = first.steps.find((step) => step.step === "train")!.result as { choice: Choice };
  expect(choice.best).toMatchObject({
    step: "train@depth=8,rate=0.1",
    params: { depth: 8, rate: 0.1 },
    metrics: { f1: 0.8 },
  });
  expect(choice.combinations.map((one) => one.metrics.f1)).toEqual([0.3, 0.8, 0.5]);

  expect((await world.run(search({ depth: [3, 8, 5], rate: [0.1] }))).state).toBe("nothing");
  const why = await whyStep(
    pipelineOf(world.root, search({ depth: [3, 8, 5, 9], rate: [0.1] })),
    "train",
    world.options,
  );
  expect(why.reason).toBe("grid.depth changed: 3, 8, 5 → 3, 8, 5, 9");
  expect(why.text).toContain("train@depth=9,rate=0.1 must run first: it has never run");

  const more = await world.run(search({ depth: [3, 8, 5, 9], rate: [0.1] }));
  expect(did(more)).toEqual({ "train@depth=9,rate=0.1": "done", train: "done", use: "done" });
  expect(
    executed()
      .filter((name) => name !== ".keep")
      .sort(),
  ).toEqual(["3-0.1", "5-0.1", "8-0.1", "9-0.1"]);
  expect(world.read("build/model/w")).toContain("9 0.1");

  const less = await world.run(search({ depth: [3], rate: [0.1] }, { best: { metric: "f1", goal: "min" } }));
  expect(did(less)).toEqual({ train: "done", use: "done" });
  expect(readdirSync(join(world.root, ".trimtab/grid/train"))).toEqual(["depth=3,rate=0.1"]);
});

test("combinations run side by side, each in a tree of its own that is no trap for the root", async () => {
  world.write("ran/.keep", "");
  world.write("package/code.sh", "echo here > build/m.json.here; pwd -P > build/model/pwd");
  // Each waits for the other: they can only end when both run at once.
  const meet = `touch ran/at-\${depth}; until [ $(ls ran | grep -c at-) = 2 ]; do sleep 0.01; done; ${SCORE}; sh package/code.sh`;
  const ran = await world.run(search({ depth: [3, 4] }, { cmd: meet, deps: ["data", "package"] }), { jobs: 2 });
  expect(ran.error).toBeUndefined();
  const tree = join(world.root, ".trimtab/grid/train/depth=4");
  expect(world.read("build/model/pwd").trim()).toEndWith(".trimtab/grid/train/depth=4");
  // Only what was written is left of it: nothing in it leads out.
  const links = readdirSync(tree, { recursive: true }).filter((name) =>
    lstatSync(join(tree, String(name))).isSymbolicLink(),
  );
  expect(links).toEqual([]);
  expect(existsSync(join(world.root, "build/m.json.here"))).toBe(false);
  expect(world.read("data/in.txt")).toBe("in\n");
});

test("a combination that fails is left out and tried again; the step fails when none is left", async () => {
  world.write("ran/.keep", "");
  const fragile = `[ \${depth} != 9 ] || test -e data/mended || exit 7; ${SCORE}`;
  const steps = (grid: number[]) => search({ depth: grid }, { cmd: fragile, deps: [] });
  const first = await world.run(steps([3, 9]));
  expect([first.state, did(first)]).toEqual([
    "done",
    { side: "done", "train@depth=3": "done", "train@depth=9": "failed", train: "done", use: "done" },
  ]);
  const { choice } = first.steps.find((step) => step.step === "train")!.result as { choice: Choice };
  expect(choice.combinations[1]).toMatchObject({ step: "train@depth=9", leftOut: "it failed" });
  const again = await world.run(steps([3, 9]));
  expect(did(again)).toEqual({ "train@depth=9": "failed" });
  const none = await world.run(steps([9]));
  expect(none.state).toBe("failed");
  expect(none.error?.oneLine()).toContain("every combination of step train failed");
  expect(did(none)).toMatchObject({ train: "failed", use: "skipped" });
  expect(world.read("build/model/w")).toContain("3 0.1");
  world.write("data/mended", "");
  expect(did(await world.run(steps([3, 9])))).toEqual({ "train@depth=9": "done", train: "done", use: "done" });
});

test("a metric that nobody reports is named, with those that were", async () => {
  world.write("ran/.keep", "");
  const ran = await world.run(search({ depth: [3, 4] }, { best: { metric: "auc", goal: "max" } }));
  expect(ran.error?.oneLine()).toContain("no combination of step train reported the metric auc");
  expect(ran.error?.mend).toEndWith("reported were f1");
});

test("--force of the step runs its combinations too; a dry run tells each of them and writes nothing", async () => {
  world.write("ran/.keep", "");
  const dry = await world.run(search({ depth: [3, 4] }), { dryRun: true });
  expect(dry.plan.map((step) => step.step)).toEqual(["side", "train@depth=3", "train@depth=4", "train", "use"]);
  expect(existsSync(join(world.root, ".trimtab/grid"))).toBe(false);
  await world.run(search({ depth: [3, 4] }));
  const forced = await world.run(search({ depth: [3, 4] }), { force: true, only: ["train"] });
  expect(did(forced)).toEqual({ "train@depth=3": "done", "train@depth=4": "done", train: "done" });
  const rows = await listStepRuns(world.db, forced.runId!);
  expect(rows.map((row) => row.step).sort()).toEqual(["train", "train@depth=3", "train@depth=4"]);
});

test("each combination has a run of its own, ranked by what it logs there, and the run gets the params of the best", async () => {
  world.write("ran/.keep", "");
  const calls: unknown[][] = [];
  let id = "f";
  const note =
    (who: string, what: string) =>
    async (...args: unknown[]) => {
      calls.push([who, what, ...args]);
    };
  const nested = async ({ name, params }: { name: string; params: Record<string, string> }): Promise<NestedRun> => ({
    runId: `run of ${name}`,
    env: { MLFLOW_RUN_ID: `run of ${name}` },
    metrics: async () => ({ logged: 1 / Number(params.depth) }),
    param: note(name, "param"),
    metric: note(name, "metric"),
    end: note(name, "end"),
  });
  const recorder: RunRecorder = {
    begin: async ({ params }) => {
      calls.push(["run", "begin", params]);
      return { runId: id.repeat(32), env: { MLFLOW_RUN_ID: "the run" } };
    },
    param: note("run", "param"),
    metric: note("run", "metric"),
    tag: note("run", "tag"),
    nested,
    abandon: async () => undefined,
    end: note("run", "end"),
  };
  const steps = search(
    { depth: [3, 4] },
    { cmd: `${SCORE}; echo $MLFLOW_RUN_ID >> build/model/w`, best: { metric: "logged", goal: "max" } },
  );
  const ran = await world.run(steps, { recorder, jobs: 1 });
  expect(ran.error).toBeUndefined();
  expect(world.read("build/model/w")).toEndWith("run of train@depth=3\n");
  expect(calls).toEqual([
    ["run", "begin", { rate: "0.1" }],
    ["train@depth=3", "metric", "f1", 0.3],
    ["train@depth=3", "end", "FINISHED"],
    ["train@depth=4", "metric", "f1", 0.4],
    ["train@depth=4", "end", "FINISHED"],
    ["run", "metric", "logged", 1 / 3],
    ["run", "metric", "f1", 0.3],
    ["run", "param", "depth", "3"],
    ["run", "end", "f".repeat(32), "FINISHED"],
  ]);
  const { choice } = ran.steps.find((step) => step.step === "train")!.result as { choice: Choice };
  expect(choice.best.runId).toBe("run of train@depth=3");
  // A run that keeps the choice still says what it stands on.
  calls.length = 0;
  id = "e";
  await world.run({ ...steps, use: { cmd: "cp build/model/w build/used2", outs: ["build/used2"] } }, { recorder });
  expect(calls).toContainEqual(["run", "param", "depth", "3"]);
});

test("names of combinations are good file names and never meet", () => {
  const names = (grid: Record<string, ParamValue[]>) =>
    Object.keys(expandGrids(pipelineOf(world.root, search(grid))).steps).filter((name) => name.startsWith("train@"));
  expect(names({ depth: [3, 3, "3"] })).toEqual([
    expect.stringMatching(/^train@[0-9a-f]{12}$/),
    expect.stringMatching(/^train@[0-9a-f]{12}$/),
  ]);
  expect(names({ depth: ["../x", "a b", "plain"] })).toEqual([
    expect.stringMatching(/^train@[0-9a-f]{12}$/),
    expect.stringMatching(/^train@[0-9a-f]{12}$/),
    "train@depth=plain",
  ]);
  const nested = expandGrids(
    pipelineOf(world.root, search({ "opt.lr": [1, 2] }, { params: { opt: { lr: 0, b: 1 } } })),
  );
  expect((nested.steps["train@opt.lr=2"] as CmdStep).params).toEqual({ opt: { lr: 2, b: 1 } });
  expect(nested.steps.train!.params).toEqual({});
});

test("a step of a matrix has a run of its own too, and the matrix' name means all of its steps", async () => {
  const opened: unknown[] = [];
  const recorder: RunRecorder = {
    begin: async () => ({ runId: "d".repeat(32), env: { MLFLOW_RUN_ID: "the run" } }),
    param: async () => undefined,
    metric: async () => undefined,
    tag: async () => undefined,
    nested: async ({ name, params }) => {
      opened.push([name, params]);
      const done = async () => undefined;
      return {
        runId: name,
        env: { MLFLOW_RUN_ID: name },
        metrics: async () => ({}),
        param: done,
        metric: done,
        end: done,
      };
    },
    abandon: async () => undefined,
    end: async () => undefined,
  };
  const part = (size: string): StepGiven => ({
    cmd: `echo $MLFLOW_RUN_ID > ${size}.txt`,
    outs: [`${size}.txt`],
    params: { depth: 2 },
    item: { size },
  });
  const pipeline = pipelineOf(world.root, {
    "part@big": part("big"),
    "part@small": part("small"),
    rest: { cmd: "true" },
  });
  const ran = await world.run(pipeline, { recorder, only: ["part"] });
  expect(did(ran)).toEqual({ "part@big": "done", "part@small": "done" });
  expect(world.read("big.txt")).toBe("part@big\n");
  expect(opened).toEqual([
    ["part@big", { size: "big", depth: "2" }],
    ["part@small", { size: "small", depth: "2" }],
  ]);
  expect((await whyStep(pipeline, "part@big", world.options)).action).toBe("keep");
  await expect(whyStep(pipeline, "part", world.options)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
