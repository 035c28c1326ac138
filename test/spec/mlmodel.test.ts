import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TrimtabError } from "../../src/base/errors.ts";
import {
  flavorOf,
  formatMlmodel,
  type Mlmodel,
  parseMlmodel,
  readMlmodel,
  signatureOf,
  type TrimtabFlavor,
  writeMlmodel,
} from "../../src/spec/mlmodel.ts";

const flavor: TrimtabFlavor = {
  runtime: "python",
  entry: "model.pkl",
  task: "classification",
  target: "delayed",
  classes: ["no", "yes"],
  inputs: [
    { name: "distance", type: "number", required: true },
    { name: "origin", type: "string", required: false },
    { name: "1.0", type: "timestamp", required: true },
  ],
  features: "features.json",
  samples: "samples.json",
};

/** As MLflow writes it (signature: JSON inside YAML). */
const MLFLOW = `artifact_path: model
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.5.0
mlflow_version: 3.1.0
model_uuid: 0f1e
run_id: abc
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "string", "name": "b", "required": false}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
utc_time_created: '2026-01-02 03:04:05.678901'
`;

test("what is written reads back the same, MLflow's own parts included", () => {
  const theirs = parseMlmodel(MLFLOW, "MLmodel");
  const both: Mlmodel = { ...theirs, trimtab: flavor };
  expect(parseMlmodel(formatMlmodel(both), "MLmodel")).toEqual(both);
  expect(theirs.other.utc_time_created).toBe("2026-01-02 03:04:05.678901");
  expect(formatMlmodel(both)).toContain(`inputs: '[{"type":"double","name":"a","required":true}`);
});

test("a folder of MLflow's is served by what its signature says", () => {
  expect(flavorOf(parseMlmodel(MLFLOW, "MLmodel"), "MLmodel")).toEqual({
    runtime: "python",
    entry: ".",
    task: "classification",
    target: "target",
    inputs: [
      { name: "a", type: "number", required: true },
      { name: "b", type: "string", required: false },
    ],
  });
  expect(signatureOf(flavor).inputs?.map((column) => column.type)).toEqual(["double", "string", "datetime"]);
});

test("a folder round trip, and the file that is not there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-mlmodel-"));
  try {
    await expect(readMlmodel(folder)).rejects.toThrow("no MLmodel file");
    await writeMlmodel(folder, { trimtab: flavor, flavors: {}, other: { run_id: "1e5" } });
    const read = await readMlmodel(folder);
    expect(read.trimtab).toEqual(flavor);
    expect(read.other).toEqual({ run_id: "1e5" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const valid = formatMlmodel({ trimtab: flavor, flavors: {}, other: {} });
const DAMAGE: [string, string][] = [
  ["cut in half", valid.slice(0, valid.length / 2)],
  ["empty", ""],
  ["no flavors", "run_id: 1"],
  ["not YAML", "flavors: {a: [}"],
  ["unknown runtime", valid.replace("runtime: python", "runtime: perl")],
  ["an entry outside the folder", valid.replace("entry: model.pkl", "entry: ../../etc/passwd")],
  ["two inputs of one name", valid.replace("name: origin", "name: distance")],
  ["one class", valid.replace(/- no\n\s+- yes/, "- no")],
  ["a signature that is not JSON", MLFLOW.replace('"double"', '"double')],
];
test.each(DAMAGE)("a file that is %s is refused", (_, text) => {
  expect(text).not.toBe(valid);
  try {
    flavorOf(parseMlmodel(text, "MLmodel"), "MLmodel");
    throw new Error("it was accepted");
  } catch (error) {
    expect((error as TrimtabError).code).toBe("MODEL_INVALID");
  }
});

test("without a signature of named columns the mend is named", () => {
  const unnamed = MLFLOW.replace('"name": "a", ', "");
  expect(() => flavorOf(parseMlmodel(unnamed, "MLmodel"), "x")).toThrow(TrimtabError);
  expect(() => flavorOf(parseMlmodel("flavors: {sklearn: {}}", "MLmodel"), "x")).toThrow("inputs are unknown");
});
