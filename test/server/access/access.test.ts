/** Tokens and roles, on the wire. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { listEvents } from "../../../src/db/events.ts";
import type { Grant, Role } from "../../../src/server/access/access.ts";
import { neededRole } from "../../../src/server/access/guard.ts";
import { ROUTE_GROUPS } from "../../../src/server/mlflow/table.ts";
import { startMlflow } from "../mlflow/start.ts";

const BY = { actor: "test" };

async function setUp() {
  const server = await startMlflow({ guarded: true });
  const make = (name: string, role: Role, grants: Grant[] = []) =>
    server.access.createToken({ name, role, grants }, BY);
  const as = (token: string) => async (method: string, path: string, body?: unknown) => {
    const prefix = path.startsWith("/") ? "" : "/api/2.0/mlflow/";
    const response = await fetch(`${server.url}${prefix}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(typeof body === "object" ? { "Content-Type": "application/json" } : {}),
      },
      ...(body === undefined ? {} : { body: typeof body === "object" ? JSON.stringify(body) : String(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, unknown> };
  };
  return { server, make, as };
}

test("open until the first token, closed to all others from then on", async () => {
  const { server, make, as } = await setUp();
  expect((await server.get("experiments/get?experiment_id=0")).status).toBe(200);
  const { token, id } = await make("ann", "admin");
  expect(token).toMatch(/^trimtab_[0-9a-f]{12}_[0-9a-f]{64}$/);
  const refused = await fetch(`${server.url}/api/2.0/mlflow/experiments/get?experiment_id=0`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe('Basic realm="mlflow"');
  for (const path of ["/health", "/version", "/api/3.0/mlflow/server-info"])
    expect((await fetch(server.url + path)).status).toBe(200);
  expect((await as(token)("GET", "experiments/get?experiment_id=0")).status).toBe(200);
  const basic = (user: string, password: string) =>
    fetch(`${server.url}/api/2.0/mlflow/experiments/get?experiment_id=0`, {
      headers: { Authorization: `Basic ${btoa(`${user}:${password}`)}` },
    });
  expect((await basic("ann", token)).status).toBe(200);
  expect((await basic("bob", token)).status).toBe(401);
  expect((await basic("ann", "wrong")).status).toBe(401);
  for (const wrong of ["", "x", `trimtab_${id}_${"0".repeat(64)}`, token.slice(0, -1), `${token}0`])
    expect((await as(wrong)("GET", "experiments/get?experiment_id=0")).status).toBe(401);
  await server.stop();
});

test("a token that is revoked or has expired opens nothing, at once", async () => {
  const { server, make, as } = await setUp();
  const first = await make("ann", "admin");
  const second = await server.access.createToken({ name: "ann", expiresMs: server.clock.nowMs() + 1000 }, BY);
  const ask = async (token: string) => (await as(token)("GET", "experiments/get?experiment_id=0")).status;
  expect([await ask(first.token), await ask(second.token)]).toEqual([200, 200]);
  server.clock.advance(1000);
  expect(await ask(second.token)).toBe(401);
  await server.access.revokeToken(first.id, BY);
  expect(await ask(first.token)).toBe(401);
  await expect(server.access.revokeToken(first.id, BY)).rejects.toMatchObject({ code: "NOT_FOUND" });
  const listed = await server.access.listTokens();
  expect(listed.map((one) => [one.id, one.role, one.revokedMs !== undefined])).toEqual([
    [first.id, "admin", true],
    [second.id, "admin", false],
  ]);
  expect(JSON.stringify(listed)).not.toContain(first.token.slice(-64));
  const events = await listEvents(server.db, { subject: "token" });
  expect(events.map((event) => event.kind)).toEqual(["token.created", "token.created", "token.revoked"]);
  expect(JSON.stringify(events)).not.toContain(first.token.slice(-64));
  await server.stop();
});

test("a list of tokens says what each may do in single places, experiments by their names", async () => {
  const { server, make } = await setUp();
  const experimentId = await server.tracking.createExperiment({ name: "flights" });
  const role = "editor" as const;
  await make("ann", "none", [
    { kind: "experiment", subject: experimentId, role },
    { kind: "model", subject: "m", role },
  ]);
  const [listed] = await server.access.listTokens();
  expect(listed!.grants).toEqual([
    { kind: "experiment", subject: experimentId, role, place: "flights" },
    { kind: "model", subject: "m", role, place: "m" },
  ]);
  await server.stop();
});

test("a token that is revoked in the middle of an upload, or of a connection, ends it", async () => {
  const { server, make, as } = await setUp();
  await make("root", "admin");
  const { token, id } = await make("ann", "editor");
  const ask = as(token);
  const path = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/f";
  const create = { path: "big", num_parts: 2 };
  const begun = await ask("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/r/artifacts", create);
  const { upload_id, credentials } = begun.body as {
    upload_id: string;
    credentials: { url: string; headers: Record<string, string> }[];
  };
  // The real client sends parts with the headers it was given and no others.
  const part = ({ url, headers }: { url: string; headers: Record<string, string> }) =>
    fetch(url, { method: "PUT", headers, body: "x" });
  expect((await part(credentials[0]!)).status).toBe(200);
  expect((await part({ url: credentials[0]!.url, headers: {} })).status).toBe(401);
  expect((await ask("PUT", path, "before")).status).toBe(200);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(new Uint8Array(1 << 16));
      await Bun.sleep(20);
      await server.access.revokeToken(id, BY);
      controller.enqueue(new Uint8Array(1 << 16));
      controller.close();
    },
  });
  const cut = await fetch(server.url + path, { method: "PUT", headers: { Authorization: `Bearer ${token}` }, body });
  expect(cut.status).toBe(401);
  expect(await server.artifacts.size("0/r/artifacts/f")).toBe("before".length);
  expect((await part(credentials[1]!)).status).toBe(401);
  const parts = [1, 2].map((number) => ({ part_number: number, etag: "x" }));
  const complete = { path: "big", upload_id, parts };
  expect((await ask("POST", "/api/2.0/mlflow-artifacts/mpu/complete/0/r/artifacts", complete)).status).toBe(401);
  expect(readdirSync(join(server.folder, "artifacts", ".staging"))).toEqual([]);
  await server.stop();
});

test("a viewer reads, an editor writes, an admin deletes experiments and models", async () => {
  const { server, make, as } = await setUp();
  const { runId } = await server.tracking.createRun({ experimentId: "0" });
  await server.registry.ensureModel("m");
  const tokens = {
    viewer: await make("v", "viewer"),
    editor: await make("e", "editor"),
    admin: await make("a", "admin"),
  };
  const calls: [string, string, object | string | undefined, Role][] = [
    ["GET", `runs/get?run_id=${runId}`, undefined, "viewer"],
    ["POST", "runs/search", { experiment_ids: ["0"] }, "viewer"],
    ["GET", "registered-models/search", undefined, "viewer"],
    ["POST", "runs/create", { experiment_id: "0" }, "editor"],
    ["POST", "runs/log-metric", { run_id: runId, key: "k", value: 1, timestamp: 1 }, "editor"],
    ["PUT", `/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/f`, "x", "editor"],
    ["GET", `/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/f`, undefined, "viewer"],
    ["POST", "registered-models/set-tag", { name: "m", key: "k", value: "v" }, "editor"],
    ["POST", "experiments/create", { name: `made by ` }, "editor"],
    ["DELETE", "registered-models/delete", { name: "m" }, "admin"],
    ["POST", "experiments/delete", { experiment_id: "0" }, "admin"],
  ];
  for (const [method, path, body, needed] of calls)
    for (const role of ["viewer", "editor", "admin"] as const) {
      const sent = path === "experiments/create" ? { name: `made by ${role}` } : body;
      const { status, body: said } = await as(tokens[role].token)(method, path, sent);
      const allowed = { viewer: 1, editor: 2, admin: 3, none: 0 };
      const expected = allowed[role] >= allowed[needed] ? 200 : 403;
      expect({ method, path, role, status }).toEqual({ method, path, role, status: expected });
      if (expected === 403) expect(said.error_code).toBe("PERMISSION_DENIED");
    }
  await server.stop();
});

test("who has a role in some places sees and touches only those", async () => {
  const { server, make, as } = await setUp();
  const mine = await server.tracking.createExperiment({ name: "mine" });
  const other = await server.tracking.createExperiment({ name: "other" });
  const [own, foreign] = [
    (await server.tracking.createRun({ experimentId: mine })).runId,
    (await server.tracking.createRun({ experimentId: other })).runId,
  ];
  const foreignModel = (await server.tracking.createLoggedModel({ experimentId: other })).modelId;
  await server.tracking.putTrace({
    traceId: "tr-x",
    experimentId: other,
    requestMs: 1,
    state: "OK",
    tags: [],
    metadata: [],
  });
  for (const name of ["my model", "their model"]) {
    await server.registry.ensureModel(name);
    await server.registry.createVersion(name, { source: "s3://b/x" });
  }
  await make("root", "admin");
  const { token } = await make("ann", "none", [
    { kind: "experiment", subject: mine, role: "editor" },
    { kind: "model", subject: "my model", role: "viewer" },
  ]);
  const ask = as(token);
  const statuses: [string, string, object | string | undefined, number][] = [
    ["GET", `runs/get?run_id=${own}`, undefined, 200],
    ["GET", `runs/get?run_id=${foreign}`, undefined, 403],
    ["GET", `runs/get?run_id=${"0".repeat(32)}`, undefined, 403],
    ["GET", `runs/get?run_uuid=${foreign}`, undefined, 403],
    ["POST", "runs/set-tag", { run_id: own, key: "k", value: "v" }, 200],
    ["POST", "runs/set-tag", { run_uuid: foreign, key: "k", value: "v" }, 403],
    ["POST", "runs/create", { experiment_id: other }, 403],
    ["POST", "runs/create", {}, 403],
    ["POST", "runs/create", { experiment_id: mine }, 200],
    ["GET", `experiments/get-by-name?experiment_name=mine`, undefined, 200],
    ["GET", `experiments/get-by-name?experiment_name=other`, undefined, 403],
    ["GET", `metrics/get-history?run_id=${foreign}&metric_key=m`, undefined, 403],
    ["GET", `metrics/get-history-bulk?run_id=${own}&run_id=${foreign}&metric_key=m`, undefined, 403],
    ["GET", `logged-models/${foreignModel}`, undefined, 403],
    ["POST", "logged-models", { experiment_id: other, name: "x" }, 403],
    ["GET", "/api/3.0/mlflow/traces/tr-x", undefined, 403],
    ["POST", "experiments/delete", { experiment_id: mine }, 403],
    ["POST", "experiments/create", { name: "new" }, 403],
    ["PUT", `/api/2.0/mlflow-artifacts/artifacts/${mine}/${own}/artifacts/f`, "x", 200],
    ["PUT", `/api/2.0/mlflow-artifacts/artifacts/${other}/${foreign}/artifacts/f`, "x", 403],
    ["GET", `/api/2.0/mlflow-artifacts/artifacts/${mine}/..%2f${other}/f`, undefined, 400],
    ["GET", "/api/2.0/mlflow-artifacts/artifacts?path=", undefined, 403],
    ["GET", `/api/2.0/mlflow-artifacts/artifacts?path=${mine}`, undefined, 200],
    ["GET", `/get-artifact?run_id=${foreign}&path=f`, undefined, 403],
    ["POST", `/api/2.0/mlflow/upload-artifact?run_uuid=${foreign}&path=f`, "x", 403],
    ["GET", "registered-models/get?name=my%20model", undefined, 200],
    ["GET", "registered-models/get?name=their%20model", undefined, 403],
    ["GET", "model-versions/get-download-uri?name=their%20model&version=1", undefined, 403],
    ["POST", "model-versions/create", { name: "my model", source: "s3://b/y" }, 403],
    ["POST", "registered-models/rename", { name: "my model", new_name: "their model" }, 403],
  ];
  for (const [method, path, body, expected] of statuses) {
    const { status } = await ask(method, path, body);
    expect({ method, path, status }).toEqual({ method, path, status: expected });
  }
  const names = (list: unknown) => (list as { name: string }[] | undefined)?.map((one) => one.name);
  expect(names((await ask("POST", "experiments/search", { max_results: 10 })).body.experiments)).toEqual(["mine"]);
  expect(names((await ask("GET", "registered-models/search")).body.registered_models)).toEqual(["my model"]);
  expect(names((await ask("GET", "model-versions/search")).body.model_versions)).toEqual(["my model"]);
  const { runs } = (await ask("POST", "runs/search", { experiment_ids: [mine, other] })).body;
  expect((runs as unknown[]).length).toBe(2);
  await server.stop();
});

test("a version opens nothing that its registrant may not read", async () => {
  const { server, make, as } = await setUp();
  const experimentId = await server.tracking.createExperiment({ name: "secret" });
  const { runId } = await server.tracking.createRun({ experimentId });
  const { modelId } = await server.tracking.createLoggedModel({ experimentId });
  for (const name of ["own", "read", "hidden"]) await server.registry.ensureModel(name);
  for (const name of ["read", "hidden"]) await server.registry.createVersion(name, { source: "s3://b/x" });
  await make("root", "admin");
  const eve = await make("eve", "none", [
    { kind: "model", subject: "own", role: "editor" },
    { kind: "model", subject: "read", role: "viewer" },
  ]);
  const ask = as(eve.token);
  for (const [source, expected] of [
    ["s3://b/x", 200],
    ["models:/read/1", 200],
    ["models:/hidden/1", 403],
    ["models:/%68idden/1", 403],
    ["models://hidden/1/", 403],
    ["models:/hidden@champion", 403],
    [`models:/${modelId}`, 403],
    [`runs:/${runId}/model`, 403],
    [`runs://${runId}/model`, 403],
  ] as const) {
    const { status } = await ask("POST", "model-versions/create", { name: "own", source });
    expect({ source, status }).toEqual({ source, status: expected });
  }
  await server.stop();
});

test("spans are taken from who may write to their experiment", async () => {
  const { server, make } = await setUp();
  const other = await server.tracking.createExperiment({ name: "other" });
  const { token } = await make("ann", "none", [{ kind: "experiment", subject: "0", role: "editor" }]);
  const span = { traceId: "1".repeat(32), spanId: "2".repeat(16), name: "x", startTimeUnixNano: "1" };
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const send = (experiment: string, headers: Record<string, string>) =>
    fetch(`${server.url}/v1/traces`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json", "x-mlflow-experiment-id": experiment, ...headers },
    });
  const mine = { Authorization: `Bearer ${token}` };
  expect((await send("0", {})).status).toBe(401);
  expect((await send(other, mine)).status).toBe(403);
  expect((await send("0", mine)).status).toBe(200);
  for (const path of ["get?trace_id", "batchGet?trace_ids"]) {
    const url = `${server.url}/api/3.0/mlflow/traces/${path}=tr-${span.traceId}`;
    expect((await fetch(url, { headers: mine })).status).toBe(200);
  }
  await server.stop();
});

test("what is done is noted with who did it", async () => {
  const { server, make, as } = await setUp();
  const { token } = await make("ann", "editor");
  await as(token)("POST", "registered-models/create", { name: "m" });
  expect((await listEvents(server.db, { subject: "model/m" })).map((event) => event.actor)).toEqual(["ann"]);
  await server.stop();
});

test("every call needs a role that fits what it does", () => {
  const roles = new Map(
    ROUTE_GROUPS.flatMap((group) => group.routes).map((route) => [
      `${route.methods.join("|")} ${route.path}`,
      neededRole(route),
    ]),
  );
  for (const [call, role] of roles) {
    const [method = "", path = ""] = call.split(" ");
    if (role === "viewer") expect(method === "GET" || /search|get-latest-versions|batchGetInfos/.test(path)).toBe(true);
    if (/\/(create|update|delete|log-|set-|restore)/.test(path)) expect(role).not.toBe("viewer");
  }
});

test("names of owners and roles are checked", async () => {
  const { server, make } = await setUp();
  for (const name of ["", "a b", "a:b", "x".repeat(101)])
    await expect(make(name, "viewer")).rejects.toMatchObject({ code: "INVALID" });
  await server.stop();
});

test("a role in a project holds for the experiments that are in it, and for making and moving them there", async () => {
  const { server, make, as } = await setUp();
  await make("root", "admin");
  const outside = await server.tracking.createExperiment({ name: "outside" });
  const inside = await server.tracking.createExperiment({ name: "team-a/inside" });
  const other = await server.tracking.createExperiment({ name: "team-b/other" });
  const eve = as((await make("eve", "none", [{ kind: "project", subject: "team-a", role: "editor" }])).token);
  const status = async (...call: Parameters<typeof eve>) => (await eve(...call)).status;
  const created = (name: string) => status("POST", "experiments/create", { name });
  const renamed = (experiment_id: string, new_name: string) =>
    status("POST", "experiments/update", { experiment_id, new_name });
  expect(await status("GET", `experiments/get?experiment_id=${inside}`)).toBe(200);
  expect(await status("GET", `experiments/get?experiment_id=${other}`)).toBe(403);
  expect(await status("POST", "runs/create", { experiment_id: inside })).toBe(200);
  expect(await status("POST", "runs/create", { experiment_id: outside })).toBe(403);
  expect([await created("team-a/new"), await created("team-b/new"), await created("new")]).toEqual([200, 403, 403]);
  expect(await renamed(inside, "team-a/renamed")).toBe(200);
  expect(await renamed(inside, "team-b/taken-along")).toBe(403);
  expect(await renamed(inside, "taken-out")).toBe(403);
  expect(await renamed(other, "team-a/stolen")).toBe(403);
  const list = await eve("POST", "experiments/search", { max_results: 10 });
  expect((list.body.experiments as { name: string }[]).map((one) => one.name).sort()).toEqual([
    "team-a/new",
    "team-a/renamed",
  ]);
  expect((await eve("GET", "/api/3.0/mlflow/workspaces")).body).toEqual({ workspaces: [{ name: "team-a" }] });
  expect(await status("GET", "/api/3.0/mlflow/workspaces/team-b")).toBe(403);
  expect(await status("POST", "/api/3.0/mlflow/workspaces", { name: "team-d" })).toBe(403);
  await server.tracking.renameExperiment(outside, "team-a/joined");
  expect(await status("GET", `experiments/get?experiment_id=${outside}`)).toBe(200);
  await server.stop();
});

test("what a call names in passing counts too: nothing of others is read, written or taken over by a detour", async () => {
  const { server, make, as } = await setUp();
  const { tracking, registry } = server;
  const [mine, other] = [
    await tracking.createExperiment({ name: "mine" }),
    await tracking.createExperiment({ name: "other" }),
  ];
  const run = (await tracking.createRun({ experimentId: mine })).runId;
  const theirs = (await tracking.createRun({ experimentId: other })).runId;
  const logged = (await tracking.createLoggedModel({ experimentId: other, name: "lm" })).modelId;
  const trace = { traceId: "tr-1", experimentId: other, requestMs: 1, state: "OK" as const };
  await tracking.putTrace({ ...trace, tags: [], metadata: [], assessments: [] });
  for (const name of ["m", "secret"]) await registry.createModel({ name });
  await registry.createVersion("secret", { source: `runs:/${theirs}/model` });
  await registry.setAlias("secret", "best", 1);
  const grants: Grant[] = [
    { kind: "experiment", subject: mine, role: "editor" },
    { kind: "model", subject: "m", role: "editor" },
  ];
  const { token } = await make("eve", "none", grants);
  const eve = as(token);
  const point = { key: "k", value: 1, timestamp: 1, step: 0 };
  const info = {
    trace_id: "tr-1",
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: mine } },
    request_time: "2024-01-01T00:00:00Z",
    state: "OK",
  };
  const sources = [`runs:/${theirs}/model`, `models:/${logged}`, "models:/secret/1", "models:/secret@best"];
  sources.push("models:/secr%2565t/1", `models://${logged}/`);
  const calls: [path: string, body: object][] = [
    ["runs/log-batch", { run_id: run, metrics: [{ ...point, model_id: logged }] }],
    ["runs/outputs", { run_id: run, models: [{ model_id: logged, step: 0 }] }],
    ["logged-models", { experiment_id: mine, name: "x", source_run_id: theirs }],
    ["/api/3.0/mlflow/traces", { trace: { trace_info: info } }],
    ["/api/3.0/mlflow/traces/delete-traces", { experiment_id: mine, request_ids: ["tr-1"] }],
    ...sources.map((source): [string, object] => ["model-versions/create", { name: "m", source }]),
  ];
  for (const [path, body] of calls)
    expect({ path, sent: body, ...(await eve("POST", path, body)) }).toMatchObject({ status: 403 });
  expect(await registry.listVersions("m")).toEqual([]);
  expect((await tracking.getTrace("tr-1")).experimentId).toBe(other);
  expect((await tracking.getLoggedModel(logged)).metrics).toEqual([]);
  // Whoever may read them may register what they are.
  const reader: Grant[] = [...grants, { kind: "experiment", subject: other, role: "viewer" }];
  const bob = as((await make("bob", "none", [...reader, { kind: "model", subject: "secret", role: "viewer" }])).token);
  for (const source of sources.slice(0, 4))
    expect((await bob("POST", "model-versions/create", { name: "m", source })).status).toBe(200);
  await server.stop();
});
