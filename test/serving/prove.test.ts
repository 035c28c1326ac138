import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { FeatureTransform } from "../../src/serving/model.ts";
import { loadProven } from "../../src/serving/prove.ts";
import { loadVersion } from "../../src/serving/runtime.ts";
import type { TrimtabFlavor } from "../../src/spec/mlmodel.ts";
import { makeModel, makePlace, number, type Place } from "./helpers.ts";

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

/** double = 2a, word = s; what features.json says is multiplied in. */
const features = (fitted: unknown): FeatureTransform => ({
  inputs: [number("a")],
  outputs: ["double"],
  observe: () => {},
  apply: ({ rows, columns }) => ({
    rows,
    columns: { double: (columns.a as Float64Array).map((a) => a * (fitted as { times: number }).times) },
  }),
});

const SOURCE = "export const predict = ({ double }, rows) => double.map((x) => 1 / (1 + Math.exp(-x)));";

async function folderWith(samples: object | string, fitted: object = { times: 2 }): Promise<string> {
  const flavor = {
    inputs: [number("a")],
    features: "features.json",
    samples: "samples.json",
  } satisfies Partial<TrimtabFlavor>;
  const folder = await makeModel(place, 1, SOURCE, flavor);
  await Bun.write(join(folder, "features.json"), JSON.stringify(fitted));
  await Bun.write(join(folder, "samples.json"), typeof samples === "string" ? samples : JSON.stringify(samples));
  return folder;
}

const SAMPLES = { rows: 3, inputs: { a: [1, -2, 0.1] }, features: { double: [2, -4, 0.2] } };

test("a version whose features are those of training is proven and answers raw rows", async () => {
  const model = await loadProven(await folderWith(SAMPLES), { features });
  const answer = await model.predict({ rows: 1, columns: { a: Float64Array.of(3) } });
  expect(answer.probabilities![1]).toBeCloseTo(1 / (1 + Math.exp(-6)), 12);
  expect([...(model.features({ rows: 1, columns: { a: Float64Array.of(3) } }).columns.double as Float64Array)]).toEqual(
    [6],
  );
  await model.close();
});

test("other features than training saw are refused, with column and row", async () => {
  const folder = await folderWith(SAMPLES, { times: 2.0001 });
  await expect(loadProven(folder, { features })).rejects.toMatchObject({ code: "FEATURES_DIFFER", place: "double[0]" });
  await expect(
    loadProven(await folderWith({ ...SAMPLES, features: { gone: [1, 2, 3] } }), { features }),
  ).rejects.toMatchObject({
    code: "FEATURES_DIFFER",
    place: "gone",
  });
});

test("missing equals missing only", async () => {
  const withNull = { ...SAMPLES, features: { double: [2, null, 0.2] } };
  await expect(loadProven(await folderWith(withNull), { features })).rejects.toMatchObject({ place: "double[1]" });
});

