import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { TrimtabErrors } from "../../src/base/errors.ts";
import { redact } from "../../src/base/log.ts";
import { loadPipeline, parsePipeline } from "../../src/spec/load.ts";
import type { CmdStep } from "../../src/spec/types.ts";
import { complaintsOf } from "./complaints.ts";
import { expected } from "./update.ts";

const codesOf = (error: unknown): string[] =>
  error instanceof TrimtabErrors ? error.errors.map((e) => e.code) : [String(error)];
const folder = () => mkdtempSync(join(tmpdir(), "trimtab-spec-"));
const step = (text: string) => `model: m\ndata: { d: d.csv }\nsteps:\n  s:\n${text.replaceAll(/^/gm, "    ")}\n`;

for (const [file, text] of Object.entries(expected())) {
  test(`${basename(file)} is what the code makes; after a change on purpose run bun test/spec/update.ts`, () => {
    expect(text).toBe(readFileSync(file, "utf8"));
  });
}

test("loading asks whether files exist; parsing does not", async () => {
  const root = folder();
  const file = join(root, "pipeline.yaml");
  const text = "model: m\nsteps:\n  a: { cmd: make, deps: [src, data/big.csv, missing.py], outs: [build/x] }\n";
  writeFileSync(file, text);
  mkdirSync(join(root, "src"));
  mkdirSync(join(root, "data"));
  writeFileSync(join(root, "data", "big.csv.dvc"), "outs: []\n");
  expect(parsePipeline(text).steps.a?.deps).toEqual(["src", "data/big.csv", "missing.py"]);
  const error: unknown = await loadPipeline(file, {}).catch((e: unknown) => e);
  expect((error as TrimtabErrors).message).toBe(
    "error[SPEC_GRAPH] pipeline.yaml:3 steps.a.deps[2]: missing.py does not exist and no step writes it. " +
      "Mend: mend the path, or add it to outs of the step that writes it.",
  );
  writeFileSync(join(root, "missing.py"), "");
  expect((await loadPipeline(file, {})).root).toBe(root);
});

test("a missing file, a folder and an unreadable place are refused", async () => {
  const root = folder();
  writeFileSync(join(root, "file"), "");
  for (const [path, code] of [
    [join(root, "pipeline.yaml"), "SPEC_NOT_FOUND"],
    [join(root, "file", "pipeline.yaml"), "SPEC_NOT_FOUND"],
    [root, "FILE_NOT_READABLE"],
  ] as const) {
    expect(codesOf(await loadPipeline(path, {}).catch((e: unknown) => e))).toEqual([code]);
  }
});

test("params of DVC's list forms are read from their files, and overrides reach them", async () => {
  const root = folder();
  writeFileSync(join(root, "params.yaml"), "lr: 0.1\ntrain: { epochs: 3, batch: 8 }\nunused: 1\n");
  writeFileSync(join(root, "other.json"), '{"seed": 7, "deep": {"a": 1}}');
  const file = join(root, "pipeline.yaml");
  const write = (params: string) => writeFileSync(file, step(`cmd: train \${train.epochs}\nparams: ${params}`));
  write("[lr, train.epochs, { other.json: [seed] }]");
  const read = async (env = {}, params = {}) => (await loadPipeline(file, env, { params })).steps.s?.params;
  expect(await read()).toEqual({ lr: 0.1, "train.epochs": 3, seed: 7 });
  expect(await read({ TRIMTAB_PARAM_LR: "0.5", TRIMTAB_STEPS_S_PARAMS_TRAIN_EPOCHS: "9" }, { seed: "8" })).toEqual({
    lr: 0.5,
    "train.epochs": 9,
    seed: 8,
  });
  write("[train, { other.json: }]");
  expect(await read()).toEqual({ train: { epochs: 3, batch: 8 }, seed: 7, deep: { a: 1 } });
  write("[lrr, { none.yaml: [a] }, { x.toml: [a] }, 5]");
  const error: unknown = await loadPipeline(file, {}).catch((e: unknown) => e);
  expect((error as TrimtabErrors).message.split("\n")).toEqual([
    "error[SPEC_INVALID] pipeline.yaml:6 steps.s.params[0]: params.yaml has no lrr. Mend: write lr; the params of params.yaml are lr, train, unused.",
    "error[SPEC_INVALID] pipeline.yaml:6 steps.s.params[1].none.yaml: none.yaml cannot be read. Mend: make none.yaml, or write name: value pairs here.",
    "error[SPEC_INVALID] pipeline.yaml:6 steps.s.params[2].x.toml: x.toml is neither YAML nor JSON. Mend: keep the params in a .yaml or .json file, or write name: value pairs here.",
    "error[SPEC_INVALID] pipeline.yaml:6 steps.s.params[3]: 5 is not the name of a param. Mend: write a name, or { file.yaml: [names] }.",
  ]);
});

