/** The plan as a pure function: order, the cone of a change, and what a forced step does to those that read it. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { buildGraph } from "../../src/pipeline/graph.ts";
import { keyOf, type PlanFacts, planRun } from "../../src/pipeline/plan.ts";
import type { Parts, PlannedStep, StepRecord } from "../../src/pipeline/types.ts";
import type { EvaluateStep, Pipeline, TransformStep, ValidateStep } from "../../src/spec/types.ts";
import { cmdStep, pipelineOf, type StepGiven } from "./make.ts";

interface Shape {
  pipeline: Pipeline;
  /** Step → the steps it reads directly. */
  edges: Map<string, string[]>;
}

/** Any acyclic graph: step i reads some steps before it in a random order, and stands anywhere in the file. */
const shapes: fc.Arbitrary<Shape> = fc
  .integer({ min: 1, max: 9 })
  .chain((size) =>
    fc.tuple(
      fc.shuffledSubarray([...Array(size).keys()], { minLength: size }),
      fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: size, maxLength: size }),
    ),
  )
  .map(([order, picks]) => {
    const edges = new Map<string, string[]>();
    const steps = order.map((node) => {
      const reads = node === 0 ? [] : [...new Set(picks[node]!.map((pick) => `s${pick % node}`))];
      edges.set(`s${node}`, reads);
      return cmdStep(`s${node}`, { cmd: "true", deps: reads.map((r) => `build/${r}`), outs: [`build/s${node}`] });
    });
    return { pipeline: pipelineOf("/nowhere", Object.fromEntries(steps.map((s) => [s.name, s]))), edges };
  });

function coneOf(edges: Map<string, string[]>, from: string): Set<string> {
  const cone = new Set([from]);
  for (let size = 0; size !== cone.size; ) {
    size = cone.size;
    for (const [step, reads] of edges) if (reads.some((read) => cone.has(read))) cone.add(step);
  }
  return cone;
}

type Books = Map<string, StepRecord[]>;
interface Given extends PlanFacts {
  parts: Map<string, Parts>;
  current: Map<string, string>;
  settled: Map<string, StepRecord>;
}

const factsOf = (
  pipeline: Pipeline,
  books: Books,
  change: Partial<PlanFacts> & { own?: Record<string, Parts> } = {},
): Given => {
  const current = new Map<string, string>();
  for (const records of books.values())
    for (const [out, { digest }] of Object.entries(records[0]?.outputs ?? {})) current.set(out, digest);
  const { own, ...more } = change;
  return {
    records: {
      newest: (step) => books.get(step)?.[0],
      find: (step, key) => books.get(step)?.find((record) => record.key === key),
    },
    lost: new Set(),
    failed: new Set(),
    forced: new Set(),
    lastState: new Map(),
    ...more,
    parts: new Map(Object.keys(pipeline.steps).map((name) => [name, own?.[name] ?? { command: "true" }])),
    current,
    settled: new Map(),
  };
};

const recordOf = (planned: PlannedStep, digest: string, out: string): StepRecord => ({
  step: planned.step,
  key: planned.key!,
  parts: planned.parts!,
  outputs: { [out]: { digest, sizeBytes: 1 } },
  result: {},
  reusable: true,
  runId: "r",
  endedMs: 0,
  durationMs: 0,
  cpuMs: 0,
  memoryBytesPeak: 0,
});

/** Plays a run: whatever is ready ends at once and writes `digestFor(step, key)`. Returns the steps that ran. */
function play(
  pipeline: Pipeline,
  facts: Given,
  books: Books,
  digestFor = (_: string, key: string) => key,
): Set<string> {
  const ran = new Set<string>();
  for (;;) {
    const plan = planRun(pipeline, facts);
    const next = plan.find(
      (p) => !facts.settled.has(p.step) && p.action !== "wait" && p.after.every((name) => facts.settled.has(name)),
    );
    if (next === undefined) return ran;
    let record = next.record;
    if (next.action === "run") {
      ran.add(next.step);
      const out = pipeline.steps[next.step]!.outs[0]!;
      record = recordOf(next, digestFor(next.step, next.key!), out);
      books.set(next.step, [record, ...(books.get(next.step) ?? [])]);
      facts.current.set(out, record.outputs[out]!.digest);
    }
    facts.settled.set(next.step, record!);
  }
}