test("torn files, samples that do not fit, and features without a compiler are refused", async () => {
  const torn = JSON.stringify(SAMPLES).slice(0, 20);
  await expect(loadProven(await folderWith(torn), { features })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  await expect(loadProven(await folderWith({ rows: 1, inputs: { b: [1] } }), { features })).rejects.toMatchObject({
    code: "REQUEST_INVALID",
  });
  const folder = await folderWith(SAMPLES);
  await expect(loadVersion(folder)).rejects.toThrow("no compiler");
  const others = (fitted: unknown) => ({ ...features(fitted), inputs: [number("zzz")] });
  await expect(loadVersion(folder, { features: others })).rejects.toThrow("zzz, which is no input");
});

test("a model that answers its samples with NaN is not proven", async () => {
  const folder = await folderWith({ rows: 1, inputs: { a: [1] } });
  await Bun.write(join(folder, "model.js"), "export const predict = () => Float64Array.of(NaN);");
  await expect(loadProven(folder, { features })).rejects.toMatchObject({ code: "MODEL_FAILED" });
});

const ODD: [string, string, RegExp][] = [
  ["raises", "throw new Error('boom')", /the model raised: boom/],
  ["answers nothing", "return undefined", /neither numbers nor/],
  ["answers text", "return ['a', 'b']", /neither numbers nor/],
  ["answers a list of too few", "return [0.5]", /1 numbers for 2 rows/],
  ["answers too few", "return new Float64Array(rows - 1)", /1 numbers for 2 rows/],
  ["answers too few values", "return { values: new Float64Array(rows - 1) }", /1 values for 2 rows/],
];
test.each(ODD)("a JavaScript model that %s gives MODEL_FAILED", async (_, body, message) => {
  const model = await loadVersion(await makeModel(place, 1, `export function predict(columns, rows) { ${body}; }`));
  const asked = model.predict({ rows: 2, columns: { a: new Float64Array(2), b: new Float64Array(2) } });
  await expect(asked).rejects.toMatchObject({ code: "MODEL_FAILED", message: expect.stringMatching(message) });
});

test("load may give the object that predicts, with what it read from the folder", async () => {
  const source = `export async function load(folder) {
    const w = await Bun.file(folder + "/w.json").json();
    return { w, predict(columns, rows) { return { values: columns.a.map((a) => a * this.w) }; } };
  }`;
  const folder = await makeModel(place, 1, source, { task: "regression" });
  await Bun.write(join(folder, "w.json"), "3");
  const model = await loadVersion(folder);
  const answer = await model.predict({ rows: 1, columns: { a: Float64Array.of(7), b: Float64Array.of(0) } });
  expect([...(answer.values as Float64Array)]).toEqual([21]);
});

test("plain lists, other typed arrays and booleans are taken for what they are", async () => {
  const rows = { rows: 2, columns: { a: new Float64Array(2), b: new Float64Array(2) } };
  for (const answer of [
    "[0.25, 0.75]",
    "Float32Array.of(0.25, 0.75)",
    "{ values: [false, true], probabilities: [0.75, 0.25, 0.25, 0.75] }",
  ]) {
    const source = `export const predict = () => (${answer});`;
    const folder = await makeModel(place, answer.length, source, { classes: [false, true] });
    const model = await loadVersion(folder);
    const { values, probabilities } = await model.predict(rows);
    expect([...(values as Float64Array)]).toEqual([0, 1]);
    expect([...probabilities!]).toEqual([0.75, 0.25, 0.25, 0.75]);
  }
});

test("labels that are none of the classes, and text of a regression, reach nobody", async () => {
  const rows = { rows: 2, columns: { a: new Float64Array(2), b: new Float64Array(2) } };
  let version = 100;
  const ask = async (values: string, flavor: object) => {
    const source = `export const predict = () => ({ values: ${values} });`;
    return (await loadVersion(await makeModel(place, version++, source, flavor))).predict(rows);
  };
  expect((await ask('["b", "a"]', { classes: ["a", "b"] })).values).toEqual(["b", "a"]);
  await expect(ask('["a", "x"]', { classes: ["a", "b"] })).rejects.toThrow("answered x, which is none of its classes");
  await expect(ask("[0, 2.0]", { classes: [0, 1] })).rejects.toThrow("answered 2, which is none of its classes");
  await expect(ask('["x", "longer"]', { task: "regression" })).rejects.toThrow("its task is a regression");
});

test("three classes: rows × classes, the likeliest wins, the first of equals", async () => {
  const source = "export const predict = (c, rows) => Float64Array.of(0.2, 0.4, 0.4, 1, 0, 0);";
  const model = await loadVersion(await makeModel(place, 1, source, { classes: ["a", "b", "c"] }));
  const answer = await model.predict({ rows: 2, columns: { a: new Float64Array(2), b: new Float64Array(2) } });
  expect(answer.values).toEqual(["b", "a"]);
});