test("a stage of DVC fits as it is", () => {
  const text = step(
    "cmd: [python a.py, python b.py]\nwdir: sub\ndesc: text\nmeta: { x: [1] }\ndeps: [a.py, ../shared.py, /abs.py]\n" +
      "outs:\n- data/out: { cache: false, desc: x }\n- raw\nmetrics: [{ m.json: { cache: false } }]\nplots: [p.csv]\nalways_changed: true",
  );
  const { s } = parsePipeline(text).steps;
  expect(s).toMatchObject({
    cmd: ["cd 'sub' || exit\npython a.py", "cd 'sub' || exit\npython b.py"],
    deps: ["sub/a.py", "shared.py", "/abs.py"],
    outs: ["sub/data/out", "sub/raw", "sub/m.json", "sub/p.csv"],
    metricFiles: ["sub/m.json"],
    cache: false,
    desc: "text",
  });
});

test("a grid says what is the best, or the gate does", () => {
  const searched = (more: string) => step(`cmd: x\nparams: { a: 1 }\ngrid: { a: [1, 2] }\n${more}`);
  const best = (text: string) => (parsePipeline(text).steps.s as CmdStep).best;
  expect(best(searched("best: { min: loss }"))).toEqual({ metric: "loss", goal: "min" });
  const gated = `${searched("")}  e: { evaluate: m, on: r, target: y, metrics: [log_loss] }\ngate: { log_loss: { max: 1 } }\n`;
  expect(best(gated)).toEqual({ metric: "log_loss", goal: "min" });
  const mends = (text: string) => complaintsOf(text).map((line) => line.replace(/^.*? steps\.s\./, ""));
  expect(
    [
      searched(""),
      searched("best: f1"),
      searched("best: { max: f1 }\ncache: false"),
      step("cmd: x\nbest: { max: f1 }"),
    ].flatMap(mends),
  ).toEqual([
    "grid: nothing says which combination is the best. Mend: add best: { max: accuracy }, with a metric that the step reports, or a gate.",
    'best: "f1" is not a mapping. Mend: write { max: accuracy } or { min: loss }.',
    "grid: the step keeps nothing, and a grid chooses among what was kept. Mend: remove cache: false, or the grid.",
    "best: the step has no grid to choose from. Mend: add grid:, or remove best:.",
  ]);
  const many = step(
    `cmd: x\nparams: { a: 1, b: 1 }\ngrid: { a: [${Array(40).fill(1)}], b: [${Array(40).fill(1)}] }\nbest: { max: f }`,
  );
  expect(mends(many)).toEqual([
    "grid: the grid has 1600 combinations, and 1000 are the most. Mend: try fewer values at once.",
  ]);
  expect(mends(step("cmd: x\ngrid: {}\nbest: { max: f }"))).toEqual([
    "grid: the grid names no param. Mend: write name: [values], or remove it.",
  ]);
});

test("what DVC has and Trimtab has not is refused, with what to do", () => {
  const text = `${step("cmd: x\nfrozen: true\nforeach: {}\nouts: [{ a: { persist: true } }]")}vars: [x]\nstages: {}\n`;
  expect(complaintsOf(text)).toEqual([
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:6 steps.s.frozen: there is no key frozen here. Mend: remove it; a step whose inputs did not change is not run again anyway.",
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:7 steps.s.foreach: there is no key foreach here. Mend: write matrix:, or grid: for a search.",
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:8 steps.s.outs[0].a.persist: outputs have no option persist. Mend: let the step read its old output from another path.",
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:9 vars: there is no key vars here. Mend: put the values under params: of the steps that use them, or in params.yaml, and name them there.",
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:10 stages: there is no key stages here. Mend: put DVC's stages under steps:.",
  ]);
});

test("a key that goes with another verb is refused", () => {
  expect(complaintsOf(step("validate: d\nexpect: [{ column_to_exist: a }]\nouts: [x]\nspec: f.yaml"))).toEqual([
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:7 steps.s.outs: outs does not go with validate. Mend: remove it; outs belongs to steps with transform or cmd.",
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:8 steps.s.spec: spec does not go with validate. Mend: remove it; spec belongs to steps with transform.",
  ]);
});

