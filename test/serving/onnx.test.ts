import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Batch } from "../../src/base/columns.ts";
import { loadVersion } from "../../src/serving/runtime.ts";
import type { TrimtabFlavor } from "../../src/spec/mlmodel.ts";
import { makePlace, type Place, until, writeFlavor } from "./helpers.ts";
import { onnxModel } from "./onnx-model.ts";

let place: Place;
let made = 0;
beforeAll(() => {
  place = makePlace();
});
afterAll(() => place.remove());

async function folderWith(bytes: Uint8Array, flavor: Partial<TrimtabFlavor> = {}): Promise<string> {
  const folder = join(place.dir, `onnx${made++}`);
  await mkdir(folder);
  await Bun.write(join(folder, "model.onnx"), bytes);
  await writeFlavor(folder, { runtime: "onnx", entry: "model.onnx", ...flavor });
  return folder;
}

const rows: Batch = { rows: 3, columns: { a: Float64Array.of(2, -1, 0.5), b: Float64Array.of(1, 1, 0.25) } };
const classifier = {
  weights: [
    [1, 0],
    [0, 1],
  ],
  bias: [0, 0.125],
  softmax: true,
};
/** P(second) for scores (a, b + 0.125). */
const expected = [0, 1, 2].map(
  (i) => 1 / (1 + Math.exp((rows.columns.a![i] as number) - (rows.columns.b![i] as number) - 0.125)),
);

/** Bytes that make the file too large for the serving process; ONNX ignores a documentation text. */
const padded = (bytes: Uint8Array) => {
  const size = 5 << 20;
  const length = [(size & 127) | 128, ((size >> 7) & 127) | 128, ((size >> 14) & 127) | 128, size >> 21];
  return Buffer.concat([bytes, Uint8Array.from([6 * 8 + 2, ...length]), Buffer.alloc(size, 32)]);
};

describe.each([
  ["in the serving process", (bytes: Uint8Array) => bytes],
  ["in a process of its own", padded],
] as const)("%s", (_, wrap) => {
  test("a classifier gives labels and probabilities", async () => {
    for (const type of ["float", "double"] as const) {
      const folder = await folderWith(wrap(onnxModel({ ...classifier, type })), { classes: ["early", "late"] });
      const model = await loadVersion(folder);
      const answer = await model.predict(rows);
      expect(answer.values).toEqual(["early", "late", "early"]);
      expect(answer.probabilities!.length).toBe(6);
      for (const row of [0, 1, 2]) expect(answer.probabilities![row * 2 + 1]).toBeCloseTo(expected[row]!, 6);
      expect(model.memoryBytes()).toBeGreaterThan(0);
      await model.close();
    }
  });

  test("a regression gives numbers", async () => {
    const graph = onnxModel({ weights: [[2], [10]], bias: [0.5], softmax: false, type: "double" });
    const model = await loadVersion(await folderWith(wrap(graph), { task: "regression" }));
    expect([...((await model.predict(rows)).values as Float64Array)]).toEqual([14.5, 8.5, 4]);
    await model.close();
  });

  test("a graph that is fixed at one row answers many", async () => {
    const folder = await folderWith(wrap(onnxModel({ ...classifier, rows: 1 })), { classes: ["early", "late"] });
    const model = await loadVersion(folder);
    const answer = await model.predict(rows);
    expect(answer.values).toEqual(["early", "late", "early"]);
    for (const row of [0, 1, 2]) expect(answer.probabilities![row * 2 + 1]).toBeCloseTo(expected[row]!, 6);
    await model.close();
  });

  test("whole numbers stay whole: a half and a missing value are refused by the input's name", async () => {
    const graph = onnxModel({ weights: [[2], [10]], bias: [1], softmax: false, type: "int64" });
    const model = await loadVersion(await folderWith(wrap(graph), { task: "regression" }));
    const ask = (a: number) => model.predict({ rows: 1, columns: { a: Float64Array.of(a), b: Float64Array.of(-3) } });
    expect((await ask(4)).values).toEqual(Float64Array.of(-21));
    for (const [cell, shown] of [
      [2.5, "2.5"],
      [Number.NaN, "a missing value"],
    ] as const)
      await expect(ask(cell)).rejects.toThrow(`the graph takes whole numbers for x and would get ${shown}`);
    await model.close();
  });

  test("an answer in maps is refused with its mend", async () => {
    const folder = await folderWith(wrap(onnxModel({ ...classifier, sequence: true })));
    await expect(loadVersion(folder)).rejects.toThrow("maps is no tensor but a list of maps: export it with zipmap");
  });

  test("a file cut in half, and one with other columns, are refused", async () => {
    const whole = wrap(onnxModel(classifier));
    await expect(loadVersion(await folderWith(whole.subarray(0, whole.length / 2)))).rejects.toMatchObject({
      code: "MODEL_INVALID",
    });
    const three = onnxModel({
      weights: [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
      bias: [0, 0],
      softmax: true,
    });
    await expect(loadVersion(await folderWith(wrap(three)))).rejects.toThrow("has 3 columns and would get 2");
  });
});

test("a program that ends without closing, by itself or by kill -9, leaves neither process nor socket", async () => {
  const folder = await folderWith(padded(onnxModel(classifier)));
  const script = `
import { loadVersion } from "${join(import.meta.dir, "../../src/serving/runtime.ts")}";
await loadVersion(${JSON.stringify(folder)});
console.log("loaded");
if (process.argv.includes("wait")) setInterval(() => {}, 1000);
else process.exit(0);`;
  for (const how of ["wait", "exit"]) {
    const temporary = join(place.dir, `tmp-${how}`);
    await mkdir(temporary);
    const sockets = () => readdirSync(temporary).filter((name) => name.startsWith("trimtab-"));
    const env = { ...process.env, TMPDIR: temporary };
    const child = Bun.spawn([process.execPath, "-e", script, how], { env, stdout: "pipe" });
    try {
      const { value } = await child.stdout.getReader().read();
      expect(Buffer.from(value ?? []).toString()).toBe("loaded\n");
      if (how === "wait") expect(sockets().length).toBe(1);
      else await child.exited;
    } finally {
      child.kill("SIGKILL");
    }
    await until("its socket is gone", () => sockets().length === 0);
  }
});

test("its process is started again after kill -9, and a closed model leaves none behind", async () => {
  let restarts = 0;
  const model = await loadVersion(await folderWith(padded(onnxModel(classifier))), { onRestart: () => restarts++ });
  const children = () => childrenOf(process.pid).filter((pid) => commandOf(pid).includes("onnx-child"));
  const [pid] = children();
  process.kill(pid!, "SIGKILL");
  await until("it was started again", () => restarts === 1);
  expect((await model.predict(rows)).values).toEqual(Float64Array.of(0, 1, 0));
  await model.close();
  await until("no process is left", () => children().length === 0);
});

function childrenOf(parent: number): number[] {
  const list = Bun.spawnSync(["ps", "-o", "pid=", "--ppid", String(parent)]).stdout.toString();
  return list.split("\n").filter(Boolean).map(Number);
}
const commandOf = (pid: number): string => Bun.spawnSync(["ps", "-o", "args=", "-p", String(pid)]).stdout.toString();
