/** Where the steps' Python puts its bytecode. */

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stepEnv } from "../../src/pipeline/env.ts";
import { tempFolder } from "../temp.ts";
import { pipelineOf } from "./make.ts";

const bytecodeOf = (root: string, given: Record<string, string> = {}) => {
  const pipeline = pipelineOf(root, { train: { cmd: "true" } });
  const env = stepEnv(pipeline, pipeline.steps.train!, given, { runId: "r", env: {} });
  return { prefix: env.PYTHONPYCACHEPREFIX, dont: env.PYTHONDONTWRITEBYTECODE };
};

test("bytecode stays away from the sources, and that of installed packages is used", () => {
  const root = tempFolder();
  const ours = { prefix: join(root, ".trimtab/tmp/pycache"), dont: undefined };
  expect(bytecodeOf(root)).toEqual(ours);
  const site = join(root, ".venv/lib/python3.12/site-packages");
  for (const name of ["pip", "sklearn"]) {
    mkdirSync(join(site, name), { recursive: true });
    writeFileSync(join(site, name, "__init__.py"), "");
  }
  mkdirSync(join(site, "sklearn-1.8.0.dist-info"));
  mkdirSync(join(site, "pip/__pycache__"));
  expect(bytecodeOf(root)).toEqual(ours);
  mkdirSync(join(site, "sklearn/__pycache__"));
  expect(bytecodeOf(root)).toEqual({ prefix: undefined, dont: "1" });
});

test("who switched writing off, or chose a folder, is not overruled", () => {
  const root = tempFolder();
  expect(bytecodeOf(root, { PYTHONDONTWRITEBYTECODE: "1" })).toEqual({ prefix: undefined, dont: "1" });
  expect(bytecodeOf(root, { PYTHONPYCACHEPREFIX: "/elsewhere" })).toEqual({ prefix: "/elsewhere", dont: undefined });
});