test("short forms of expectations stand for their arguments", () => {
  const items = [
    "expect_column_to_exist: a",
    "column_values_to_be_between: { column: [a, b], min_value: 0 }",
    "column_median_to_be_between: [{ column: a, max_value: 1 }, { column: b, max_value: 2 }]",
    "table_columns_to_match_set: [a, b]",
    "compound_columns_to_be_unique: [a, b]",
    "table_column_count_to_equal: 3",
  ];
  const { s } = parsePipeline(step(`validate: d\nexpect:\n${items.map((i) => `- ${i}`).join("\n")}`)).steps;
  expect(s?.kind === "validate" ? s.expectations : []).toEqual([
    { type: "column_to_exist", kwargs: { column: "a" }, line: 7 },
    { type: "column_values_to_be_between", kwargs: { column: "a", min_value: 0 }, line: 8 },
    { type: "column_values_to_be_between", kwargs: { column: "b", min_value: 0 }, line: 8 },
    { type: "column_median_to_be_between", kwargs: { column: "a", max_value: 1 }, line: 9 },
    { type: "column_median_to_be_between", kwargs: { column: "b", max_value: 2 }, line: 9 },
    { type: "table_columns_to_match_set", kwargs: { column_set: ["a", "b"] }, line: 10 },
    { type: "compound_columns_to_be_unique", kwargs: { column_list: ["a", "b"] }, line: 11 },
    { type: "table_column_count_to_equal", kwargs: { value: 3 }, line: 12 },
  ]);
});

test("the values of variables that steps use are secrets", () => {
  const cmd = `curl -H $KEY_OF_STEP \${OTHER_OF_STEP:-x}`;
  const text = `model: m\nsteps:\n  s: { cmd: '${cmd}', env: [LISTED_OF_STEP] }\n`;
  const env = { KEY_OF_STEP: "abc-of-key", OTHER_OF_STEP: "abc-of-other", LISTED_OF_STEP: "abc-of-list" };
  parsePipeline(text, { env });
  expect(redact(Object.values(env).join(" "))).toBe("*** *** ***");
});

test("variables in data and alerts come from the environment and are secrets", () => {
  const text =
    'model: m\ndata: { d: "$FOLDER/x$$y.csv" }\nsteps: { s: { cmd: "echo $HOME" } }\n' +
    `alerts: [{ slack: "https://h.example.com/\${KEY}" }]\n`;
  const pipeline = parsePipeline(text, { env: { FOLDER: "data", KEY: "abcdef-secret" } });
  expect(pipeline.data.d?.uri).toBe("data/x$y.csv");
  expect(pipeline.alerts[0]?.url).toBe("https://h.example.com/abcdef-secret");
  expect(redact("posting to https://h.example.com/abcdef-secret")).toBe("posting to ***");
  expect(redact("abcdef-secret")).toBe("***");
  expect(pipeline.steps.s).toMatchObject({ cmd: ["echo $HOME"] });
  expect(complaintsOf(text, { env: { FOLDERS: "data", KEY: "" } })).toEqual([
    "error[SPEC_INVALID] pipeline.yaml:2 data.d: the environment has no FOLDER. Mend: set FOLDER in the environment, or write $FOLDERS.",
    "error[SPEC_INVALID] pipeline.yaml:4 alerts[0].slack: the environment has no KEY. Mend: set KEY in the environment.",
  ]);
});

test("a secret that is no address is not shown", () => {
  const lines = complaintsOf(
    "model: m\nsteps: { s: { cmd: a } }\nalerts: [{ slack: hooks.example.com/T0/very-secret }]\n",
  );
  expect(lines.join()).toContain("is not an http(s) address");
  expect(lines.join()).not.toContain("very-secret");
});

test("more steps than a pipeline can need are refused", () => {
  const steps = Array.from({ length: 2001 }, (_, i) => `  s${i}: { cmd: x }\n`).join("");
  expect(complaintsOf(`model: m\nsteps:\n${steps}`)).toEqual([
    "error[SPEC_TOO_LARGE] pipeline.yaml:2 steps: there are 2001 steps, and the limit is 2000. Mend: split the pipeline.",
  ]);
});

