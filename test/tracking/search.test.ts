/**
 * Search over runs against a reference that knows no SQL: random runs, random filters and orders, every page. The filter's
 * text is made from the clause, so the reference does not use the parser that it judges.
 */

import { expect } from "bun:test";
import fc from "fast-check";
import { ManualClock } from "../../src/base/clock.ts";
import type { Db } from "../../src/db/db.ts";
import { searchRunRows } from "../../src/db/run_search.ts";
import { readFilter, readOrder } from "../../src/db/search/grammar.ts";
import { RUN_GRAMMAR } from "../../src/tracking/filter.ts";
import { createTracking, type Tracking } from "../../src/tracking/tracking.ts";
import type { Run } from "../../src/tracking/types.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();

const METRICS = ["m", "f1 score", "a.b"];
const PARAMS = ["p", "deep/key"];
const TAGS = ["t", "mlflow.note"];
const VALUES = [0, 1, -1, 0.5, 2, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const TEXTS = ["", "a", "A", "ab", "b%", "it's", 'say "x"', "é", `${"x".repeat(250)}1`, `${"x".repeat(250)}2`];

interface Made {
  experiment: number;
  startMs: number;
  endMs: number | null;
  status: "RUNNING" | "FINISHED" | "FAILED";
  name: string;
  deleted: boolean;
  metrics: Record<string, number>;
  params: Record<string, string>;
  tags: Record<string, string>;
  datasets: { name: string; digest: string; context: string }[];
}

const some = <T>(keys: string[], value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.record(Object.fromEntries(keys.map((key) => [key, value])), { requiredKeys: [] }) as fc.Arbitrary<
    Record<string, T>
  >;

const madeRun: fc.Arbitrary<Made> = fc.record({
  experiment: fc.integer({ min: 0, max: 2 }),
  startMs: fc.integer({ min: 1, max: 5 }),
  endMs: fc.option(fc.integer({ min: 1, max: 9 })),
  status: fc.constantFrom("RUNNING", "FINISHED", "FAILED"),
  name: fc.constantFrom("run", "Run", "other"),
  deleted: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  metrics: some(METRICS, fc.constantFrom(...VALUES)),
  params: some(PARAMS, fc.constantFrom(...TEXTS)),
  tags: some(TAGS, fc.constantFrom(...TEXTS)),
  datasets: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("d", "e"),
      digest: fc.constantFrom("1", "2"),
      context: fc.constantFrom("", "train"),
    }),
    { maxLength: 2, selector: (d) => `${d.name}${d.digest}` },
  ),
});

interface TestClause {
  text: string;
  meets(run: Run): boolean;
}

const quoteKey = (key: string) =>
  /^[\w.]+$/.test(key) ? fc.constantFrom(key, `\`${key}\``) : fc.constantFrom(`\`${key}\``, `"${key}"`);
const quote = (value: string) => (value.includes("'") ? `"${value.replaceAll('"', '""')}"` : `'${value}'`);

const likeRegex = (pattern: string, flags: string) =>
  new RegExp(
    `^${[...pattern].map((c) => (c === "%" ? "[^]*" : c === "_" ? "[^]" : c.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))).join("")}$`,
    `${flags}u`,
  );

const lower = (text: string) => text.replace(/[A-Z]/g, (c) => c.toLowerCase());

function compareNumber(comparator: string, a: number | undefined, b: number): boolean {
  if (a === undefined) return false;
  const value =
    a === Number.POSITIVE_INFINITY ? Number.MAX_VALUE : a === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : a;
  const results: Record<string, boolean> = {
    "=": value === b,
    "!=": value !== b,
    ">": value > b,
    ">=": value >= b,
    "<": value < b,
    "<=": value <= b,
  };
  return results[comparator]!;
}

function compareText(comparator: string, a: string | undefined, b: string | string[]): boolean {
  if (a === undefined) return false;
  if (comparator === "IN") return b.includes(a);
  if (comparator === "NOT IN") return !b.includes(a);
  const text = b as string;
  if (comparator === "=") return a === text;
  if (comparator === "!=") return a !== text;
  if (comparator === "LIKE") return likeRegex(text, "").test(a);
  return likeRegex(lower(text), "").test(lower(a));
}

