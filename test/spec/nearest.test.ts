import { expect, test } from "bun:test";
import fc from "fast-check";
import { editDistance, mendName, nearest } from "../../src/spec/nearest.ts";

test("edits are counted", () => {
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("ab", "ba")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
});

test("property: a distance is symmetric, zero for equals, and at most the longer word", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
    }),
  );
});

test("the nearest name is found when one is near", () => {
  expect(nearest("acuracy", ["accuracy", "f1"])).toBe("accuracy");
  expect(nearest("minColumns", ["columns", "min_columns"])).toBe("min_columns");
  expect(nearest("zebra", ["accuracy", "f1"])).toBeUndefined();
  expect(nearest("f2", ["f1"])).toBe("f1");
  expect(nearest("x".repeat(5000), ["x"])).toBeUndefined();
});

test("the mend names the near one, and all when they are few", () => {
  expect(mendName("tset", ["test", "window"], "keys")).toBe("write test; the keys are test, window");
  expect(mendName("zzz", ["test"], "keys")).toBe("use one of the keys: test");
  expect(mendName("zzz", [], "keys")).toBe("there are no keys here; remove it");
});
