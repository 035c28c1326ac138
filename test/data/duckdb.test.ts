import { afterAll, expect, test } from "bun:test";
import type { Batch, ColumnSpec } from "../../src/base/columns.ts";
import { fail } from "../../src/base/errors.ts";
import { columnTypeOf, ident, literal, openDuck } from "../../src/data/duckdb.ts";

/** Bun's toEqual tells NaN in typed arrays apart from itself; in plain arrays it does not. */
const plain = (batch: Batch) => ({
  rows: batch.rows,
  columns: Object.fromEntries(
    Object.entries(batch.columns).map(([name, column]) => [name, Array.from<unknown>(column)]),
  ),
});

const duck = await openDuck({ threads: 2 });
afterAll(() => duck.close());

test("values come out as plain JavaScript", async () => {
  const [row] = await duck.rows(
    `SELECT 1::BIGINT AS a, 9007199254740993 AS b, 1.25::DECIMAL(5,2) AS c, TIMESTAMP '2001-01-01 00:00:01' AS d, NULL AS e,
     [1::BIGINT] AS f, {'x': 2::HUGEINT} AS g, DATE '1970-01-02' AS h, TRUE AS i, 'NaN'::DOUBLE AS j`,
  );
  expect(row).toEqual({
    a: 1,
    b: "9007199254740993",
    c: 1.25,
    d: Date.UTC(2001, 0, 1, 0, 0, 1),
    e: null,
    f: [1],
    g: { x: 2 },
    h: 86_400_000,
    i: true,
    j: Number.NaN,
  });
});

test("parameters are values, never SQL", async () => {
  expect(await duck.rows("SELECT ? AS a, ? AS b", ["'; DROP TABLE x", 2])).toEqual([{ a: "'; DROP TABLE x", b: 2 }]);
  const nasty = `a"b'c`;
  expect(await duck.rows(`SELECT ${literal(nasty)} AS ${ident(nasty)}`)).toEqual([{ [nasty]: nasty }]);
  expect(await duck.rows(`SELECT ${literal(0.1)} = 0.1::DOUBLE AS a, ${literal(-1e-320)} AS b`)).toEqual([
    { a: true, b: -1e-320 },
  ]);
});

test("columns tells names and types without reading", async () => {
  const columns = await duck.columns(
    "SELECT 1::BIGINT AS a, 'x' AS b, now() AS c, TRUE AS d, [1] AS e, error('not read') AS f",
  );
  expect(columns.slice(0, 5)).toEqual([
    { name: "a", type: "BIGINT" },
    { name: "b", type: "VARCHAR" },
    { name: "c", type: "TIMESTAMP WITH TIME ZONE" },
    { name: "d", type: "BOOLEAN" },
    { name: "e", type: "INTEGER[]" },
  ]);
  expect(columns.slice(0, 5).map((c) => columnTypeOf(c.type))).toEqual([
    "number",
    "string",
    "timestamp",
    "boolean",
    "string",
  ]);
});

test("a batch survives the way into DuckDB and back, nulls included", async () => {
  const specs: ColumnSpec[] = [
    { name: "n", type: "number", required: false },
    { name: "s", type: "string", required: false },
    { name: "b", type: "boolean", required: false },
    { name: "t", type: "timestamp", required: false },
  ];
  const rows = 5000;
  const n = new Float64Array(rows).map((_, i) => (i % 7 === 0 ? Number.NaN : i / 3));
  const b = new Float64Array(rows).map((_, i) => (i % 5 === 0 ? Number.NaN : i % 2));
  const t = new Float64Array(rows).map((_, i) => (i % 11 === 0 ? Number.NaN : 978_307_200_123 + i));
  const s = Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? null : `é😀 ${"long ".repeat(i % 6)}${i}`));
  await duck.load("there and back", specs, { rows, columns: { n, s, b, t } });
  const query = `SELECT * FROM ${ident("there and back")} ORDER BY rowid`;
  expect(plain(await duck.batch(query))).toEqual(plain({ rows, columns: { n, s, b, t } }));
  const sizes: number[] = [];
  for await (const batch of duck.batches(query, 2048)) sizes.push(batch.rows);
  expect(sizes).toEqual([2048, 2048, 904]);
  expect(await duck.batch(`${query} LIMIT 0`)).toEqual({
    rows: 0,
    columns: { n: new Float64Array(), s: [], b: new Float64Array(), t: new Float64Array() },
  });
});

test("other queries run while batches stream", async () => {
  let seen = 0;
  for await (const batch of duck.batches("SELECT range AS i FROM range(100000)", 10_000)) {
    seen += batch.rows;
    expect(await duck.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  }
  expect(seen).toBe(100_000);
});

test("errors are one line of ours", async () => {
  await expect(duck.rows("SELECT orign FROM (SELECT 1 AS origin)")).rejects.toMatchObject({
    code: "DATA_COLUMN",
    message: 'there is no column orign (nearest: "origin")',
  });
  await expect(duck.rows("SELECT * FROM read_parquet('/nowhere/x.parquet')")).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
  });
  await expect(duck.run("SELEC 1")).rejects.toMatchObject({ code: "INTERNAL" });
});

test("closing twice is harmless", async () => {
  const other = await openDuck();
  other.close();
  other.close();
});

test("a signal ends what runs, with its reason", async () => {
  const stop = new AbortController();
  const other = await openDuck({ threads: 1, signal: stop.signal });
  const endless = "SELECT count(*) AS n FROM range(1000000000000) WHERE hash(range) = 1";
  const running = other.rows(endless);
  setTimeout(() => stop.abort(fail("STEP_TIMEOUT", { what: "too long" })), 50);
  await expect(running).rejects.toMatchObject({ code: "STEP_TIMEOUT" });
  await expect(other.rows("SELECT 1")).rejects.toMatchObject({ code: "STEP_TIMEOUT" });
  other.close();
});

test("columns whose names differ only in case stay apart", async () => {
  const { columns } = await duck.batch(`SELECT 1 AS a, 2 AS "A", 'x' AS b`);
  expect(columns).toEqual({ a: Float64Array.of(1), A: Float64Array.of(2), b: ["x"] });
});
