import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePipeline } from "../../src/spec/load.ts";
import { documentedKeys, schemaKeys } from "../../src/spec/reference.ts";

const example = readFileSync(join(import.meta.dir, "../../src/spec/pipeline.example.yaml"), "utf8");
const documented = documentedKeys(example);

test("the example has every key of the schema, and no other", () => {
  expect(documented.map((k) => k.key).sort()).toEqual(schemaKeys().sort());
});

test("every key says what it is and what holds without it", () => {
  expect(documented.filter((k) => k.text === "" || k.standard === "").map((k) => k.key)).toEqual([]);
});

test("every key has an override of its own", () => {
  expect(new Set(documented.map((k) => k.override)).size).toBe(documented.length);
});

test("the defaults that the example names are the real ones", () => {
  const bare = `model: m
data: { d: d.csv }
steps:
  check: { validate: d, expect: [{ column_to_exist: a }], retry: {}, resources: {} }
  train: { cmd: x, outs: [build/m], retry: {} }
deploy: {}
monitor: { drift: {}, performance: { f1: { min: 0 } } }
retrain: {}
`;
  const plain = parsePipeline(bare);
  const checked: string[] = [];
  for (const { key, override, standard } of documented) {
    const [, value] = /^(\d\S*?|true|false|psi|direct|duckdb|local)(?=[.;]? |\.?$)/.exec(standard) ?? [];
    if (value === undefined) continue;
    const step = key.endsWith("engine") ? "CHECK" : "TRAIN";
    // Without a strategy an interval is refused.
    const strategy = key === "deploy.interval" ? { TRIMTAB_DEPLOY_STRATEGY: "direct" } : {};
    const env = { ...strategy, [override.replace("<NAME>", step)]: value };
    expect({ key, ...parsePipeline(bare, { env }) }).toEqual({
      key,
      ...plain,
    });
    checked.push(key);
  }
  expect(checked.length).toBeGreaterThan(14);
});
