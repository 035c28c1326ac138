import { expect, test } from "bun:test";
import fc from "fast-check";
import { judge } from "../../src/registry/gate.ts";
import { lessIsBetter } from "../../src/spec/metrics.ts";
import type { GateRule } from "../../src/spec/types.ts";

const rule = (metric: string, rest: Partial<GateRule>): GateRule => ({ metric, line: 1, ...rest });

test("every rule is listed with both figures, the limit, the margin and the reason", () => {
  const verdict = judge(
    [rule("accuracy", { min: 0.7, maxDrop: { amount: 0.02, relative: false } }), rule("latency_ms_p99", { max: 200 })],
    { accuracy: 0.85, latency_ms_p99: 250 },
    { accuracy: 0.9, latency_ms_p99: 100 },
  );
  expect(verdict.pass).toBe(false);
  expect(verdict.rules.map((r) => [r.metric, r.rule, r.pass])).toEqual([
    ["accuracy", "min", true],
    ["accuracy", "max_drop", false],
    ["latency_ms_p99", "max", false],
  ]);
  const [min, drop, max] = verdict.rules;
  expect(min).toMatchObject({ candidate: 0.85, champion: 0.9, limit: 0.7, judged: true });
  expect(min!.margin).toBeCloseTo(0.15, 12);
  expect(drop!.limit).toBeCloseTo(0.88, 12);
  expect(drop!.reason).toBe("0.85 is below 0.88 (champion 0.9) by 0.03");
  expect(max!.reason).toBe("250 is above 200 by 50");
  expect(verdict.reason).toContain("accuracy max_drop: 0.85 is below 0.88");
});

test("without a champion only absolute rules are judged, and the verdict says so", () => {
  const rules = [rule("f1", { min: 0.5, maxDrop: { amount: 0.01, relative: false } })];
  const verdict = judge(rules, { f1: 0.6 });
  expect(verdict).toMatchObject({ pass: true, champion: false });
  expect(verdict.reason).toBe(
    "all 1 judged rules are met; no champion to compare with, so only absolute rules were judged",
  );
  expect(verdict.rules[1]).toMatchObject({ judged: false, pass: true, limit: null, margin: null });
  expect(judge(rules, { f1: 0.4 }).pass).toBe(false);
});

test("max_drop on a metric where less is better limits the rise", () => {
  const rules = [rule("log_loss", { maxDrop: { amount: 0.05, relative: false } })];
  expect(judge(rules, { log_loss: 0.34 }, { log_loss: 0.3 }).pass).toBe(true);
  expect(judge(rules, { log_loss: 0.36 }, { log_loss: 0.3 }).pass).toBe(false);
  expect(judge(rules, { log_loss: 0.1 }, { log_loss: 0.3 }).pass).toBe(true);
});

test("a rise is forgiven when the named metric is better, and only then", () => {
  const rules = [rule("memory_bytes", { maxRise: { amount: 0.2, relative: true }, unlessBetter: "accuracy" })];
  const champion = { memory_bytes: 100, accuracy: 0.8 };
  expect(judge(rules, { memory_bytes: 120, accuracy: 0.8 }, champion).pass).toBe(true);
  expect(judge(rules, { memory_bytes: 130, accuracy: 0.8 }, champion).pass).toBe(false);
  const forgiven = judge(rules, { memory_bytes: 130, accuracy: 0.81 }, champion);
  expect(forgiven.pass).toBe(true);
  expect(forgiven.rules[0]!.reason).toBe("130 is above 120 (champion 100) by 10; forgiven, because accuracy is better");
});

test("figures that are missing or not a number fail", () => {
  const rules = [rule("auc", { min: 0.5, maxDrop: { amount: 0.1, relative: false } })];
  expect(judge(rules, {}, { auc: 0.9 }).rules.map((r) => r.pass)).toEqual([false, false]);
  expect(judge(rules, { auc: Number.NaN }).pass).toBe(false);
  const noChampionFigure = judge(rules, { auc: 0.9 }, {});
  expect(noChampionFigure.rules.map((r) => r.pass)).toEqual([true, false]);
});

test("a candidate exactly at the limit passes whatever the floats do", () => {
  for (const [champion, candidate] of [
    [0.9, 0.88],
    [0.3, 0.28],
    [0.7, 0.68],
  ] as const)
    expect(
      judge([rule("f1", { maxDrop: { amount: 0.02, relative: false } })], { f1: candidate }, { f1: champion }).pass,
    ).toBe(true);
});

test("a better candidate never fails where a worse one passes", () => {
  const metric = fc.constantFrom("accuracy", "log_loss", "latency_ms_p99", "rmse", "r2");
  const figure = fc.double({ min: -10, max: 10, noNaN: true });
  fc.assert(
    fc.property(
      metric,
      figure,
      figure,
      figure,
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.boolean(),
      (name, a, b, champion, amount, relative) => {
        const rules = [rule(name, { maxDrop: { amount, relative } })];
        const [better, worse] = a > b === !lessIsBetter(name) ? [a, b] : [b, a];
        const passes = (value: number) => judge(rules, { [name]: value }, { [name]: champion }).pass;
        expect(passes(better) || !passes(worse)).toBe(true);
      },
    ),
  );
});