const find = (pairs: { key: string; value: string }[], key: string) => pairs.find((pair) => pair.key === key)?.value;
const numeric = fc.constantFrom("=", "!=", ">", ">=", "<", "<=");
const textual = fc.constantFrom("=", "!=", "LIKE", "ILIKE", "like", "ilike");
const pattern = fc.constantFrom(
  "",
  "a",
  "%",
  "_",
  "A%",
  "%b%",
  "b_",
  "%'%",
  "é",
  "É",
  `${"x".repeat(250)}1`,
  "x%2",
  "\\",
);

const metricClause: fc.Arbitrary<TestClause> = fc
  .tuple(
    fc.constantFrom("metrics", "metric"),
    fc.constantFrom(...METRICS),
    numeric,
    fc.constantFrom(0, 1, -1, 0.5, 1e-3, -1e300),
  )
  .chain(([prefix, key, comparator, value]) =>
    quoteKey(key).map((name) => ({
      text: `${prefix}.${name} ${comparator} ${value}`,
      meets: (run) => compareNumber(comparator, run.metrics.find((m) => m.key === key)?.value, value),
    })),
  );

const pairClause: fc.Arbitrary<TestClause> = fc
  .tuple(
    fc.constantFrom(
      ["params", "param"] as const,
      ["parameters", "param"] as const,
      ["tags", "tag"] as const,
      ["tag", "tag"] as const,
    ),
    fc.constantFrom(0, 1),
    fc.oneof(fc.tuple(textual, pattern), fc.constantFrom(["IS NULL", ""] as const, ["is not null", ""] as const)),
  )
  .chain(([[prefix, kind], which, [comparator, value]]) => {
    const key = (kind === "param" ? PARAMS : TAGS)[which]!;
    const ofRun = (run: Run) => find(kind === "param" ? run.params : run.tags, key);
    return quoteKey(key).map((name) => {
      const upper = comparator.toUpperCase();
      if (upper.startsWith("IS"))
        return {
          text: `${prefix}.${name} ${comparator}`,
          meets: (run) => (ofRun(run) === undefined) === (upper === "IS NULL"),
        };
      return {
        text: `${prefix}.${name} ${comparator} ${quote(value)}`,
        meets: (run) => compareText(upper, ofRun(run), value),
      };
    });
  });

const attributeClause: fc.Arbitrary<TestClause> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("start_time", "attributes.end_time", "attr.created"),
      numeric,
      fc.integer({ min: 0, max: 9 }),
    )
    .map(([name, comparator, value]) => ({
      text: `${name} ${comparator} ${value}`,
      meets: (run: Run) => compareNumber(comparator, name.includes("end") ? run.endMs : run.startMs, value),
    })),
  fc
    .tuple(fc.constantFrom("status", "run.status"), textual, fc.constantFrom("RUNNING", "F%", "finished", "%L%"))
    .map(([name, comparator, value]) => ({
      text: `${name}  ${comparator}  '${value}'`,
      meets: (run: Run) => compareText(comparator.toUpperCase(), run.status, value),
    })),
);

const datasetListClause: fc.Arbitrary<TestClause> = fc
  .tuple(fc.constantFrom("IN", "NOT IN", "not in"), fc.subarray(["d", "e", "none"], { minLength: 1 }))
  .map(([comparator, values]) => ({
    text: `dataset.name ${comparator} (${values.map(quote).join(", ")})`,
    meets: (run) => run.datasets.some(({ dataset }) => compareText(comparator.toUpperCase(), dataset.name, values)),
  }));

