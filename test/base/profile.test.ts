import { expect, test } from "bun:test";
import fc from "fast-check";
import { binOf } from "../../src/base/profile.ts";

test("a value's bin is the number of edges at or below it", () => {
  expect([-1, 0, 0.5, 1, 2, 3].map((value) => binOf([0, 1, 2], value))).toEqual([0, 1, 1, 2, 3, 3]);
  expect(binOf([], 5)).toBe(0);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 })), fc.integer({ min: -60, max: 60 }), (numbers, value) => {
      const edges = [...new Set(numbers)].sort((a, b) => a - b);
      return binOf(edges, value) === edges.filter((edge) => edge <= value).length;
    }),
  );
});