/** What is written → the complaint about it, without code and mend. */
const SINGLES: [text: string, complaint: string][] = [
  [step("validate: d\nexpect: []"), "6 steps.s.expect: the step checks nothing"],
  [
    step("validate: d\nexpect: [{ column_to_exist: { column: [] } }]"),
    '6 steps.s.expect[0].column_to_exist: {"column":[]} is not what column_to_exist takes',
  ],
  [step("cmd: x\nouts: [.]"), "6 steps.s.outs[0]: the output is the folder of pipeline.yaml itself"],
  [step("cmd: x\nouts: ['a/*.csv']"), '6 steps.s.outs[0]: the output "a/*.csv" is a pattern'],
  [step("cmd: x\nouts: [{ a: , b: }]"), '6 steps.s.outs[0]: {"a":null,"b":null} is not one output'],
  [step("cmd: x\ndeps: ['a/$" + "{x}']"), '6 steps.s.deps[0]: "a/$' + '{x}" names a param'],
  [step("cmd: x\nwdir: s3://b/x"), '6 steps.s.wdir: the folder "s3://b/x" is not on this machine'],
  [
    `${step("cmd: x")}deploy: { weights: [5, 100] }\n`,
    "6 deploy.weights: weights without strategy: would be ignored, since a version takes over at once unless told",
  ],
  [step("cmd: x\nwdir: ../up"), '6 steps.s.wdir: the folder "../up" is not inside the folder of pipeline.yaml'],
  [step("cmd: []"), "5 steps.s.cmd: is an empty list"],
  [step("transform: d\nspec: f.yaml\nsplit: { by: x }\nouts: [a, b]"), "7 steps.s.split: the split has no holdout"],
  [
    step("transform: d\nspec: f.yaml\nouts: [a, b]"),
    "7 steps.s.outs: the step has 2 outputs, and a transform without split writes 1",
  ],
  [`${step("cmd: x")}gate: { accuracy: { min: 1 } }\n`, "6 gate: the gate has rules, but no step measures a model"],
  [
    `${step("cmd: x")}retrain: { when: [drift] }\n`,
    "6 retrain.when[0]: drift can never fire: there is no monitor.drift",
  ],
  [
    `${step("cmd: x")}monitor: { drift: { test: ks, threshold: 5 } }\n`,
    "6 monitor.drift.threshold: ks is judged by a p-value, which is never above 1: every window would fire",
  ],
  [
    `${step("cmd: x")}monitor: { drift: { test: jensen_shannon, threshold: 0.9 } }\n`,
    "6 monitor.drift.threshold: jensen_shannon is judged by a distance, which is never above 0.8326: no window would fire",
  ],
  [`${step("cmd: x")}monitor: { drift: { columns: [a, b, a] } }\n`, "6 monitor.drift.columns[2]: a stands here twice"],
  [
    `${step("cmd: x")}deploy: { strategy: ab, weights: [50, 100] }\n`,
    "6 deploy.weights: [50,100] is not the candidate's one share of an ab test",
  ],
  [`${step("cmd: x")}deploy: canary\n`, '6 deploy: "canary" is not a mapping'],
  [`${step("cmd: x")}monitor:\n`, "6 monitor: is empty"],
  ["- model\n", '1 (top): the file holds ["model"], not a mapping'],
  ["model: 5\nsteps: { s: { cmd: x } }\n", "1 model: 5 is not text"],
  ["model: a/b\nsteps: { s: { cmd: x } }\n", '1 model: "a/b" cannot be a model\'s name'],
  ["model: m\n", "1 steps: there are no steps"],
];

const EVALUATED = step("evaluate: build/m\non: h.parquet\ntarget: y\nmetrics: [f1]");
const GATES: [rule: string, complaint: string][] = [
  ["f1: { max_drop: -1 }", "9 gate.f1.max_drop: -1 is negative"],
  [
    "f1: { min: 0.5, unless_better: f1 }",
    "9 gate.f1.unless_better: unless_better forgives a max_drop or max_rise, and there is none",
  ],
  ["f1: { min: high }", '9 gate.f1.min: "high" is not a number'],
];

test("each thing that can be wrong has its complaint", () => {
  const short = (line: string) => line.replace(/^error\[\w+\] pipeline\.yaml:/, "").replace(/\. Mend: .*/, "");
  const all = [...SINGLES, ...GATES.map(([rule, told]): [string, string] => [`${EVALUATED}gate: { ${rule} }\n`, told])];
  expect(all.map(([text]) => complaintsOf(text).map(short).join("; "))).toEqual(all.map(([, told]) => told));
});

test("bounds of the gate may be written with their units", () => {
  const rules = "{ latency_ms_p99: { max: 0.2s, max_rise: 5ms }, model_bytes: { max: 2Mi, max_rise: 10% } }";
  expect(parsePipeline(`${EVALUATED}gate: ${rules}\n`).gate).toMatchObject([
    { max: 200, maxRise: { amount: 5, relative: false } },
    { max: 2 * 1024 ** 2, maxRise: { amount: 0.1, relative: true } },
  ]);
});

test("a params file that is broken, or no mapping, is named", () => {
  const files: Record<string, string> = { "broken.yaml": "a: [1\n", "list.yaml": "- 1\n" };
  const disk = { exists: () => true, read: (path: string) => (path in files ? Buffer.from(files[path]!) : undefined) };
  const lines = complaintsOf(step("cmd: x\nparams: [{ broken.yaml: [a] }, { list.yaml: [a] }, { list.yaml: 5 }]"), {
    disk,
  });
  expect(lines.length).toBe(3);
  expect(lines[0]).toStartWith("error[SPEC_INVALID] pipeline.yaml:6 steps.s.params[0].broken.yaml: broken.yaml:");
  expect(lines[1]).toContain("list.yaml is not a mapping");
  expect(lines[2]).toContain("5 is not a list of names");
});
