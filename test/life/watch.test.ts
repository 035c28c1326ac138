/** What the control process looks for: data that a pipeline has not read. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listJobs } from "../../src/db/jobs.ts";
import { readPipeline, withLife } from "../../src/life/context.ts";
import { lookForNewData } from "../../src/life/watch.ts";
import { freshFolder, trimtab } from "../program.ts";

const folder = freshFolder("watch");
afterAll(() => folder.remove());
const cwd = folder.path;

const write = (rows: string) => writeFileSync(join(cwd, "data/rows.csv"), `x\n${rows}`);
const run = async (file: string) => expect((await trimtab(["run", "--file", file], { cwd })).exit).toBe(0);
/** The pipelines that a run is queued for after one look. */
const look = () =>
  withLife({ root: cwd, env: {} }, async (life) => {
    for (const file of ["a.yaml", "b.yaml"]) await lookForNewData(life, await readPipeline(cwd, { file, env: {} }));
    return (await listJobs(life.db, {})).map((job) => job.pipeline).sort();
  });

test("new data is what this pipeline has not read, whoever else has, and what it read before is not new", async () => {
  mkdirSync(join(cwd, "data"));
  for (const model of ["a", "b"])
    writeFileSync(
      join(cwd, `${model}.yaml`),
      `model: ${model}
data: { rows: data/rows.csv }
steps: { read: { cmd: cp data/rows.csv ${model}.csv, deps: [data/rows.csv], outs: [${model}.csv] } }
retrain: { when: [new_data], cooldown: 1ms }
`,
    );
  write("1\n");
  expect(await look()).toEqual([]);
  await run("a.yaml");
  expect(await look()).toEqual([]);
  await run("b.yaml");
  write("2\n");
  await run("b.yaml");
  expect(await look()).toEqual(["a"]);
  await run("a.yaml");
  write("1\n");
  expect(await look()).toEqual(["a"]);
  write("3\n");
  expect(await look()).toEqual(["a", "a", "b"]);
}, 60_000);
