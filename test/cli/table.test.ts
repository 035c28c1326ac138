/** Tables for people: whole where they are piped, fitted on a terminal. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { fitWidths } from "../../src/cli/fit.ts";
import { type Io, table, terminal } from "../../src/cli/io.ts";

const io = (width: number, fits = true): Io => ({ ...terminal({ json: false, quiet: true }), width, fits });
const rows = [
  { id: "20261127_082829", name: "hardy-otter-387-of-many", n: 12, why: "the gate said yes, and nobody said no" },
  { id: "20261127_075207", name: "x", n: 7, why: "by hand" },
];
const draw = (to: Io) =>
  table(to, rows, [
    { title: "deployment", value: (r) => r.id, whole: true },
    { title: "name", value: (r) => r.name },
    { title: "n", value: (r) => r.n, right: true },
    { title: "why", value: (r) => r.why },
  ]);

test("what is piped keeps a line a row, a terminal gets what fits", () => {
  expect(draw(io(50, false)).split("\n")).toEqual([
    "deployment       name                      n  why",
    "20261127_082829  hardy-otter-387-of-many  12  the gate said yes, and nobody said no",
    "20261127_075207  x                         7  by hand",
  ]);
  expect(draw(io(50)).split("\n")).toEqual([
    "deployment       name          n  why",
    "20261127_082829  hardy-otte…  12  the gate said",
    "                                  yes, and nobody",
    "                                  said no",
    "20261127_075207  x             7  by hand",
  ]);
  expect(draw(io(20))).toBe(draw(io(20, false)));
});

test("a cell is one line whatever data holds, and no terminal code of others goes out", () => {
  const to = io(80, false);
  const red = "\x1b[31mred\x1b[39m";
  const cells = ["a\nb\tc", "\x1b[2J\x1b]0;x\x07", "del\x7f csi\x9b", red];
  expect(table(to, cells, [{ title: "value", value: (cell) => cell }]).split("\n")).toEqual([
    "value",
    "a\\nb\\tc",
    "[2J]0;x",
    "del csi",
    red,
  ]);
});

test("property: fitted widths fit, grow no column and leave whole ones alone", () => {
  const column = fc.record({ width: fc.integer({ min: 1, max: 60 }), isWhole: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 10, max: 200 }),
      (columns, chars) => {
        const widths = columns.map((one) => one.width);
        const fitted = fitWidths({ widths, whole: columns.map((one) => one.isWhole) }, chars);
        const total = fitted.reduce((sum, width) => sum + width + 2, -2);
        for (const [i, width] of fitted.entries()) {
          expect(width).toBeLessThanOrEqual(widths[i]!);
          if (columns[i]!.isWhole) expect(width).toBe(widths[i]!);
        }
        expect(total <= chars || fitted.every((width, i) => width === widths[i])).toBe(true);
      },
    ),
  );
});
