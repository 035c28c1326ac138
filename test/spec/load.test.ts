import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrimtabErrors } from "../../src/base/errors.ts";
import { loadPipeline, parsePipeline } from "../../src/spec/load.ts";
import { complaintsOf } from "./complaints.ts";

const golden = (name: string) => readFileSync(join(import.meta.dir, "golden", name), "utf8");
const env = { SLACK_WEBHOOK_URL: "https://hooks.example.com/services/T000/B000" };

test("the design's example is read whole, with lines and defaults", () => {
  const pipeline = parsePipeline(golden("design.yaml"), { env });
  expect(JSON.stringify(pipeline, null, 2)).toBe(golden("design.json").trim());
});

test("all complaints about a file are told at once, word for word", () => {
  expect(complaintsOf(golden("wrong.yaml")).join("\n")).toBe(golden("wrong.txt").trim());
});

test("all complaints about a graph are told at once, word for word", () => {
  const disk = { exists: (path: string) => path === "features.yaml", read: () => undefined };
  expect(complaintsOf(golden("graph.yaml"), { disk }).join("\n")).toBe(golden("graph.txt").trim());
});

test("loading asks whether files exist; parsing does not", async () => {
  const root = mkdtempSync(join(tmpdir(), "trimtab-spec-"));
  const file = join(root, "pipeline.yaml");
  const text = "model: m\nsteps:\n  a: { cmd: make, deps: [src, data/big.csv, missing.py], outs: [build/x] }\n";
  writeFileSync(file, text);
  mkdirSync(join(root, "src"));
  mkdirSync(join(root, "data"));
  writeFileSync(join(root, "data", "big.csv.dvc"), "outs: []\n");
  expect(parsePipeline(text).steps.a?.deps).toEqual(["src", "data/big.csv", "missing.py"]);
  const error: unknown = await loadPipeline(file, {}).catch((e: unknown) => e);
  expect((error as TrimtabErrors).message).toBe(
    "error[SPEC_GRAPH] pipeline.yaml:3 steps.a.deps[2]: missing.py does not exist and no step writes it. Mend: mend the path, or add it to outs of the step that writes it.",
  );
  writeFileSync(join(root, "missing.py"), "");
  expect((await loadPipeline(file, {})).root).toBe(root);
});

test("a missing file, and a folder, are refused", async () => {
  const root = mkdtempSync(join(tmpdir(), "trimtab-spec-"));
  for (const [path, code] of [
    [join(root, "pipeline.yaml"), "SPEC_NOT_FOUND"],
    [root, "FILE_NOT_READABLE"],
  ] as const) {
    const error: unknown = await loadPipeline(path, {}).catch((e: unknown) => e);
    expect((error as TrimtabErrors).errors.map((e) => e.code)).toEqual([code]);
  }
});
