import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { overrideName, PROGRAM_VARIABLES } from "../../src/spec/env.ts";
import { parsePipeline } from "../../src/spec/load.ts";
import { type Path, showPath, withoutKey, withValueAt } from "../../src/spec/path.ts";
import { readYaml, writeYaml } from "../../src/spec/yaml.ts";
import { complaintsOf } from "./complaints.ts";

const TEXT = `model: m
data: { d: d.csv }
steps:
  prep: { cmd: a, params: { depth: 1, a-b: 1 } }
  train: { cmd: b, params: { depth: 2, opt: { lr: 0.1, names: [x, y] } } }
  eval: { evaluate: build/model, on: h.parquet, target: y, metrics: [accuracy, f1] }
gate: { accuracy: { min: 0.7 } }
`;
const parse = (env: Record<string, string>, params: Record<string, string> = {}, text = TEXT) =>
  parsePipeline(text, { env, overrides: { params } });
const params = (pipeline: ReturnType<typeof parse>) => [
  pipeline.steps.prep?.params.depth,
  pipeline.steps.train?.params.depth,
];

test("the name of an override is the path in capitals", () => {
  expect(overrideName(["gate", "accuracy", "min"])).toBe("TRIMTAB_GATE_ACCURACY_MIN");
  expect(overrideName(["steps", "my-step", "params", "a.b"])).toBe("TRIMTAB_STEPS_MY_STEP_PARAMS_A_B");
  expect(overrideName(["alerts", 0, "slack"])).toBe("TRIMTAB_ALERTS_0_SLACK");
});

test("keys that the file has and keys that it has not are set", () => {
  const pipeline = parse({
    TRIMTAB_GATE_ACCURACY_MIN: "0.9",
    TRIMTAB_GATE_F1_MAX_DROP: "5%",
    TRIMTAB_DEPLOY: "{ strategy: canary, interval: 1h }",
    TRIMTAB_DEPLOY_INTERVAL: "2m",
    TRIMTAB_DEPLOY_WEIGHTS: "[10, 100]",
    TRIMTAB_ALERTS_0_SLACK: "https://hooks.example.com/x",
    TRIMTAB_MONITOR_PERFORMANCE_LOG_LOSS_MAX: "1",
    TRIMTAB_STEPS_TRAIN_PARAMS_OPT_NAMES_1: "z",
    TRIMTAB_STEPS_TRAIN_CMD: "python x.py: --a #1",
    TRIMTAB_RETENTION_BYTES: "",
  });
  expect(pipeline.gate).toEqual([
    { metric: "accuracy", line: 7, min: 0.9 },
    { metric: "f1", line: 7, maxDrop: { amount: 0.05, relative: true } },
  ]);
  expect(pipeline.deploy).toMatchObject({ strategy: "canary", intervalMs: 120_000, weights: [10, 100] });
  expect(pipeline.alerts[0]?.url).toBe("https://hooks.example.com/x");
  expect(pipeline.monitor.performance).toEqual([{ metric: "log_loss", max: 1, line: 1 }]);
  expect(pipeline.steps.train).toMatchObject({
    cmd: ["python x.py: --a #1"],
    params: { opt: { lr: 0.1, names: ["x", "z"] } },
  });
  expect(pipeline.retention).toEqual({});
});

test("the more exact and the nearer to the command line, the stronger", () => {
  const all = { TRIMTAB_PARAM_DEPTH: "3" };
  const one = { ...all, TRIMTAB_STEPS_TRAIN_PARAMS_DEPTH: "4" };
  expect(params(parse({}))).toEqual([1, 2]);
  expect(params(parse(all))).toEqual([3, 3]);
  expect(params(parse(one))).toEqual([3, 4]);
  expect(params(parse(one, { depth: "5" }))).toEqual([5, 5]);
  expect(params(parse(one, { "train.depth": "6", depth: "5" }))).toEqual([5, 6]);
  expect(parse({}, { "opt.lr": "1e-3" }).steps.train?.params.opt).toEqual({ lr: 0.001, names: ["x", "y"] });
  expect(parse({}, { opt: "{ lr: 1 }", "opt.lr": "2" }).steps.train?.params.opt).toEqual({ lr: 2 });
});