const datasetClause: fc.Arbitrary<TestClause> = fc
  .tuple(
    fc.constantFrom("dataset", "datasets"),
    fc.constantFrom("name", "digest", "context"),
    textual,
    fc.constantFrom("d", "1", "", "tr%", "E"),
  )
  .map(([prefix, key, comparator, value]) => ({
    text: `${prefix}.${key} ${comparator} '${value}'`,
    meets: (run) =>
      run.datasets.some(({ dataset, tags }) => {
        const values = { name: dataset.name, digest: dataset.digest, context: find(tags, "mlflow.data.context") ?? "" };
        return compareText(comparator.toUpperCase(), values[key as "name"], value);
      }),
  }));

interface TestOrder {
  id: string;
  text: string;
  /** [rank, value]: a smaller rank comes first in either direction. */
  key(run: Run): [number, number | string];
  descending: boolean;
}

const orderTerm: fc.Arbitrary<TestOrder> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...METRICS).map((key) => ({
        id: `metric ${key}`,
        name: `metrics.\`${key}\``,
        key: (run: Run): [number, number | string] => {
          const value = run.metrics.find((m) => m.key === key)?.value;
          if (value === undefined) return [2, 0];
          return Number.isNaN(value) ? [1, 0] : [0, value];
        },
      })),
      fc.constantFrom(...PARAMS).map((key) => ({
        id: `param ${key}`,
        name: `params."${key}"`,
        key: (run: Run): [number, number | string] => {
          const value = find(run.params, key);
          return value === undefined ? [1, ""] : [0, value];
        },
      })),
      fc.constantFrom(...TAGS).map((key) => ({
        id: `tag ${key}`,
        name: `tags.${key}`,
        key: (run: Run): [number, number | string] => {
          const value = find(run.tags, key);
          return value === undefined ? [1, ""] : [0, value];
        },
      })),
      fc.constant({
        id: "end",
        name: "end_time",
        key: (run: Run): [number, number | string] => (run.endMs === undefined ? [1, 0] : [0, run.endMs]),
      }),
      fc.constant({
        id: "start",
        name: "attribute.start_time",
        key: (run: Run): [number, number | string] => [0, run.startMs],
      }),
      fc.constant({ id: "name", name: "run_name", key: (run: Run): [number, number | string] => [0, run.name] }),
    ),
    fc.constantFrom("", " ASC", " DESC", " desc"),
  )
  .map(([term, direction]) => ({ ...term, text: term.name + direction, descending: /desc/i.test(direction) }));

/** UTF-8 byte order, as the databases compare. */
const compareValues = (a: number | string, b: number | string): number =>
  typeof a === "string" ? Buffer.compare(Buffer.from(a), Buffer.from(b as string)) : a - (b as number);

function reference(runs: readonly Run[], clauses: readonly TestClause[], order: readonly TestOrder[]): string[] {
  const found = runs.filter((run) => clauses.every((clause) => clause.meets(run)));
  const compareRuns = (a: Run, b: Run): number => {
    for (const term of order) {
      const [[rankA, valueA], [rankB, valueB]] = [term.key(a), term.key(b)];
      if (rankA !== rankB) return rankA - rankB;
      const compared = compareValues(valueA, valueB);
      if (compared !== 0) return term.descending ? -compared : compared;
    }
    return b.startMs - a.startMs || compareValues(a.runId, b.runId);
  };
  return found.sort(compareRuns).map((run) => run.runId);
}

async function fill(tracking: Tracking, made: readonly Made[]): Promise<void> {
  await Promise.all(
    made.map(async (one) => {
      const tags = Object.entries(one.tags).map(([key, value]) => ({ key, value }));
      const { runId } = await tracking.createRun({
        experimentId: String(one.experiment),
        name: one.name,
        startMs: one.startMs,
        tags,
      });
      await tracking.logBatch(runId, {
        metrics: Object.entries(one.metrics).map(([key, value]) => ({ key, value, timestampMs: 1, step: 0 })),
        params: Object.entries(one.params).map(([key, value]) => ({ key, value })),
      });
      await tracking.logInputs(runId, {
        datasets: one.datasets.map(({ name, digest, context }) => ({
          dataset: { name, digest, sourceType: "local", source: "s" },
          tags: context === "" ? [] : [{ key: "mlflow.data.context", value: context }],
        })),
      });
      await tracking.updateRun(runId, { status: one.status, ...(one.endMs === null ? {} : { endMs: one.endMs }) });
      if (one.deleted) await tracking.deleteRun(runId);
    }),
  );
}

