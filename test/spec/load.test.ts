import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { TrimtabErrors } from "../../src/base/errors.ts";
import { redact } from "../../src/base/log.ts";
import { loadPipeline, parsePipeline } from "../../src/spec/load.ts";
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

test("what DVC has and Trimtab has not is refused, with what to do", () => {
  const text = `${step("cmd: x\nfrozen: true\nmatrix: {}\nouts: [{ a: { persist: true } }]")}vars: [x]\nstages: {}\n`;
  expect(complaintsOf(text)).toEqual([
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:6 steps.s.frozen: there is no key frozen here. Mend: remove it; a step whose inputs did not change is not run again anyway.",
    "error[SPEC_UNKNOWN_KEY] pipeline.yaml:7 steps.s.matrix: there is no key matrix here. Mend: write the steps out, or use grid: for a search.",
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

test("variables in data and alerts come from the environment and are secrets", () => {
  const text =
    'model: m\ndata: { d: "$FOLDER/x$$y.csv" }\nsteps: { s: { cmd: "echo $HOME" } }\n' +
    `alerts: [{ slack: "https://h.example.com/\${KEY}" }]\n`;
  const pipeline = parsePipeline(text, { env: { FOLDER: "data", KEY: "abcdef-secret" } });
  expect(pipeline.data.d?.uri).toBe("data/x$y.csv");
  expect(pipeline.alerts[0]?.url).toBe("https://h.example.com/abcdef-secret");
  expect(redact("posting to https://h.example.com/abcdef-secret")).toBe("posting to https://h.example.com/***");
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