test("a param that only a grid searches is not set in silence: the grid tries its own values", () => {
  const text = `model: m
steps:
  a: { cmd: x, params: { depth: 1, opt: { lr: 1 }, rate: 1 }, outs: [a], grid: { depth: [1, 2], opt.lr: [1] }, best: { max: f } }
  b: { cmd: y, params: { rate: 1 } }
`;
  const mend = (key: string) => `Mend: set TRIMTAB_STEPS_A_GRID_${key} to a list such as [5].`;
  expect(complaintsOf(text, { overrides: { params: { depth: "3" } } })).toEqual([
    `error[SPEC_INVALID] --param depth: the grid of step a tries values of its own for depth. ${mend("DEPTH")}`,
  ]);
  expect(complaintsOf(text, { env: { TRIMTAB_PARAM_OPT_LR: "3" } })).toEqual([
    `error[SPEC_INVALID] TRIMTAB_PARAM_OPT_LR: the grid of step a tries values of its own for opt.lr. ${mend("OPT_LR")}`,
  ]);
  expect(parse({ TRIMTAB_STEPS_A_GRID_DEPTH: "[5]" }, { rate: "2" }, text).steps.a).toMatchObject({
    grid: { depth: [5] },
    params: { rate: 2 },
  });
  const shared = text.replace("b: { cmd: y, params: { rate: 1 } }", "b: { cmd: y, params: { depth: 1 } }");
  expect(parse({}, { depth: "3" }, shared).steps.b?.params).toEqual({ depth: 3 });
});

test("a variable with a name that every object has is not set", () => {
  const text = `model: m\nsteps:\n  a: { cmd: "echo $constructor \${valueOf}", params: { valueOf: 3 } }\n`;
  expect(parse({}, {}, text).steps.a?.params).toEqual({ valueOf: 3 });
  expect(complaintsOf(`${text}data: { d: $toString/x.csv }\n`)).toEqual([
    "error[SPEC_INVALID] pipeline.yaml:4 data.d: the environment has no toString. Mend: set toString in the environment.",
  ]);
});

test("inside a step, the step's own params override nothing", () => {
  expect(params(parse({ TRIMTAB_STEP: "train", TRIMTAB_PARAM_DEPTH: "9", TRIMTAB_PARAM_OTHER: "1" }))).toEqual([1, 2]);
});

test("a switch that is mistyped is not left on in silence", () => {
  const env = { TRIMTAB_AUTOMATE_DEPLOYS: "false", TRIMTAB_AUTOMATE_GATE: "flase", TRIMTAB_AUTOMATE_RETRAIN: " Off " };
  expect(complaintsOf(TEXT, { env })).toEqual([
    'error[SPEC_INVALID] TRIMTAB_AUTOMATE_GATE: "flase" says neither on nor off. Mend: write false or true.',
    "error[SPEC_INVALID] TRIMTAB_AUTOMATE_DEPLOYS: names no key of the pipeline. Mend: write TRIMTAB_AUTOMATE_DEPLOY.",
  ]);
});

test("overrides that name nothing or two things, are no value, or set what is not allowed are complained about", () => {
  const env = {
    TRIMTAB_GATE_ACURACY_MIN: "0.9",
    TRIMTAB_ZZZ: "1",
    TRIMTAB_STEPS_TRIAN_CMD: "x",
    TRIMTAB_GATE_ACCURACY_MIN: "high",
    TRIMTAB_GATE_F1: "[0.1",
    TRIMTAB_DB: "x.db",
    TRIMTAB_AUTOMATE_RETRAIN: "false",
  };
  expect(complaintsOf(TEXT, { env, overrides: { params: { dept: "1" } } })).toEqual([
    "error[SPEC_INVALID] TRIMTAB_GATE_ACURACY_MIN: names no key of the pipeline. Mend: write TRIMTAB_GATE_ACCURACY_MIN.",
    "error[SPEC_INVALID] TRIMTAB_ZZZ: names no key of the pipeline. Mend: leave it out; docs/pipeline.md says which names there are.",
    "error[SPEC_INVALID] TRIMTAB_STEPS_TRIAN_CMD: names no key of the pipeline. Mend: write TRIMTAB_STEPS_TRAIN_CMD.",
    "error[SPEC_INVALID] --param dept: names no param of a step. Mend: write --param depth.",
    'error[SPEC_INVALID] TRIMTAB_GATE_F1: "[0.1" is not a value. Mend: close the brackets and quotes as in YAML, or quote it as a whole.',
    'error[SPEC_INVALID] TRIMTAB_GATE_ACCURACY_MIN gate.accuracy.min: "high" is not a number. Mend: write a number, such as 0.2.',
  ]);
  const twice = TEXT.replace("a-b: 1", "a-b: 1, a_b: 2")
    .replace("depth: 2", "depth: 2, prep: 1")
    .replace("depth: 1", "depth: 1, prep: { depth: 3 }");
  expect(
    complaintsOf(twice, { env: { TRIMTAB_STEPS_PREP_PARAMS_A_B: "1" }, overrides: { params: { "prep.depth": "1" } } }),
  ).toEqual([
    "error[SPEC_INVALID] TRIMTAB_STEPS_PREP_PARAMS_A_B: names steps.prep.params.a-b and steps.prep.params.a_b. Mend: rename one of them in the file.",
    "error[SPEC_INVALID] --param prep.depth: names steps.prep.params.prep.depth and steps.prep.params.depth. Mend: rename one of them in the file.",
  ]);
});

