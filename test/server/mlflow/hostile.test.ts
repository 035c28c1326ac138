/**
 * What nobody should send: any value in any field of any call, over each engine. The answer is a refusal in the protocol's
 * words, never a breakdown: clients would try again for minutes what can never go well.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Route } from "../../../src/server/mlflow/route.ts";
import { ROUTE_GROUPS } from "../../../src/server/mlflow/table.ts";
import { ENGINES } from "../../engines.ts";
import { startMlflow } from "./start.ts";

const TRICKY = [
  ...[
    "",
    "0",
    "-1",
    "NaN",
    "1e400",
    "18446744073709551616",
    "\u0000",
    "a\u0000b",
    "\ud800",
    "%",
    "%00",
    "'",
    "`",
    "\\",
    "..",
    "a b",
  ],
  ...[
    "../../x",
    "models:/",
    "models:/x/1",
    "runs:/",
    "runs:/x/y",
    "mlflow-artifacts:/%2e%2e/x",
    "s3://b/x",
    "x".repeat(9000),
  ],
  ...[
    "metrics.a > 1",
    "tags.`a` = 'x'",
    "name LIKE '%'",
    "a =",
    "2020-01-01T00:00:00Z",
    "-1.5s",
    "OK",
    "READY",
    "eyJ9",
  ],
];
const NAMES = [
  "key",
  "value",
  "timestamp",
  "step",
  "name",
  "digest",
  "source",
  "source_type",
  "dataset",
  "tags",
  "model_id",
];
const MORE = [
  "part_number",
  "etag",
  "trace_info",
  "trace_id",
  "request_time",
  "mlflow_experiment",
  "experiment_id",
  "field_name",
];
const leaf = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TRICKY) },
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e300,
    2 ** 53,
    2 ** 62,
    2 ** 63,
    -(2 ** 63),
    [],
    {},
    [[]],
    [null],
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const nested = fc.dictionary(fc.constantFrom(...NAMES, ...MORE), leaf, { maxKeys: 6 });
const anything = fc.oneof({ weight: 3, arbitrary: leaf }, nested, fc.array(fc.oneof(nested, leaf), { maxLength: 3 }));

/** Good values for the fields that most calls need, so that what is wrong is reached. */
async function known({ tracking, registry }: Awaited<ReturnType<typeof startMlflow>>) {
  const { runId } = await tracking.createRun({ experimentId: "0" });
  const { modelId } = await tracking.createLoggedModel({ experimentId: "0", name: "lm" });
  await registry.ensureModel("m");
  await registry.createVersion("m", { source: `runs:/${runId}/m` });
  await tracking.putTrace({ traceId: "tr-1", experimentId: "0", requestMs: 1, state: "OK", tags: [], metadata: [] });
  const location = { mlflow_experiment: { experiment_id: "0" } };
  const info = { trace_id: "tr-1", trace_location: location, request_time: "2020-01-01T00:00:00Z", state: "OK" };
  const owners = {
    run_id: runId,
    run_ids: [runId],
    model_id: modelId,
    experiment_id: "0",
    experiment_ids: ["0"],
    name: "m",
  };
  const traces = { trace_ids: ["tr-1"], request_ids: ["tr-1"], locations: [location], trace: { trace_info: info } };
  const values = {
    version: "1",
    key: "k",
    metric_key: "k",
    alias: "a",
    stage: "Staging",
    path: "a/b",
    new_name: "n",
    experiment_name: "Default",
  };
  const numbers = {
    timestamp: 1,
    timestamp_ms: 1,
    value: 1,
    max_results: 5,
    num_parts: 2,
    status: 1,
    source: "s3://b/x",
  };
  const lists = {
    metrics: [{ key: "a", value: 1, timestamp: 1 }],
    params: [{ key: "a", value: "b" }],
    tags: [{ key: "a", value: "b" }],
  };
  const rest = {
    parts: [{ part_number: 1, etag: "x" }],
    upload_id: "0".repeat(32),
    artifact_file_path: "f",
    assessment: { a: 1 },
  };
  const params = { model_id: modelId, trace_id: "tr-1", request_id: "tr-1" };
  return {
    fields: { ...owners, ...traces, ...values, ...numbers, ...lists, ...rest } as Record<string, unknown>,
    params,
  };
}

/** The call as it should be, but for up to three fields. */
function bodyOf(route: Route, fields: Record<string, unknown>) {
  const names = Object.keys(route.fields);
  const good = Object.fromEntries(names.filter((name) => name in fields).map((name) => [name, fields[name]]));
  if (names.length === 0) return fc.constant(good);
  return fc.dictionary(fc.constantFrom(...names), anything, { maxKeys: 3 }).map((wrong) => ({ ...good, ...wrong }));
}

const asText = (value: unknown): string => (typeof value === "string" ? value.toWellFormed() : JSON.stringify(value));

const queryOf = (body: object): URLSearchParams =>
  new URLSearchParams(
    Object.entries(body).flatMap(([name, value]) =>
      [value].flat().map((one: unknown): [string, string] => [name, asText(one)]),
    ),
  );

/** Calls that take things away come last. */
const routes = ROUTE_GROUPS.flatMap((group) => group.routes.map((route) => ({ route, below: group.below }))).sort(
  (a, b) =>
    Number(/delete/i.test(a.route.path + a.route.methods)) - Number(/delete/i.test(b.route.path + b.route.methods)),
);

for (const engine of ENGINES)
  describe(engine.name, () => {
    let server: Awaited<ReturnType<typeof startMlflow>>;
    beforeAll(async () => {
      server = await startMlflow({ db: await engine.open() });
    });
    afterAll(() => server.stop());

    test("any value in any field is answered, never with a breakdown", async () => {
      const { fields, params } = await known(server);
      const statuses = new Map<number, number>();
      for (const { route, below } of routes)
        await fc.assert(
          fc.asyncProperty(
            bodyOf(route, fields),
            fc.constantFrom(...route.methods),
            leaf,
            async (body, method, part) => {
              const fill = (_: string, name: string) =>
                encodeURIComponent((params as Record<string, string>)[name] ?? asText(part).slice(0, 300));
              const path =
                (below === "api" ? `/api/${route.version}.0` : "") + route.path.replace(/\{(\w+)(?:\.\.\.)?\}/g, fill);
              const url = `${server.url}${path}`;
              const json = { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
              const answer =
                method === "GET" ? await fetch(`${url}?${queryOf(body)}`) : await fetch(url, { method, ...json });
              const said = await answer.text();
              statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
              // 501: what is kept elsewhere. 431: a query that no URL can hold.
              if (answer.status >= 500 && answer.status !== 501) throw new Error(`${answer.status} ${said}`);
              if (answer.status >= 400 && answer.status !== 431) expect(JSON.parse(said)).toHaveProperty("error_code");
            },
          ),
          { numRuns: 60 },
        );
      // Enough of it is right for the rest to be reached.
      expect(statuses.get(200)).toBeGreaterThan(500);
      expect(statuses.get(400)).toBeGreaterThan(500);
    }, 300_000);
  });
