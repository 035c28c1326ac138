/** The rules that hold for every call, asserted on the wire. The real clients judge the rest in test/mlflow. */

import { afterAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { isMlflowPath } from "../../../src/server/mlflow/app.ts";
import { mlflowPage } from "../../../src/server/mlflow/docs.ts";
import { ROUTE_GROUPS } from "../../../src/server/mlflow/table.ts";
import { startMlflow } from "./start.ts";

const server = await startMlflow();
const { post, get, call } = server;
interface RunAnswer {
  run: { info: { run_id: string; run_uuid: string }; data: { metrics: unknown } };
}
const { run_id: runId } = (await post<RunAnswer>("runs/create", { experiment_id: "0", start_time: 5 })).body.run.info;
afterAll(() => server.stop());

const invalid = (message: string) => ({ status: 400, body: { error_code: "INVALID_PARAMETER_VALUE", message } });
const SEE = "See the API docs for more information about request parameters.";

test("a missing field is named, nested ones with their place", async () => {
  expect(await post("runs/log-metric", { key: "m", value: 1, timestamp: 1 })).toEqual(
    invalid(`Missing value for required parameter 'run_id'. ${SEE}`),
  );
  expect(await post("runs/log-batch", { run_id: runId, metrics: [{ key: "m", value: 1 }] })).toEqual(
    invalid(`Missing value for required parameter 'metrics[0].timestamp'. ${SEE}`),
  );
  expect(await get("experiments/get-by-name?experiment_name=")).toEqual(
    invalid(`Missing value for required parameter 'experiment_name'. ${SEE}`),
  );
});

test("a wrong type is named with its value and Python's word for it", async () => {
  expect(await post("runs/set-tag", { run_id: 31, key: "k" })).toEqual(
    invalid(`Invalid value 31 for parameter 'run_id' supplied:  Hint: Value was of type 'int'. ${SEE}`),
  );
  expect(await post("experiments/search", { max_results: 1, order_by: "name" })).toEqual(
    invalid(`Invalid value "name" for parameter 'order_by' supplied:  Hint: Value was of type 'str'. ${SEE}`),
  );
  for (const [value, type] of [
    [1.5, "float"],
    [true, "bool"],
    [[1], "list"],
    [{}, "dict"],
  ] as const)
    expect(
      (await post<{ message: string }>("runs/log-parameter", { run_id: runId, key: value })).body.message,
    ).toContain(`type '${type}'`);
});

test("numbers may come as text, NaN and infinities come and go as text", async () => {
  const log = (key: string, value: unknown, step: unknown = 0) =>
    post("runs/log-metric", { run_id: runId, key, value, timestamp: "1", step });
  for (const [key, value, step] of [
    ["nan", "NaN", "-3"],
    ["inf", "Infinity", 0],
    ["text", "0.5", 0],
  ] as const)
    expect(await log(key, value, step)).toEqual({ status: 200, body: {} });
  const { metrics } = (await get<RunAnswer>(`runs/get?run_id=${runId}`)).body.run.data;
  expect(metrics).toEqual([
    { key: "inf", value: Number.MAX_VALUE, timestamp: 1, step: 0 },
    { key: "nan", value: "NaN", timestamp: 1, step: -3 },
    { key: "text", value: 0.5, timestamp: 1, step: 0 },
  ]);
  for (const value of ["half", "", null, "1e", [], true]) expect((await log("bad", value)).status).toBe(400);
});

test("run_uuid, camel case, null and unknown fields are understood", async () => {
  expect((await post("runs/set-tag", { run_uuid: runId, key: "a", value: "b" })).status).toBe(200);
  expect((await post("runs/set-tag", { runId, key: "c", value: null, whatever: [1] })).status).toBe(200);
  expect((await get<RunAnswer>(`runs/get?run_uuid=${runId}`)).body.run.info.run_uuid).toBe(runId);
});

test("JSON encoded twice is decoded twice, what is no object counts as empty", async () => {
  const once = JSON.stringify({ run_id: runId, key: "twice", value: "x" });
  expect((await post("runs/set-tag", JSON.stringify(once))).status).toBe(200);
  for (const body of ["{", "", "[]", "5", "null", '"{"'])
    expect(await post("runs/set-tag", body)).toEqual(invalid(`Missing value for required parameter 'run_id'. ${SEE}`));
});

test("only POST and PUT must say that they send JSON", async () => {
  const send = (method: string, path: string, type: string | undefined, body: object) =>
    fetch(`${server.url}/api/2.0/mlflow/${path}`, {
      method,
      body: JSON.stringify(body),
      headers: type === undefined ? {} : { "Content-Type": type },
    });
  const tag = { run_id: runId, key: "typed", value: "x" };
  expect((await send("POST", "runs/set-tag", "application/json; charset=utf-8", tag)).status).toBe(200);
  expect((await send("POST", "runs/set-tag", "text/plain", tag)).status).toBe(400);
  await server.registry.ensureModel("untyped");
  expect((await send("DELETE", "registered-models/delete", undefined, { name: "untyped" })).status).toBe(200);
});

test("extra slashes and the browsers' prefix are tolerated", async () => {
  for (const path of [`//api/2.0/mlflow/runs/get`, "/api//2.0/mlflow//runs/get", "/ajax-api/2.0/mlflow/runs/get"])
    expect((await call("GET", `${path}?run_id=${runId}`)).status).toBe(200);
});

test("unknown routes say ENDPOINT_NOT_FOUND, wrong methods 405, unknown things 404", async () => {
  expect((await post("gateway/nothing", {})).body).toMatchObject({ error_code: "ENDPOINT_NOT_FOUND" });
  expect((await call("POST", "/api/3.0/mlflow/datasets/create", {})).body).toMatchObject({
    error_code: "ENDPOINT_NOT_FOUND",
  });
  expect((await call("PUT", "/api/2.0/mlflow/runs/create", {})).status).toBe(405);
  expect(await get(`runs/get?run_id=${"0".repeat(32)}`)).toEqual({
    status: 404,
    body: { error_code: "RESOURCE_DOES_NOT_EXIST", message: `Run with id=${"0".repeat(32)} not found` },
  });
  expect((await post("registered-models/create", { name: "m" })).status).toBe(200);
  expect((await post("registered-models/create", { name: "m" })).body).toEqual({
    error_code: "RESOURCE_ALREADY_EXISTS",
    message: "Registered Model (name=m) already exists.",
  });
  expect((await get("registered-models/alias?name=m&alias=none")).status).toBe(400);
});

test("no expected failure has a status that clients retry", async () => {
  const bad: [string, unknown][] = [
    ["runs/log-metric", { run_id: "absent", key: "m", value: 1, timestamp: 1 }],
    ["runs/search", { experiment_ids: ["0"], filter: "metrics.a >" }],
    ["runs/search", { experiment_ids: ["0"], page_token: "no token" }],
    ["runs/search", { experiment_ids: ["x"] }],
    ["runs/log-batch", { run_id: runId, metrics: [{ key: "..", value: 1, timestamp: 1 }] }],
    ["runs/log-batch", { run_id: runId, metrics: [5] }],
    ["experiments/create", { name: "Default" }],
    ["experiments/create", { name: "e", artifact_location: "runs:/x" }],
    ["model-versions/create", { name: "m", source: "/etc/passwd" }],
    ["model-versions/create", { name: "m", source: "mlflow-artifacts:/%2e%2e/x" }],
    ["logged-models/search", { experiment_ids: ["0"], filter: "nothing = 'x'" }],
  ];
  for (const [path, body] of bad) {
    const { status } = await post(path, body);
    expect({ path, body, status, expected: status === 400 || status === 404 }).toMatchObject({ expected: true });
  }
});

test("lists in a query string are lists, also with one item", async () => {
  for (const query of ["order_by=name%20DESC", "order_by=name&order_by=timestamp"])
    expect((await get(`registered-models/search?${query}`)).status).toBe(200);
});

test("a call that the protocol does not know leaves nothing behind", () => {
  expect(readdirSync(server.folder).sort()).toEqual(["t.db", "t.db-shm", "t.db-wal"]);
});

test("no two routes answer the same call, and each says what it does", () => {
  const all = ROUTE_GROUPS.flatMap((group) =>
    group.routes.flatMap((route) =>
      route.methods.map((method) => `${method} ${group.below} ${route.version} ${route.path}`),
    ),
  );
  expect(new Set(all).size).toBe(all.length);
  for (const route of ROUTE_GROUPS.flatMap((group) => group.routes)) expect(route.says).toMatch(/^[A-Z].*\.$/);
  expect(mlflowPage()).toContain("`/api/2.0/mlflow/runs/log-metric`");
});

test("its paths are told from others", () => {
  for (const path of [
    "/api/2.0/mlflow/runs/get",
    "//ajax-api/3.0/mlflow/traces",
    "/get-artifact",
    "/version",
    "/health",
  ])
    expect(isMlflowPath(path)).toBe(true);
  for (const path of ["/", "/api/v1/runs", "/metrics", "/api/2.0/mlflowx", "/versions"])
    expect(isMlflowPath(path)).toBe(false);
});

test("a workspace in the header must be one that can be; none and default are no workspace", async () => {
  const server = await startMlflow();
  const search = (workspace: string) =>
    fetch(`${server.url}/api/2.0/mlflow/experiments/search?max_results=5`, {
      headers: { "X-MLFLOW-WORKSPACE": workspace },
    });
  await server.tracking.createExperiment({ name: "team-a/x" });
  const names = async (workspace: string) =>
    ((await (await search(workspace)).json()) as { experiments?: { name: string }[] }).experiments?.map((e) => e.name);
  expect(await names("team-a")).toEqual(["x"]);
  expect(await names(" default ")).toEqual(["Default"]);
  expect(await names("")).toEqual(["team-a/x", "Default"]);
  expect(await names("nobody")).toBeUndefined();
  for (const wrong of ["a", "../x", "Team-A", "team_a", "%"]) {
    const refused = await search(wrong);
    expect([refused.status, await refused.json()]).toMatchObject([400, { error_code: "INVALID_PARAMETER_VALUE" }]);
  }
  await server.stop();
});