/** Every path that the document has, with its value. */
function pathsOf(value: unknown, path: Path = []): [Path, unknown][] {
  const children: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : typeof value === "object" && value !== null
      ? Object.entries(value)
      : [];
  return children.flatMap(([key, below]): [Path, unknown][] => [
    [[...path, key], below],
    ...pathsOf(below, [...path, key]),
  ]);
}

const EXAMPLE = readFileSync(join(import.meta.dir, "../../src/spec/pipeline.example.yaml"), "utf8");
const PLACES = pathsOf(readYaml(EXAMPLE, "f.yaml").value);
const scrub = (value: unknown): string => JSON.stringify(value, (key, v) => (key === "line" ? undefined : v), 1);
const outcome = (text: string, env: Record<string, string>): string => {
  const given = { ...env, SLACK_WEBHOOK_URL: "https://hooks.example.com/T0" };
  const lines = complaintsOf(text, { env: given });
  // Complaints differ in their place alone: "pipeline.yaml:3 gate" here, "TRIMTAB_GATE gate" there.
  return lines.length === 0
    ? scrub(parsePipeline(text, { env: given }))
    : lines
        .map((l) => l.replace(/\S+ /g, (w) => (/^(pipeline\.yaml:\d+|TRIMTAB_\w+) $/.test(w) ? "" : w)))
        .sort()
        .join("\n");
};

test("property: an override is the same as editing the key", () => {
  const scalar = fc.oneof(
    fc.constantFrom(
      "0.5",
      "10m",
      "true",
      "7d",
      "20%",
      "x",
      "psi",
      "direct",
      "[accuracy]",
      "[1, 100]",
      "{ min: 1 }",
      "'5'",
      "accuracy",
      "2Gi",
    ),
    fc.integer({ min: -5, max: 500 }).map(String),
  );
  fc.assert(
    fc.property(fc.constantFrom(...PLACES), scalar, ([path], text) => {
      const edited = writeYaml(withValueAt(readYaml(EXAMPLE, "f.yaml").value, path, readYaml(text, "v").value));
      expect(outcome(EXAMPLE, { [overrideName(path)]: text })).toBe(outcome(edited, {}));
    }),
    { numRuns: 150 },
  );
});

/** The document without the key, or nothing where the name must be in the file: steps, data, params and what stands for a value. */
const isOurs = (path: Path): boolean =>
  !/^(data|steps)\.[^.]+$|\.(params|grid|matrix|meta|best|expect|when)\b.*[.[]/.test(showPath(path));

describe("every key of the annotated example has its override", () => {
  const document = readYaml(EXAMPLE, "f.yaml").value;
  const asIs = outcome(EXAMPLE, {});
  for (const [path, value] of PLACES)
    test(overrideName(path), () => {
      const texts = ["17", "zzz", "{ zzz: 1 }", "[zzz]"];
      const seen = texts.map((text) => {
        const edited = writeYaml(withValueAt(document, path, readYaml(text, "v").value));
        const overridden = outcome(EXAMPLE, { [overrideName(path)]: text });
        expect(overridden).toBe(outcome(edited, {}));
        return overridden;
      });
      // What meta says is nobody's business but its owner's.
      expect(seen.some((one) => one !== asIs)).toBe(!path.includes("meta"));
      if (!isOurs(path)) return;
      const without = writeYaml(withoutKey(document, path));
      const sorted = (text: string) => text.split("\n").sort();
      const given = outcome(without, { [overrideName(path)]: JSON.stringify(value) });
      expect(sorted(given)).toEqual(sorted(asIs));
    });
});

test("every variable of the program that the sources read is known not to be an override", () => {
  const root = join(import.meta.dir, "../../src");
  const used = new Set<string>();
  for (const file of new Bun.Glob("**/*.{ts,tsx,py}").scanSync(root)) {
    const source = readFileSync(join(root, file), "utf8");
    for (const [, name] of source.matchAll(/(?:\benv\.|\benviron\[?.?["']?|\benv\[")(TRIMTAB_[A-Z_]+)/g))
      used.add(name!);
  }
  expect([...used].filter((name) => !Object.hasOwn(PROGRAM_VARIABLES, name))).toEqual([]);
  expect(used.size).toBeGreaterThan(2);
});
