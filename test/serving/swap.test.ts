import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { deployVersion, rollback } from "../../src/serving/deployment.ts";
import { deploy, LOGISTIC, makeModel, makePlace, type Place, type Running, run, until } from "./helpers.ts";

let place: Place;
let app: Running;
beforeEach(() => {
  place = makePlace();
});
afterEach(async () => {
  await app.serving.drain();
  place.remove();
});

const versionNow = async () => (await app.post("/predict", { features: [1, 2] })).body.version;

test("before a deployment it is not ready, then it serves, swaps and goes back without a failed request", async () => {
  app = await run(place);
  expect((await app.get("/ready")).status).toBe(503);
  const early = await app.post("/predict", { features: [1, 2] });
  expect([early.status, early.body.error.code, early.headers.get("retry-after")]).toEqual([503, "NOT_READY", "1"]);

  await deploy(place, 1, await makeModel(place, 1));
  await until("version 1 serves", async () => (await app.get("/ready")).status === 200);

  let isOver = false;
  const statuses = new Set<number>();
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) statuses.add((await app.post("/predict", { features: [1, 2] })).status);
  });
  await deploy(place, 2, await makeModel(place, 2));
  await until("version 2 serves", async () => (await versionNow()) === 2);
  await rollback({ deployDir: place.deployDir, model: "m" });
  await until("version 1 serves again", async () => (await versionNow()) === 1);
  isOver = true;
  await Promise.all(clients);
  expect([...statuses]).toEqual([200]);
});

test("a request under way on the old version is answered by it; the old one closes after", async () => {
  const slow = LOGISTIC.replace("export function", "export async function").replace(
    "return p;",
    "await Bun.sleep(300); return p;",
  );
  await deploy(place, 1, await makeModel(place, 1, slow));
  app = await run(place, { keepWarmMs: 1 });
  const under = app.post("/predict", { features: [1, 2] });
  await Bun.sleep(20);
  await deploy(place, 2, await makeModel(place, 2));
  await until("version 2 serves", async () => (await versionNow()) === 2);
  expect(await under).toMatchObject({ status: 200, body: { version: 1 } });
});

const BROKEN: [string, string, string][] = [
  ["cut in half", LOGISTIC.slice(0, LOGISTIC.length / 2), "cannot be loaded"],
  ["without predict", "export const x = 1;", "no function called predict"],
  ["raising when loaded", "throw new Error('no weights');", "no weights"],
];
test.each(BROKEN)("a version %s is refused and the one before serves on", async (_, source, message) => {
  await deploy(place, 1, await makeModel(place, 1));
  const failed: string[] = [];
  app = await run(place, { onFailed: (_model, _id, what) => void failed.push(what) });
  await deploy(place, 2, await makeModel(place, 2, source));
  await until("it is refused", () => failed.length > 0);
  expect(failed[0]).toContain(message);
  expect(await versionNow()).toBe(1);
  expect((await app.get("/metrics")).text).toContain('trimtab_deployments_failed_total{model="m"} 1');
});

test("a process that starts on a broken deployment serves the one before", async () => {
  await deploy(place, 1, await makeModel(place, 1));
  await deploy(place, 2, await makeModel(place, 2, "export default"));
  app = await run(place);
  expect(await versionNow()).toBe(1);
  await deploy(place, 3, await makeModel(place, 3));
  await until("version 3 serves", async () => (await versionNow()) === 3);
});

test("weights split the traffic, and a key meets one variant always", async () => {
  const [one, two] = [await makeModel(place, 1), await makeModel(place, 2)];
  const models = [
    { version: 1, folder: one, weight: 70 },
    { version: 2, folder: two, weight: 30, variant: "challenger" },
  ];
  await deployVersion({ deployDir: place.deployDir, model: "m", reason: "ab", strategy: "ab", models });
  app = await run(place);
  const counts = { 1: 0, 2: 0 };
  for (let i = 0; i < 400; i++) counts[(await versionNow()) as 1 | 2]++;
  expect(counts[2]).toBeGreaterThan(60);
  expect(counts[2]).toBeLessThan(190);
  const byKey = async (key: string) => {
    const response = await fetch(`${app.url}/predict`, {
      method: "POST",
      body: '{"features":[1,2]}',
      headers: { "x-trimtab-key": key },
    });
    return ((await response.json()) as { version: number }).version;
  };
  const first = await Promise.all(Array.from({ length: 40 }, (_, i) => byKey(`user${i}`)));
  const second = await Promise.all(Array.from({ length: 40 }, (_, i) => byKey(`user${i}`)));
  expect(second).toEqual(first);
  expect(new Set(first)).toEqual(new Set([1, 2]));
  expect((await app.post("/predict/challenger", { features: [1, 2] })).body.version).toBe(2);
});

test("a slow load holds up neither another model nor the way back, and is never served once it was revoked", async () => {
  const first = await deploy(place, 1, await makeModel(place, 1));
  await deployVersion({
    deployDir: place.deployDir,
    model: "other",
    reason: "t",
    models: [{ version: 1, folder: await makeModel(place, 5) }],
  });
  app = await run(place);
  const slow = `await new Promise((done) => setTimeout(done, 1_000));\n${LOGISTIC}`;
  await deploy(place, 2, await makeModel(place, 2, slow));
  await Bun.sleep(200);
  await deployVersion({
    deployDir: place.deployDir,
    model: "other",
    reason: "t",
    models: [{ version: 2, folder: await makeModel(place, 6) }],
  });
  const versionOf = async (model: string) =>
    (await app.post(`/models/${model}/predict`, { features: [1, 2] })).body.version;
  await until("the other model has swapped", async () => (await versionOf("other")) === 2);
  expect(await versionOf("m")).toBe(1);
  await rollback({ deployDir: place.deployDir, model: "m", to: first.id });
  for (const end = Date.now() + 1_500; Date.now() < end; await Bun.sleep(5)) expect(await versionOf("m")).toBe(1);
});

test("several models are served side by side, each with its own captured rows and outcomes", async () => {
  const [one, two] = [await makeModel(place, 1), await makeModel(place, 2)];
  await deploy(place, 1, one);
  await deployVersion({
    deployDir: place.deployDir,
    model: "other",
    reason: "t",
    models: [{ version: 7, folder: two }],
  });
  app = await run(place);
  const which = await app.post("/predict", { features: [1, 2] });
  expect([which.status, which.body.error.message]).toEqual([404, "several models are served here"]);
  expect(which.body.error.mend).toBe("ask for one of m, other");
  expect((await app.post("/models/othre/predict", { features: [1, 2] })).body.error.mend).toBe("did you mean other?");
  const { body } = await app.post("/models/other/predict", { features: [1, 2] });
  expect([body.model, body.version]).toEqual(["other", 7]);
  expect((await app.post("/feedback", { id: body.id, outcome: 1 })).status).toBe(404);
  expect((await app.post("/models/other/feedback", { id: body.id, outcome: 1 })).body.accepted).toBe(1);
  expect([...new Bun.Glob("*/*/*").scanSync(place.predictionsDir)].every((path) => path.startsWith("other/"))).toBe(
    true,
  );

  rmSync(join(place.deployDir, "m", "current"));
  await until(
    "the other is the only one",
    async () => (await app.post("/predict", { features: [1, 2] })).body.version === 7,
  );
});