test("every step comes after those it waits for, one level above the highest of them", () => {
  fc.assert(
    fc.property(shapes, ({ pipeline, edges }) => {
      const plan = planRun(pipeline, factsOf(pipeline, new Map()));
      expect(plan.map((p) => p.step).sort()).toEqual(Object.keys(pipeline.steps).sort());
      const level = new Map<string, number>();
      for (const { step, after, level: own, run } of plan) {
        expect([...after].sort()).toEqual([...edges.get(step)!].sort());
        expect(own).toBe(Math.max(-1, ...after.map((before) => level.get(before)!)) + 1);
        expect(run).toBe(true);
        level.set(step, own);
      }
    }),
  );
});

test("after a run nothing is left to do; a change runs exactly its cone, and so does a plan say", () => {
  fc.assert(
    fc.property(shapes, fc.nat(), ({ pipeline, edges }, pick) => {
      const names = Object.keys(pipeline.steps);
      const books: Books = new Map();
      expect(play(pipeline, factsOf(pipeline, books), books)).toEqual(new Set(names));
      expect(planRun(pipeline, factsOf(pipeline, books)).every((p) => p.action === "keep")).toBe(true);
      const changed = names[pick % names.length]!;
      const own = { [changed]: { command: "false" } };
      const cone = coneOf(edges, changed);
      const planned = planRun(pipeline, factsOf(pipeline, books, { own })).filter((p) => p.run);
      expect(new Set(planned.map((p) => p.step))).toEqual(cone);
      expect(planned.find((p) => p.step === changed)!.reason).toBe("command changed: true → false");
      expect(play(pipeline, factsOf(pipeline, books, { own }), books)).toEqual(cone);
      const back = planRun(pipeline, factsOf(pipeline, books));
      expect(new Set(back.filter((p) => p.action === "restore").map((p) => p.step))).toEqual(cone);
      expect(back.some((p) => p.run)).toBe(false);
    }),
  );
});

test("a forced step that writes the same bytes runs alone; with other bytes those that read it run too", () => {
  fc.assert(
    fc.property(shapes, fc.nat(), fc.boolean(), ({ pipeline, edges }, pick, isSame) => {
      const names = Object.keys(pipeline.steps);
      const books: Books = new Map();
      play(pipeline, factsOf(pipeline, books), books);
      const forced = names[pick % names.length]!;
      const digestFor = (step: string, key: string) => (step === forced && !isSame ? `other ${key}` : key);
      const ran = play(pipeline, factsOf(pipeline, books, { forced: new Set([forced]) }), books, digestFor);
      expect(ran).toEqual(isSame ? new Set([forced]) : coneOf(edges, forced));
    }),
  );
});

test("only the named steps and what they need are planned", () => {
  fc.assert(
    fc.property(shapes, fc.nat(), ({ pipeline, edges }, pick) => {
      const names = Object.keys(pipeline.steps);
      const only = names[pick % names.length]!;
      const plan = planRun(pipeline, factsOf(pipeline, new Map(), { only: [only] }));
      const needed = names.filter((name) => coneOf(edges, name).has(only));
      expect(plan.map((p) => p.step).sort()).toEqual(needed.sort());
      expect(plan.at(-1)!.step).toBe(only);
    }),
  );
});

test("planning changes nothing it is given and gives the same twice", () => {
  fc.assert(
    fc.property(shapes, ({ pipeline }) => {
      const books: Books = new Map();
      const facts = factsOf(pipeline, books);
      const before = JSON.stringify([pipeline, [...facts.parts], [...facts.current], [...facts.settled]]);
      expect(planRun(pipeline, facts)).toEqual(planRun(pipeline, facts));
      expect(JSON.stringify([pipeline, [...facts.parts], [...facts.current], [...facts.settled]])).toBe(before);
    }),
  );
});