async function wholeSearch(
  tracking: Tracking,
  query: { experimentIds: string[]; filter: string; orderBy: string[] },
  maxResults: number,
): Promise<Run[]> {
  const items: Run[] = [];
  let pageToken: string | undefined;
  do {
    const page = await tracking.searchRuns({ ...query, maxResults, ...(pageToken ? { pageToken } : {}) });
    items.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return items;
}

/** The same search with the order driving, whatever the filter's selectivity: the way through large data. */
async function walkedSearch(db: Db, experimentIds: string[], filter: string, orderBy: string[]): Promise<string[]> {
  const found: string[] = [];
  let after: (string | number)[] | undefined;
  for (;;) {
    const rows = await searchRunRows(db, {
      experimentIds: experimentIds.map(Number),
      lifecycle: "active",
      clauses: readFilter(RUN_GRAMMAR, filter),
      order: readOrder(RUN_GRAMMAR, orderBy),
      limit: 7,
      after,
      driverRuns: 0,
    });
    found.push(...rows.map((one) => one.row.run_id));
    if (rows.length < 7) return found;
    after = rows.at(-1)!.position;
  }
}

const query = fc.record({
  experimentIds: fc.subarray(["0", "1", "2"], { minLength: 1 }),
  clauses: fc.array(fc.oneof(metricClause, pairClause, attributeClause, datasetClause, datasetListClause), {
    maxLength: 3,
  }),
  order: fc.uniqueArray(orderTerm, { maxLength: 3, selector: (term) => term.id }),
  pageSize: fc.integer({ min: 1, max: 30 }),
});

test("filters, orders and pages as the reference does", async () => {
  const seed = Number(process.env.SEARCH_SEED ?? Date.now() % 1_000_000);
  const db = await open();
  const clock = new ManualClock(100);
  const tracking = createTracking({ db, clock });
  await tracking.createExperiment({ name: "one" });
  await tracking.createExperiment({ name: "two" });
  await fill(tracking, fc.sample(madeRun, { numRuns: 60, seed }));
  const all = await wholeSearch(tracking, { experimentIds: ["0", "1", "2"], filter: "", orderBy: [] }, 1000);
  expect(all.length).toBeGreaterThan(30);
  await fc.assert(
    fc.asyncProperty(query, async ({ experimentIds, clauses, order, pageSize }) => {
      const filter = clauses.map((clause) => clause.text).join(" AND ");
      const orderBy = order.map((term) => term.text);
      const within = all.filter((run) => experimentIds.includes(run.experimentId));
      const expected = reference(within, clauses, order);
      const found = await wholeSearch(tracking, { experimentIds, filter, orderBy }, pageSize);
      expect(found.map((run) => run.runId)).toEqual(expected);
      expect(await walkedSearch(db, experimentIds, filter, orderBy)).toEqual(expected);
    }),
    { numRuns: 300, seed },
  );
  await db.close();
});

test("what the language has not is refused with the clause that is wrong", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1) });
  const search = (filter: string, orderBy: string[] = []) =>
    tracking.searchRuns({ experimentIds: ["0"], filter, orderBy });
  for (const filter of [
    "metrics.a",
    "metrics.a >",
    "metrics.a > 'x'",
    "metrics.a LIKE 'x'",
    "params.a = 1",
    "params.a > 'x'",
    "params.a = x",
    "metrics.a > 1 OR metrics.b > 1",
    "metrics.a > 1 AND",
    "AND metrics.a > 1",
    "metrics.a > 1 metrics.b > 2",
    "(metrics.a > 1)",
    "NOT metrics.a > 1",
    "nothing.a = 'x'",
    "attribute.nothing = 'x'",
    "status > 'x'",
    "start_time LIKE '1'",
    "   ",
    "run_name IN ('a')",
    "run_id IN ()",
    "run_id IN ('a' 'b')",
    "run_id IN 'a'",
    "params.a = 'open",
    "params.`a = 'x'",
    "metrics. = 1",
    "metrics.a == 1",
    "tags.a-b = 'x'",
    "dataset.nothing = 'x'",
    ";",
  ])
    await expect(search(filter)).rejects.toMatchObject({ code: "INVALID" });
  await expect(search("metrics.a > 1 AND params.x ! 'y'")).rejects.toThrow(
    "Invalid clause(s) in filter string: '! 'y''",
  );
  for (const orderBy of [
    ["metrics.a UP"],
    ["metrics.a DESC ASC"],
    [""],
    ["start_time, end_time"],
    ["dataset.name"],
    ["x.y"],
  ])
    await expect(search("", orderBy)).rejects.toMatchObject({ code: "INVALID" });
  await expect(search("", ["metrics.a", "metric.`a` DESC"])).rejects.toThrow("duplicate fields");
  for (const maxResults of [0, -1, 50_001, 1.5])
    await expect(tracking.searchRuns({ experimentIds: ["0"], maxResults })).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("a token is good for its own query only", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1) });
  for (let i = 0; i < 3; i++) await tracking.createRun({ experimentId: "0" });
  const { nextPageToken: pageToken } = await tracking.searchRuns({ experimentIds: ["0"], maxResults: 1 });
  const next = (more: object) =>
    tracking.searchRuns({ experimentIds: ["0"], maxResults: 1, pageToken: pageToken!, ...more });
  expect((await next({})).items.length).toBe(1);
  const [first, second] = (await tracking.searchRuns({ experimentIds: ["0"] })).items;
  const filter = `attributes.run_id IN ('${first!.runId}', '${second!.runId}', 'none')`;
  expect((await tracking.searchRuns({ experimentIds: ["0"], filter })).items.length).toBe(2);
  for (const other of [
    { filter: "status = 'RUNNING'" },
    { orderBy: ["end_time"] },
    { experimentIds: ["1"] },
    { pageToken: "x" },
  ])
    await expect(next(other)).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("experiments are searched by name, time and tags", async () => {
  const db = await open();
  const clock = new ManualClock(10);
  const tracking = createTracking({ db, clock });
  for (const name of ["alpha", "Alpine", "beta", "gone"]) {
    clock.advance(10);
    await tracking.createExperiment({ name, tags: name === "beta" ? [] : [{ key: "team", value: name }] });
  }
  await tracking.deleteExperiment("4");
  const names = async (query: Parameters<Tracking["searchExperiments"]>[0]) =>
    (await tracking.searchExperiments(query)).items.map((e) => e.name);
  expect(await names({})).toEqual(["beta", "Alpine", "alpha", "Default"]);
  expect(await names({ filter: "name LIKE 'A%'" })).toEqual(["Alpine"]);
  expect(await names({ filter: "name ILIKE 'a%'", orderBy: ["name ASC"] })).toEqual(["Alpine", "alpha"]);
  expect(await names({ filter: "tags.team != 'alpha'" })).toEqual(["Alpine"]);
  expect(await names({ filter: "attribute.creation_time >= 30", orderBy: ["experiment_id DESC"] })).toEqual([
    "beta",
    "Alpine",
  ]);
  expect(await names({ filter: "experiment_id IN ('1', '3') AND tags.team IS NULL" })).toEqual(["beta"]);
  expect(await names({ filter: "tags.team IS NOT NULL" })).toEqual(["Alpine", "alpha"]);
  expect(await names({ lifecycle: "deleted" })).toEqual(["gone"]);
  expect((await names({ lifecycle: "all" })).length).toBe(5);
  const paged: string[] = [];
  let pageToken: string | undefined;
  do {
    const page = await tracking.searchExperiments({ maxResults: 1, ...(pageToken ? { pageToken } : {}) });
    paged.push(...page.items.map((e) => e.name));
    pageToken = page.nextPageToken;
  } while (pageToken);
  expect(paged).toEqual(["beta", "Alpine", "alpha", "Default"]);
  await db.close();
});
