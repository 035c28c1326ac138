/** What a version says of itself: its classes are those of training and holdout, and the holdout must tell some of them apart. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openDuck } from "../../src/data/duckdb.ts";
import { evaluateVersion } from "../../src/life/evaluate.ts";
import { assembleVersion } from "../../src/life/package.ts";
import { readMlmodel } from "../../src/spec/mlmodel.ts";
import { pythonWith } from "../python.ts";
import { tempFolder } from "../temp.ts";

const sklearn = await pythonWith("sklearn");
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
    root: folder,
  };
  return (await assembleVersion(duck, parts, join(folder, "version"))).classes;
}

test("a class that only training saw is one of the model's", async () => {
  expect(await classesOf(["'b'", "'a'", "'rare'"], ["'b'", "'a'"])).toEqual(["a", "b", "rare"]);
  expect(await classesOf(["1", "0", "2"], ["2", "0", "3", "NULL"])).toEqual([0, 1, 2, 3]);
  expect(await classesOf(undefined, ["true", "false"])).toEqual([false, true]);
  expect(await classesOf(["0e0", "'inf'::DOUBLE"], ["1e0", "0e0", "'NaN'::DOUBLE"])).toEqual([0, 1]);
});

test("a holdout is what its name says, and Parquet under any name, as a transform writes it", async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, "model"));
  writeFileSync(
    join(folder, "model/model.js"),
    "export const predict = ({ x }, rows) => Float64Array.from({ length: rows }, (_, i) => (x[i] > 1 ? 0.9 : 0.2));",
  );
  const rows = "SELECT * FROM (VALUES (1.5, 'late'), (0.5, 'early'), (2.5, 'late')) AS t(x, label)";
  const judged = async (name: string, format: string) => {
    const on = join(folder, name);
    await duck.run(`COPY (${rows}) TO '${on}' (FORMAT ${format})`);
    const parts = { model: join(folder, "model"), on, target: "label", task: "classification" as const, root: folder };
    const version = join(folder, `version-${name}`);
    const { inputs, classes } = await assembleVersion(duck, parts, version);
    const { metrics } = await evaluateVersion(duck, { ...parts, folder: version, metrics: ["accuracy"] });
    return { inputs, classes, accuracy: metrics.accuracy };
  };
  const expected = await judged("holdout.parquet", "parquet");
  expect(expected).toMatchObject({ inputs: [{ name: "x", type: "number" }], classes: ["early", "late"], accuracy: 1 });
  for (const [name, format] of [
    ["a.csv", "csv"],
    ["a.jsonl", "json"],
    ["b.csv", "parquet"],
    ["rows", "parquet"],
  ] as const)
    expect(await judged(name, format)).toEqual(expected);
  await expect(judged("rows.txt", "csv")).rejects.toMatchObject({ code: "DATA_UNREADABLE" });
  // The same path with other rows, as the next run writes it.
  writeFileSync(join(folder, "a.csv"), "x,label\n1.5,early\n0.5,late\n");
  const parts = { on: join(folder, "a.csv"), target: "label", root: folder, metrics: ["accuracy"] as const };
  const again = await evaluateVersion(duck, { ...parts, folder: join(folder, "version-a.csv") });
  expect(again).toMatchObject({ rows: 2, metrics: { accuracy: 0 } });
});

test("a holdout of one class is refused, whatever training saw", async () => {
  await expect(classesOf(["0", "1"], ["1", "1"])).rejects.toMatchObject({
    code: "DATA_UNREADABLE",
    message: "the target label is always 1, so nothing can be judged by it",
  });
});

test("a folder called key=value above the project is no input", async () => {
  const root = join(tempFolder(), "run=7");
  mkdirSync(join(root, "model"), { recursive: true });
  writeFileSync(join(root, "model/model.js"), "export const predict = ({ x }) => x;");
  const on = join(root, "holdout.parquet");
  await duck.run(`COPY (SELECT 1.0::DOUBLE AS x, 2.0::DOUBLE AS y) TO '${on}' (FORMAT parquet)`);
  const parts = { model: join(root, "model"), on, target: "y", task: "regression" as const, root };
  const { inputs } = await assembleVersion(duck, parts, join(root, "version"));
  expect(inputs.map(({ name }) => name)).toEqual(["x"]);
});

test("rows whose truth is NaN, infinite or null are not judged", async () => {
  const root = tempFolder();
  const model = join(root, "model");
  mkdirSync(model);
  writeFileSync(join(model, "model.js"), "export const predict = ({ x }) => x;");
  const on = join(root, "holdout.parquet");
  await duck.run(
    `COPY (SELECT * FROM (VALUES (1.0::DOUBLE, 2.0::DOUBLE), (1, 'NaN'), (1, 'inf'), (1, NULL)) AS t(x, y)) TO '${on}' (FORMAT parquet)`,
  );
  const folder = join(root, "version");
  await assembleVersion(duck, { model, on, target: "y", task: "regression", root }, folder);
  const evaluated = await evaluateVersion(duck, { folder, root, on, target: "y", metrics: ["mae"] });
  expect(evaluated).toMatchObject({ rows: 1, metrics: { mae: 1 } });
  await expect(evaluateVersion(duck, { folder, root, on, target: "Y", metrics: ["mae"] })).rejects.toMatchObject({
    code: "DATA_COLUMN",
    message: "there is no column Y with the truth",
    mend: "write y; the columns are x, y",
  });
});

test.if(sklearn !== undefined)(
  "a pickle whose team splits the rows itself brings the class that its holdout lacks",
  async () => {
    const root = tempFolder();
    symlinkSync(dirname(dirname(sklearn!)), join(root, ".venv"));
    const model = join(root, "model");
    mkdirSync(model);
    const script = `
import pickle
from sklearn.tree import DecisionTreeClassifier
pickle.dump(DecisionTreeClassifier().fit([[0], [1], [2]], ["a", "b", "rare"]), open("model.pkl", "wb"))`;
    expect(Bun.spawnSync([sklearn!, "-c", script], { cwd: model, stderr: "inherit" }).success).toBe(true);
    const on = join(root, "holdout.parquet");
    await duck.run(
      `COPY (SELECT * FROM (VALUES (0.0, 'a'), (1.0, 'b'), (2.0, 'b')) AS t(x, label)) TO '${on}' (FORMAT parquet)`,
    );
    const parts = { model, on, target: "label", task: "classification" as const, root };
    const folder = join(root, "version");
    expect((await assembleVersion(duck, parts, folder)).classes).toEqual(["a", "b", "rare"]);
    expect((await readMlmodel(folder)).trimtab?.classes).toEqual(["a", "b", "rare"]);
    const { metrics } = await evaluateVersion(duck, {
      folder,
      root,
      on,
      target: "label",
      metrics: ["accuracy", "log_loss"],
    });
    expect(metrics.accuracy).toBeCloseTo(2 / 3, 12);
  },
);
