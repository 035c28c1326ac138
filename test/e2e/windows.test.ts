/** Windows over past rows when serving: they begin where training ended and see what was answered since, or the version is refused. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, post, startUp, trimtab } from "../program.ts";

const folder = freshFolder("windows");
const write = (name: string, text: string) => writeFileSync(join(folder.path, name), text);

const FEATURES = (value: string) => `
time: at
target: spent
windows:
  recent: { entity: shop, rows: 3, sum: ${value} }
features:
  asis: [recent]
verbose_feature_names_out: false
`;

const PIPELINE = (replicas: number) => `
model: shops
data: { visits: visits.csv }
steps:
  features:
    transform: visits
    spec: features.yaml
    split: { holdout: 0.25, by: at }
    outs: [build/train.parquet, build/holdout.parquet]
  train:
    cmd: mkdir -p build/model && cp model.ts build/model/
    deps: [model.ts, build/train.parquet]
    outs: [build/model]
  evaluate: { evaluate: build/model, on: build/holdout.parquet, target: spent, metrics: [mae] }
deploy: { replicas: ${replicas} }
`;

beforeAll(() => {
  const day = (i: number) => new Date(Date.UTC(2026, 0, 1 + i)).toISOString();
  const rows = Array.from({ length: 40 }, (_, i) => `${day(i)},${i % 2 ? "a" : "b"},${i},${2 * i}`);
  write("visits.csv", `at,shop,amount,spent\n${rows.join("\n")}\n`);
  write(
    "model.ts",
    "export const predict = (columns: { recent: Float64Array }) => columns.recent.map((sum) => (Number.isNaN(sum) ? 0 : sum));\n",
  );
  write("features.yaml", FEATURES("amount"));
});
afterAll(() => folder.remove());

test("a window that several processes would share is refused, and nothing is deployed", async () => {
  write("pipeline.yaml", PIPELINE(2));
  const refused = await trimtab(["run"], { cwd: folder.path });
  expect(refused.exit).toBe(2);
  expect(refused.stderr).toContain("deploy.replicas: windows remember what one process has answered");
  expect((await trimtab(["rollback"], { cwd: folder.path })).exit).toBe(2);
}, 30_000);

test("served windows go on where the data ended, row by row", async () => {
  write("pipeline.yaml", PIPELINE(1));
  expect((await trimtab(["run"], { cwd: folder.path })).exit).toBe(0);
  const served = await startUp(folder.path, { processes: 1 });
  try {
    const ask = async (amount: number) => {
      const body = { inputs: [{ at: "2026-03-01T00:00:00Z", shop: "a", amount }] };
      const answer = (await (await post(`${served.serving}/predict`, body)).json()) as { predictions: number[] };
      return answer.predictions[0];
    };
    // Shop a ended with the amounts 35, 37 and 39; a row does not see itself.
    expect(await ask(100)).toBe(35 + 37 + 39);
    expect(await ask(200)).toBe(37 + 39 + 100);
    expect(await ask(0)).toBe(39 + 100 + 200);
  } finally {
    await served.stop();
  }
}, 30_000);

test("a window over the target is refused", async () => {
  write("features.yaml", readFileSync(join(folder.path, "features.yaml"), "utf8").replace("sum: amount", "sum: spent"));
  const refused = await trimtab(["run"], { cwd: folder.path });
  expect(refused.exit).toBe(2);
  expect(refused.stderr).toContain("a window looks at the target spent, which requests cannot bring");
}, 30_000);
