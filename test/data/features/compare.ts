/** Holds the two engines against each other. */

import { expect } from "bun:test";
import type { Batch } from "../../../src/base/columns.ts";

/** Text equal; numbers equal to 1e-9 of their size (or of `scale`, for sums that cancel); missing where the other is. */
export function expectEqual(served: Batch, trained: Batch, outputs: readonly string[], scale = 0): void {
  expect(served.rows).toBe(trained.rows);
  for (const name of outputs)
    for (let i = 0; i < served.rows; i++) {
      const [a, b] = [served.columns[name]![i], trained.columns[name]![i]];
      if (!same(a, b, scale)) throw new Error(`${name}, row ${i}: serving has ${String(a)}, SQL has ${String(b)}`);
    }
}

function same(a: unknown, b: unknown, scale: number): boolean {
  if (typeof a !== "number" || typeof b !== "number") return a === b;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b), scale);
}
