/** What a version says of itself: its classes are those of training and holdout, and the holdout must tell some of them apart. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDuck } from "../../src/data/duckdb.ts";
import { assembleVersion } from "../../src/life/package.ts";
import { tempFolder } from "../temp.ts";

const duck = await openDuck({ threads: 1 });
afterAll(() => duck.close());

async function classesOf(train: readonly string[] | undefined, holdout: readonly string[]) {
  const folder = tempFolder();
  const model = join(folder, "model");
  mkdirSync(model);
  writeFileSync(join(model, "model.js"), "export const predict = (columns, rows) => new Float64Array(rows);");
  const write = async (name: string, labels: readonly string[]) => {
    const path = join(folder, name);
    const rows = labels.map((label) => `(1.5, ${label})`).join(", ");
    await duck.run(`COPY (SELECT * FROM (VALUES ${rows}) AS t(x, label)) TO '${path}' (FORMAT parquet)`);
    return path;
  };
  const parts = {
    model,
    on: await write("holdout.parquet", holdout),
    ...(train ? { train: await write("train.parquet", train) } : {}),
    target: "label",
    task: "classification" as const,
  };
  return (await assembleVersion(duck, parts, join(folder, "version"))).classes;
}

test("a class that only training saw is one of the model's", async () => {
  expect(await classesOf(["'b'", "'a'", "'rare'"], ["'b'", "'a'"])).toEqual(["a", "b", "rare"]);
  expect(await classesOf(["1", "0", "2"], ["2", "0", "3", "NULL"])).toEqual([0, 1, 2, 3]);
  expect(await classesOf(undefined, ["true", "false"])).toEqual([false, true]);
});

test("a holdout of one class is refused, whatever training saw", async () => {
  await expect(classesOf(["0", "1"], ["1", "1"])).rejects.toMatchObject({
    code: "DATA_UNREADABLE",
    message: "the target label is always 1, so nothing can be judged by it",
  });
});