test("a record that is lost or not to be trusted is no reason to skip a step", () => {
  const pipeline = pipelineOf("/nowhere", { a: { cmd: "true", outs: ["build/a"] } });
  const books: Books = new Map();
  play(pipeline, factsOf(pipeline, books), books);
  const key = books.get("a")![0]!.key;
  const actionOf = (facts: PlanFacts, of = pipeline) => {
    const [{ action, reason }] = planRun(of, facts) as [PlannedStep];
    return [action, reason];
  };
  const missing = factsOf(pipeline, books);
  missing.current.clear();
  expect(actionOf(missing)).toEqual(["restore", "build/a is missing; it is in the cache"]);
  expect(actionOf({ ...missing, lost: new Set([key]) })).toEqual([
    "run",
    "its outputs are neither in place nor in the cache",
  ]);
  books.get("a")![0]!.reusable = false;
  expect(actionOf(factsOf(pipeline, books))).toEqual(["run", "an input changed while it ran last time"]);
  const always = pipelineOf("/nowhere", { a: { cmd: "true", outs: ["build/a"], cache: false } });
  expect(actionOf(factsOf(always, books), always)).toEqual(["run", "it always runs (cache: false)"]);
  const tried = factsOf(pipeline, new Map(), { lastState: new Map([["a", "failed"]]) });
  expect(actionOf(tried)).toEqual(["run", "its last attempt failed"]);
});

test("a key depends on every part and not on their order", () => {
  const parts = fc.dictionary(fc.string(), fc.string());
  fc.assert(
    fc.property(parts, fc.string(), fc.string(), (given, name, value) => {
      const turned = Object.fromEntries(Object.entries(given).reverse());
      expect(keyOf(turned)).toBe(keyOf(given));
      const changed = { ...given, [name]: value };
      expect(keyOf(changed) === keyOf(given)).toBe(Object.hasOwn(given, name) && given[name] === value);
    }),
  );
});

test("edges come from deps, words of commands, what a verb names; a validation goes before what reads the same", () => {
  const base = cmdStep("x", { cmd: "true" });
  const check: ValidateStep = {
    ...base,
    kind: "validate",
    name: "check",
    subject: "flights",
    expectations: [],
    engine: "duckdb",
  };
  const features: TransformStep = {
    ...base,
    kind: "transform",
    name: "features",
    subject: "flights",
    spec: "features.yaml",
    outs: ["build/train.parquet", "build/holdout.parquet"],
    engine: "duckdb",
  };
  const train: StepGiven = {
    cmd: "python train.py --data=build/train.parquet --raw 'data/flights.parquet'",
    outs: ["build/model"],
  };
  const evaluate: EvaluateStep = {
    ...base,
    kind: "evaluate",
    name: "evaluate",
    subject: "build/model",
    on: "./build/holdout.parquet",
    target: "late",
    metrics: ["accuracy"],
  };
  const pack: StepGiven = { cmd: "tar cf out.tar build/model/weights.bin", deps: ["build"], outs: ["out.tar"] };
  const steps = { check, features, train, evaluate, pack };
  const graph = buildGraph(pipelineOf("/nowhere", steps, { flights: "data/flights.parquet" }));
  const see = (name: string) => {
    const { produced, files, folders, data, upstream, after } = graph.get(name)!;
    return { produced: Object.fromEntries(produced), files, folders, data, upstream, after };
  };
  const nothing = { produced: {}, files: [], folders: [], data: [], upstream: [], after: [] };
  expect(see("check")).toEqual({ ...nothing, data: ["flights"] });
  expect(see("features")).toEqual({ ...nothing, files: ["features.yaml"], data: ["flights"], after: ["check"] });
  expect(see("train")).toEqual({
    ...nothing,
    produced: { "build/train.parquet": "features" },
    data: ["flights"],
    upstream: ["features"],
    after: ["features", "check"],
  });
  expect(see("evaluate")).toMatchObject({ upstream: ["train", "features"], files: [] });
  expect(see("pack")).toMatchObject({ folders: ["build"], upstream: ["features", "train"], files: [] });
});
