/** Small frames as DuckDB tables and as batches, for the tests of this folder. */

import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch, Column, ColumnSpec } from "../../../src/base/columns.ts";
import { type TrimtabError, TrimtabErrors } from "../../../src/base/errors.ts";
import { type Duck, openDuck } from "../../../src/data/duckdb.ts";

/** One engine for a test file; closed at its end. */
export async function testDuck(): Promise<Duck> {
  const duck = await openDuck({ threads: 2 });
  afterAll(() => duck.close());
  return duck;
}

/** A folder that goes when the test file ends. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-features-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Frame = { specs: ColumnSpec[]; batch: Batch };

/** `{ "age:number": [1, null], "city:string": ["a", null] }`; a time is ISO text or ms. */
export function frame(columns: Record<string, readonly (string | number | boolean | null)[]>): Frame {
  const specs: ColumnSpec[] = [];
  const batch: Batch = { rows: 0, columns: {} };
  for (const [key, values] of Object.entries(columns)) {
    const [name, type] = key.split(":") as [string, ColumnSpec["type"]];
    specs.push({ name, type, required: false });
    batch.columns[name] = toColumn(values, type);
    batch.rows = values.length;
  }
  return { specs, batch };
}

function toColumn(values: readonly (string | number | boolean | null)[], type: ColumnSpec["type"]): Column {
  if (type === "string") return values.map((v) => v as string | null);
  return Float64Array.from(values, (v) => {
    if (v === null) return Number.NaN;
    return type === "timestamp" && typeof v === "string" ? Date.parse(`${v}Z`) : Number(v);
  });
}

/** The rows `from` to `to` of a batch. */
export function slice(batch: Batch, from: number, to: number): Batch {
  const columns = Object.fromEntries(Object.entries(batch.columns).map(([k, v]) => [k, v.slice(from, to)]));
  return { rows: to - from, columns };
}

/** Every complaint of a call that must fail, each as its one line. */
export async function complaints(work: () => unknown): Promise<string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof TrimtabErrors) return error.errors.map((e) => e.oneLine());
    return [(error as TrimtabError).oneLine()];
  }
  throw new Error("nothing was refused");
}
