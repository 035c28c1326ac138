import { expect, test } from "bun:test";
import { requireAvailable, unavailable } from "../../src/spec/availability.ts";
import { parsePipeline } from "../../src/spec/load.ts";

const TEXT = `model: m
data: { d: s3://bucket/d.parquet, local: d.csv, folder: data/*.csv, tracked: data.csv.dvc }
steps:
  check: { validate: d, expect: [{ column_to_exist: a }], engine: spark }
  train:
    cmd: x
    deps: [s3://bucket/code]
    outs: [build/model, s3://bucket/out]
    params: { depth: 1 }
    runner: ray
  look: { evaluate: s3://bucket/model, on: h.csv, target: y, metrics: [accuracy] }
deploy:
  strategy: canary
`;
const lines = (errors: { oneLine(): string }[]) => errors.map((e) => e.oneLine());

test("what this release cannot do parses, and is refused when used", () => {
  const pipeline = parsePipeline(TEXT);
  expect(lines(unavailable(pipeline, "run"))).toEqual([
    "error[NOT_AVAILABLE] pipeline.yaml:5 steps.train.runner: runner: ray is not available yet. Mend: use runner: local for now.",
    "error[NOT_AVAILABLE] pipeline.yaml:4 steps.check.engine: engine: spark is not available yet. Mend: use engine: duckdb for now.",
    "error[NOT_AVAILABLE] pipeline.yaml:2 data.d: data on S3 is not available yet. Mend: copy it here and name the file or folder for now.",
    "error[NOT_AVAILABLE] pipeline.yaml:5 steps.train.deps: s3://bucket/code on S3 is not available yet. Mend: use a local path for now.",
    "error[NOT_AVAILABLE] pipeline.yaml:5 steps.train.outs: s3://bucket/out on S3 is not available yet. Mend: use a local path for now.",
    "error[NOT_AVAILABLE] pipeline.yaml:11 steps.look.evaluate: s3://bucket/model on S3 is not available yet. Mend: use a local path for now.",
  ]);
  expect(lines(unavailable(pipeline, "deploy"))).toEqual([
    "error[NOT_AVAILABLE] pipeline.yaml:12 deploy.strategy: strategy: canary is not available yet. Mend: use strategy: direct for now.",
  ]);
  expect(unavailable(pipeline, "run", ["check"]).map((e) => e.place)).toEqual([
    "pipeline.yaml:4 steps.check.engine",
    "pipeline.yaml:2 data.d",
  ]);
  expect(() => requireAvailable(pipeline, "deploy")).toThrow("use strategy: direct for now");
});

test("a pipeline that asks for none of it is let through", () => {
  const pipeline = parsePipeline("model: m\ndata: { a: x/*.csv, b: y.dvc }\nsteps: { s: { cmd: x } }\n");
  requireAvailable(pipeline, "run");
  requireAvailable(pipeline, "deploy");
});
