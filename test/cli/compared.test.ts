import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { type Compared, comparedText, cutCells } from "../../src/cli/compared.ts";
import { terminal } from "../../src/cli/io.ts";
import { plot } from "../../src/cli/plot.ts";
import { withLife } from "../../src/life/context.ts";
import { trimtab, trimtabJson } from "../program.ts";
import { tempFolder } from "../temp.ts";

const io = (width: number) => ({ ...terminal({ json: false, quiet: true }), width });
const golden = (name: string) => Bun.file(join(import.meta.dir, "golden", name)).text();

const curve = (points: number, value: (step: number) => number) =>
  Array.from({ length: points }, (_, step) => ({ step, timestampMs: 5000 + step, value: value(step) }));

const COMPARED: Compared = {
  runs: [
    { id: "aaaaaaaa1", name: "base" },
    { id: "bbbbbbbb2", name: "base" },
    { id: "cccccccc3", name: "diverges" },
  ],
  rows: [
    { section: "params", key: "lr", values: ["0.1", "0.01", null], same: false },
    { section: "params", key: "data", values: ["a/long/path/to/one", "a/long/path/to/two", null], same: false },
    { section: "metrics", key: "f1", values: [0.812341, 0.812342, Number.NaN], same: false },
  ],
  histories: [
    {
      key: "loss",
      runs: [
        { runId: "aaaaaaaa1", points: curve(100, (step) => Math.exp(-step / 20)) },
        { runId: "bbbbbbbb2", points: curve(100, (step) => Math.exp(-step / 60)) },
        {
          runId: "cccccccc3",
          points: curve(100, (step) => (step === 30 ? 1.7976931348623157e308 : step > 50 ? Number.NaN : step / 60)),
        },
      ],
    },
    {
      key: "uncounted",
      runs: [
        {
          runId: "aaaaaaaa1",
          points: [1, 2, 3].map((value) => ({ step: 0, timestampMs: 5000 + value * 1500, value })),
        },
        { runId: "bbbbbbbb2", points: [{ step: 0, timestampMs: 9000, value: 2.5 }] },
        { runId: "cccccccc3", points: [] },
      ],
    },
  ],
};

test("runs are compared in a table and in plots that need no colour", async () => {
  expect(`${comparedText(io(80), COMPARED)}\n`).toBe(await golden("compared.txt"));
});

test("whatever the points, no line is wider than the terminal, and every curve has its line in the legend", () => {
  const value = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -Number.MAX_VALUE, 0));
  const points = fc.array(fc.record({ x: fc.maxSafeInteger(), y: value }));
  fc.assert(
    fc.property(fc.array(points, { minLength: 1, maxLength: 12 }), fc.integer({ min: 60, max: 200 }), (all, width) => {
      const curves = all.map((some, i) => ({ name: `c${i}`, points: some.sort((a, b) => a.x - b.x) }));
      const lines = plot(curves, { width, unit: "step" }).split("\n");
      const frame = lines.slice(0, -curves.length);
      for (const line of frame) expect(line.length).toBeLessThanOrEqual(width);
      for (const line of frame) expect(line).not.toContain("Infinity");
      for (const [i, line] of lines.slice(-curves.length).entries()) expect(line.slice(2)).toStartWith(`c${i}  `);
      const isDrawn = all.flat().some(({ y }) => Math.abs(y) < Number.MAX_VALUE);
      expect(frame.length).toBe(isDrawn ? 14 : 0);
    }),
  );
});

test("a rising line rises, and a gap stays where values are NaN", () => {
  const points = Array.from({ length: 21 }, (_, x) => ({ x, y: x > 8 && x < 12 ? Number.NaN : x }));
  const text = plot([{ name: "m", points }], { width: 25, height: 5, unit: "step" });
  expect(text).toBe(
    [
      "20 ┤                  ***",
      "   │             *****",
      "10 ┤        *   *",
      "   │   *****",
      " 0 ┤***",
      "   └─────────────────────",
      "    step 0    10       20",
      "* m  last 20 at step 20; 3 NaN, the first at 9",
    ].join("\n"),
  );
});

test("cells that differ never look the same when they are cut", () => {
  const tail = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom("a", "b", "/") });
  fc.assert(
    fc.property(tail, fc.uniqueArray(tail, { minLength: 2, maxLength: 2 }), (head, [one, two]) => {
      // The first difference is one character, which is what is kept in sight.
      const [a, b] = cutCells([`${head}x${one}`, `${head}y${two}`], 12);
      expect(a).not.toBe(b);
      expect(Math.max(a!.length, b!.length)).toBeLessThanOrEqual(12);
    }),
  );
});

test("runs compare, list, show and search speak for people and as JSON", async () => {
  const root = tempFolder();
  const ids = await withLife({ root, env: {} }, async ({ tracking }) => {
    const experimentId = await tracking.createExperiment({ name: "bench" });
    const make = async (name: string, slope: number) => {
      const { runId } = await tracking.createRun({ experimentId, name, startMs: 1 });
      const metrics = curve(500, (step) => (step === 499 ? Number.NaN : step * slope));
      await tracking.logBatch(runId, {
        params: [{ key: "slope", value: String(slope) }],
        metrics: [
          ...metrics.map((point) => ({ key: "m", ...point })),
          { key: "once", value: 1, step: 0, timestampMs: 1 },
        ],
      });
      await tracking.updateRun(runId, { status: "FINISHED", endMs: 1501 });
      return runId;
    };
    return [await make("it's one", 1), await make("two", 2), await make("two", 3)];
  });

  type Json = {
    runs: { experiment: string }[];
    differences: unknown[];
    histories: { key: string; runs: { runId: string; points: { step: number; value: number | string }[] }[] }[];
  };
  const compared = await trimtabJson<Json>(["runs", "compare", "it's one", ids[1]!.slice(0, 12), "--points", "3"], {
    cwd: root,
  });
  expect(compared.differences).toEqual([{ section: "params", key: "slope", values: ["1", "2"], same: false }]);
  expect(compared.histories.map((history) => history.key)).toEqual(["m"]);
  expect(compared.histories[0]!.runs.map((run) => run.runId)).toEqual(ids.slice(0, 2));
  expect(compared.histories[0]!.runs[1]!.points.map(({ step, value }) => [step, value])).toEqual([
    [0, 0],
    [250, 500],
    [499, "NaN"],
  ]);
  const people = await trimtab(["runs", "compare", ...ids, "--metric", "m"], { cwd: root });
  expect(people.stdout).toContain("* it's one");
  expect(people.stdout).toContain(`o two ${ids[1]!.slice(0, 8)}`);
  expect(Math.max(...people.stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);

  const twice = await trimtab(["runs", "show", "two"], { cwd: root });
  expect([twice.exit, twice.stderr]).toEqual([2, expect.stringContaining("several runs are called or begin with two")]);
  expect((await trimtab(["runs", "show", "it's one"], { cwd: root })).stdout).toContain("FINISHED in bench");
  expect((await trimtabJson<Json>(["runs", "list"], { cwd: root })).runs[0]!.experiment).toBe("bench");
  expect((await trimtab(["runs", "search", "params.slope = '3'"], { cwd: root })).stdout).toContain("slope 3");
});
