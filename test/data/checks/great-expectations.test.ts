/** The same table and expectations through Great Expectations itself (test/golden/great-expectations.py) and through ours. */

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { runChecks } from "../../../src/data/checks/run.ts";
import { openDuck } from "../../../src/data/duckdb.ts";
import { ident, literal } from "../../../src/data/sql.ts";

interface Golden {
  table: Record<string, (string | number | boolean | null)[]>;
  cases: {
    type: string;
    kwargs: Record<string, unknown>;
    success: boolean;
    raised: boolean;
    result: Record<string, unknown>;
  }[];
}
const golden = (await Bun.file(join(import.meta.dir, "../../golden/great-expectations.json")).json()) as Golden;

const duck = await openDuck({ threads: 2 });
afterAll(() => duck.close());

const TYPES: Record<string, string> = {
  id: "BIGINT",
  s: "VARCHAR",
  t: "TIMESTAMP",
  b: "BOOLEAN",
  a1: "BIGINT",
  a2: "BIGINT",
};
const names = Object.keys(golden.table);
const rows = golden.table.id!.map((_, i) => `(${names.map((name) => literal(golden.table[name]![i]!)).join(", ")})`);
await duck.run(
  `CREATE TABLE golden AS SELECT ${names.map((name) => `${ident(name)}::${TYPES[name] ?? "DOUBLE"} AS ${ident(name)}`).join(", ")}
   FROM (VALUES ${rows.join(", ")}) AS t(${names.map(ident).join(", ")})`,
);

/** Equal to nine digits; times are ISO text on both sides, to the second. */
function alike(ours: unknown, theirs: unknown): boolean {
  if (typeof ours === "number" && typeof theirs === "number")
    return Math.abs(ours - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs));
  if (typeof ours === "string" && typeof theirs === "string") return ours.slice(0, 19) === theirs.slice(0, 19);
  if (Array.isArray(ours) && Array.isArray(theirs))
    return ours.length === theirs.length && ours.every((item, i) => alike(item, theirs[i]));
  if (ours && theirs && typeof ours === "object" && typeof theirs === "object")
    return Object.entries(theirs).every(([key, value]) => alike((ours as Record<string, unknown>)[key], value));
  return ours === theirs;
}

for (const [i, { type, kwargs, success, raised, result }] of golden.cases.entries())
  test(`${i}: ${type} ${JSON.stringify(kwargs).slice(0, 100)}`, async () => {
    const check = runChecks(duck, "SELECT * FROM golden", [{ type, kwargs, line: 1 }]);
    if (raised) {
      await expect(check).rejects.toThrow("CHECK_INVALID");
      return;
    }
    const ours = (await check).results[0]!;
    expect(ours.problem).toBeUndefined();
    expect(ours.success).toBe(success);
    if ("element_count" in result) {
      expect(ours.counts?.elements).toBe(result.element_count as number);
      expect(ours.counts?.unexpected).toBe(result.unexpected_count as number);
      expect(ours.counts?.missing).toBe(result.missing_count as number);
      if (result.unexpected_percent !== null)
        expect(ours.counts!.share * 100).toBeCloseTo(result.unexpected_percent as number, 9);
      const shown = ours.sampleRows.map((row) => ours.columns.map((column) => row[column] ?? null));
      const theirs = (result.partial_unexpected_list as unknown[]).map((item) =>
        Array.isArray(item) ? item : item && typeof item === "object" ? Object.values(item) : [item],
      );
      expect({ shown, same: alike(shown, theirs) }).toEqual({ shown, same: true });
    } else if (type.includes("type")) {
      // Names of types are the engine's own.
    } else {
      const theirs = result.observed_value ?? undefined;
      expect({ observed: ours.observed, same: alike(ours.observed ?? undefined, theirs) }).toEqual({
        observed: ours.observed,
        same: true,
      });
      if (result.details && type.startsWith("table_columns"))
        expect(ours.details).toEqual(result.details as Record<string, unknown>);
    }
  });
