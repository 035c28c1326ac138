import { expect, test } from "bun:test";
import fc from "fast-check";
import { parsePipeline } from "../../src/spec/load.ts";
import type { CmdStep } from "../../src/spec/types.ts";
import { complaintsOf } from "./complaints.ts";

const HEAD = "model: m\nsteps:\n";
const TRAIN = `${HEAD}  train:
    matrix:
      model: [forest, 3]
      size: [small, "a b"]
    cmd: python train.py --model \${item.model} --size '\${item.size}' --out out/\${item.model}-\${rate} \\\${item.kept}
    params: { rate: 0.5, depth: "\${item.model}", both: ["\${item.model}/\${item.size}"] }
    outs: ["out/\${item.model}-\${item.size}"]
  after: { cmd: ls out/forest-small, outs: [done] }
`;

test("a matrix is a step for each combination, with its values in everything that the step says", () => {
  const { steps } = parsePipeline(TRAIN);
  expect(Object.keys(steps)).toEqual([
    "train@forest-size0",
    "train@forest-size1",
    "train@3-size0",
    "train@3-size1",
    "after",
  ]);
  expect(steps["train@3-size1"] as CmdStep).toMatchObject({
    line: 3,
    cmd: [`python train.py --model 3 --size 'a b' --out out/3-\${rate} \\\${item.kept}`],
    params: { rate: 0.5, depth: 3, both: ["3/a b"] },
    outs: ["out/3-a b"],
    item: { model: 3, size: "a b" },
  });
  expect(steps.after!.item).toBeUndefined();
});

test("what is wrong in a matrix is told once, where it is written", () => {
  expect(
    complaintsOf(
      `${HEAD}  s:\n    matrix: { a: [1, 2] }\n    cmd: x \${item.b}\n    outs: [same]\n    retry: { attempts: 0 }\n`,
    ),
  ).toEqual([
    "error[SPEC_INVALID] pipeline.yaml:5 steps.s.cmd: there is no b in the matrix. Mend: use one of the names in it: a.",
    "error[SPEC_GRAPH] pipeline.yaml:6 steps.s.outs[0]: same is also written by step s@1. Mend: give each output a path of its own.",
    "error[SPEC_INVALID] pipeline.yaml:7 steps.s.retry.attempts: 0 is not a whole number from 1. Mend: write a whole number from 1, such as 3.",
  ]);
  const wrong = (matrix: string) => complaintsOf(`${HEAD}  s:\n    cmd: x\n    matrix: ${matrix}\n`);
  expect(
    [wrong("{}"), wrong("[a]"), wrong("{ a: 1 }"), wrong("{ a: [[1]] }"), wrong("{ a: [] }")].map((all) => all.length),
  ).toEqual([1, 1, 1, 1, 1]);
  expect(wrong("{ a: [{ b: 1 }] }")[0]).toContain("steps.s.matrix.a");
  const many = Array.from({ length: 40 }, (_, i) => i).join(", ");
  expect(wrong(`{ a: [${many}], b: [${many}] }`)).toEqual([
    "error[SPEC_INVALID] pipeline.yaml:5 steps.s.matrix: the matrix has 1600 combinations, and 1000 are the most. Mend: write fewer values.",
  ]);
});

test("every combination has a step of its own, whatever the values", () => {
  const value = fc.oneof(fc.string({ maxLength: 4 }), fc.integer({ min: 0, max: 3 }), fc.boolean());
  const values = fc.array(value, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(values, values, (a, b) => {
      const text = `${HEAD}  s:\n    matrix: ${JSON.stringify({ a, b })}\n    cmd: x\n`;
      const { steps } = parsePipeline(text);
      expect(Object.values(steps).map((step) => step.item)).toEqual(a.flatMap((x) => b.map((y) => ({ a: x, b: y }))));
      for (const name of Object.keys(steps)) expect(name).toMatch(/^s@[\w.]+-[\w.]+$/);
    }),
  );
});

test("overrides reach every step of a matrix", () => {
  const { steps } = parsePipeline(TRAIN, {
    env: { TRIMTAB_STEPS_TRAIN_PARAMS_RATE: "0.1" },
    overrides: { params: { "train.depth": "7" } },
  });
  expect(
    Object.values(steps)
      .flatMap((step) => (step.item ? [step.params] : []))
      .map(({ rate, depth }) => [rate, depth]),
  ).toEqual(Array(4).fill([0.1, 7]));
});
