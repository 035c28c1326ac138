/** /api/v1 answers what the commands print, to those who may see it, and reads nothing that a pipeline does not name. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, type Served, startUp, trimtabJson } from "../program.ts";
import { writeProject } from "./project.ts";

const folder = freshFolder("api");
const home = join(folder.path, "home");
const cwd = { cwd: home };
let served: Served;
let api: string;
let runId: string;

beforeAll(async () => {
  mkdirSync(home);
  writeFileSync(join(folder.path, "secret.csv"), "a\n1\n");
  writeProject(home, (text) => `${text}retrain: { when: [webhook], cooldown: 1s }\n`);
  await trimtabJson(["data", "add", "data/rows.csv"], cwd);
  await trimtabJson(["run", "--param", "weight=1"], cwd);
  await trimtabJson(["run", "--param", "weight=2"], cwd);
  const { runs } = await trimtabJson<{ runs: { id: string }[] }>(["runs", "list"], cwd);
  runId = runs[0]!.id;
  served = await startUp(home, { processes: 1 });
  api = `${served.control}/api/v1`;
}, 120_000);

afterAll(async () => {
  await served?.stop();
  folder.remove();
});

const get = async (path: string, token?: string) => {
  const response = await fetch(api + path, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test("what a command prints as JSON is what its route answers", async () => {
  const { runs } = await trimtabJson<{ runs: { id: string }[] }>(["runs", "list"], cwd);
  const [a, b] = [runs[0]!.id, runs.at(-1)!.id];
  const same: [string[], string, ((body: Record<string, unknown>) => unknown)?][] = [
    [["status"], "/status", (body) => (body.pipelines as unknown[])[0]],
    [["run", "--dry-run"], "/models/tiny/plan"],
    [["run", "--dry-run", "--param", "weight=3"], "/models/tiny/plan?param=weight%3D3"],
    [["run", "check", "--dry-run", "--force"], "/models/tiny/plan?step=check&force=true"],
    [["why", "train"], "/models/tiny/steps/train/why"],
    [["why", "train", "--param", "weight=3"], "/models/tiny/steps/train/why?param=weight%3D3"],
    [["models", "list"], "/models"],
    [["models", "show"], "/models/tiny/versions"],
    [["models", "lineage", "2"], "/models/tiny/versions/2/lineage"],
    [["gate", "2"], "/models/tiny/versions/2/gate"],
    [["features"], "/models/tiny/features"],
    [["features", "1"], "/models/tiny/versions/1/features"],
    [["deployments"], "/models/tiny/deployments"],
    [["rollout", "status"], "/models/tiny/rollout"],
    [["runs", "list"], "/runs"],
    [["runs", "list", "--project", "none", "--limit", "1"], "/runs?project=none&limit=1"],
    [["runs", "show", runId], `/runs/${runId}`],
    [
      ["runs", "search", "params.`train.weight` = '2'"],
      `/runs/search?filter=${encodeURIComponent("params.`train.weight` = '2'")}`,
    ],
    [
      ["runs", "search", "--experiment", "tiny", "--order", "start_time ASC"],
      "/runs/search?experiment=tiny&order=start_time%20ASC",
    ],
    [["runs", "search", "--deleted"], "/runs/search?deleted=true"],
    [["runs", "compare", a, b, "--all"], `/runs/compare?id=${a}&id=${b}&all=true`],
    [["runs", "purge", "--dry-run", "--older", "1s"], "/runs/purgeable?older=1s"],
    [["projects", "list"], "/projects"],
    [["validate"], "/models/tiny/validation"],
    [["validate", "--great-expectations"], "/models/tiny/validation?as=great-expectations", (body) => body.reports],
    [["profile", "rows"], "/models/tiny/data/rows/profile"],
    [["drift"], "/models/tiny/windows"],
    [["data", "status"], "/data"],
    [["data", "gc", "--dry-run"], "/data/garbage"],
    [["webhook", "list"], "/webhooks"],
    [["token", "list"], "/tokens"],
    [["events", "--limit", "5"], "/events?limit=5"],
    [["doctor"], "/doctor"],
  ];
  for (const [command, path, part = (body: unknown) => body] of same) {
    const printed = await trimtabJson<unknown>(command, cwd);
    const { status, body } = await get(path);
    expect({ path, status, body: part(body as Record<string, unknown>) }).toEqual({ path, status: 200, body: printed });
  }
}, 120_000);

test("only data that the pipeline names is profiled, and a name leads out of no folder", async () => {
  for (const data of ["..%2Fsecret.csv", "data%2Frows.csv", "%2Fetc%2Fpasswd", "constructor", "nope"])
    expect([data, (await get(`/models/tiny/data/${data}/profile`)).status]).toEqual([data, 404]);
  for (const model of ["..%2F..", "tiny%2F..", "..", "%2Fetc"])
    for (const rest of ["deployments", "features", "rollout", "plan", "validation"]) {
      const { status, body } = await get(`/models/${model}/${rest}`);
      if (status === 200) expect(JSON.stringify(body)).toContain("[]");
      else expect([status === 404 || status === 409, model, rest]).toEqual([true, model, rest]);
    }
  const back = await fetch(`${api}/models/tiny/rollback`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ to: "../../models" }),
  });
  expect(back.status).toBe(404);
  expect(await back.text()).toContain("nothing here is called");
});

test("a post that does not say that it is JSON changes nothing", async () => {
  for (const type of [undefined, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
    for (const path of ["retrain", "rollback", "deployments"]) {
      const response = await fetch(`${api}/models/tiny/${path}`, {
        method: "POST",
        ...(type ? { headers: { "content-type": type }, body: '{"version":1,"force":true}' } : {}),
      });
      expect([path, type, response.status]).toEqual([path, type, 400]);
      expect(await response.text()).toContain("application/json");
    }
  expect(((await get("/jobs")).body.jobs as unknown[]).length).toBe(0);
  expect((await get("/status")).body).toMatchObject({ pipelines: [{ deployment: { models: [{ version: 2 }] } }] });
});

test("a webhook that comes twice with one key queues one run", async () => {
  const send = async (body: object) =>
    (await (
      await fetch(`${api}/models/tiny/retrain`, {
        method: "POST",
        headers: { "content-type": "application/json; charset=utf-8" },
        body: JSON.stringify(body),
      })
    ).json()) as { job?: string; repeated: boolean };
  const first = await send({ key: "build 7", reason: "from CI" });
  expect(first).toMatchObject({ job: expect.any(String), repeated: false });
  expect(await send({ key: "build 7" })).toEqual({ repeated: true });
  const { jobs } = (await get("/jobs")).body as { jobs: { id: string; trigger: string; reason: string }[] };
  expect(jobs.map(({ id, trigger, reason }) => ({ id, trigger, reason }))).toEqual([
    { id: first.job!, trigger: "webhook", reason: "from CI" },
  ]);
});

test("a viewer reads and changes nothing, an editor deploys, and lists of secrets' owners are for admins", async () => {
  const make = async (name: string, ...rest: string[]) =>
    (await trimtabJson<{ token: string }>(["token", "create", name, ...rest], cwd)).token;
  const tokens = {
    admin: await make("root", "--role", "admin"),
    editor: await make("ed", "--role", "editor"),
    viewer: await make("vic", "--role", "viewer"),
    theirs: await make("tom", "--role", "none", "--model", "tiny=viewer"),
    nobody: await make("noa", "--role", "none"),
  };
  type Who = keyof typeof tokens;
  const ask = async (who: Who | undefined, method: string, path: string) =>
    (
      await fetch(api + path, {
        method,
        headers: {
          "content-type": "application/json",
          ...(who ? { Authorization: `Bearer ${tokens[who]}` } : {}),
        },
        ...(method === "POST" ? { body: '{"version":99}' } : {}),
      })
    ).status;
  const reads = ["/status", "/runs", "/models", "/data", "/jobs", "/events", "/projects", "/runs/search"];
  const ofModel = [
    "versions",
    "windows",
    "validation",
    "data/rows/profile",
    "plan",
    "rollout",
    "features",
    "deployments",
  ];
  for (const path of [...reads, ...ofModel.map((part) => `/models/tiny/${part}`)]) {
    expect([path, await ask(undefined, "GET", path)]).toEqual([path, 401]);
    expect([path, await ask("nobody", "GET", path)]).toEqual([path, 403]);
    expect([path, await ask("viewer", "GET", path)]).toEqual([path, 200]);
    expect([path, await ask("theirs", "GET", path)]).toEqual([path, path.startsWith("/models/") ? 200 : 403]);
  }
  // Params become part of commands whose program is asked for its version.
  for (const path of ["/models/tiny/plan?param=weight%3D1", "/models/tiny/steps/train/why?param=weight%3D1"])
    expect([await ask("viewer", "GET", path), await ask("editor", "GET", path)]).toEqual([403, 200]);
  for (const path of ["/tokens", "/webhooks", "/webhooks/x/deliveries"]) {
    expect([path, await ask("editor", "GET", path)]).toEqual([path, 403]);
    expect([path, [200, 404].includes(await ask("admin", "GET", path))]).toEqual([path, true]);
  }
  for (const part of ["deployments", "rollback", "retrain", "rollout/approve", "rollout/abort"])
    for (const who of ["viewer", "theirs", "nobody"] as const)
      expect([part, who, await ask(who, "POST", `/models/tiny/${part}`)]).toEqual([part, who, 403]);
  for (const who of ["viewer", "theirs"] as const) expect(await ask(who, "POST", "/monitor/check")).toBe(403);
  for (const part of ["rollout/approve", "rollout/abort"])
    expect([part, await ask("editor", "POST", `/models/tiny/${part}`)]).toEqual([part, 403]);
  expect(await ask("editor", "POST", "/models/tiny/deployments")).toBe(404);
  expect(await ask("editor", "POST", "/models/tiny/rollback")).toBe(200);
  // Written in another way, a path is about the same model.
  for (const path of ["/models/%74iny/rollback", "/%6dodels/tiny/rollback", "//models/tiny/rollback"])
    expect([path, [403, 404].includes(await ask("theirs", "POST", path))]).toEqual([path, true]);
}, 60_000);
