import { expect } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { ManualClock } from "../../../src/base/clock.ts";
import { openDb } from "../../../src/db/open.ts";
import { createRegistry } from "../../../src/registry/registry.ts";
import { createDeliveries } from "../../../src/server/webhooks/deliveries.ts";
import { meets } from "../../../src/server/webhooks/payload.ts";
import { checkedAddress, checkUrl, isPrivate, type Lookup } from "../../../src/server/webhooks/target.ts";
import { createWebhooks } from "../../../src/server/webhooks/webhooks.ts";
import { createTracking } from "../../../src/tracking/tracking.ts";
import { overEngines } from "../../engines.ts";
import { tempFolder } from "../../temp.ts";
import { startMlflow } from "../mlflow/start.ts";

const { test, address } = overEngines();

interface Received {
  headers: Headers;
  body: string;
}

/** A receiver that answers what it is told to, and everything that tells it. */
async function setUp(env: Record<string, string> = { TRIMTAB_WEBHOOKS_PRIVATE: "allow" }, look?: Lookup) {
  const folder = tempFolder();
  const db = await openDb(await address());
  const clock = new ManualClock(1_700_000_000_000);
  const received: Received[] = [];
  let answer: () => Response | Promise<Response> = () => new Response("thanks");
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      received.push({ headers: request.headers, body: await request.text() });
      return answer();
    },
  });
  const options = { db, clock, env, ...(look ? { look } : {}) };
  const deliveries = createDeliveries(options);
  return {
    db,
    clock,
    received,
    url: `http://127.0.0.1:${receiver.port}/hook?x=1`,
    webhooks: createWebhooks(options),
    deliveries,
    /** One look, to its end. */
    async deliver() {
      await deliveries.look();
      await deliveries.settled();
    },
    /** What another process does after this one. */
    restarted: () => createDeliveries(options),
    registry: createRegistry({ db, clock, modelsDir: join(folder, "models") }),
    tracking: createTracking({ db, clock }),
    answerWith(next: () => Response | Promise<Response>) {
      answer = next;
    },
    async stop() {
      await receiver.stop(true);
      await db.close();
    },
  };
}

test("what happens is told, signed, once, and only what was asked for", async () => {
  const { webhooks, deliver, registry, tracking, received, url, clock, stop } = await setUp({
    TRIMTAB_WEBHOOKS_PRIVATE: "allow",
    HOOK_SECRET: "a very secret word",
  });
  await registry.ensureModel("before");
  const { id } = await webhooks.createWebhook({
    name: "ci",
    url,
    events: ["version.*", "alias.set", "run.ended"],
    secret: "$HOOK_SECRET",
  });
  await registry.ensureModel("m");
  await registry.createVersion("m", { source: "s3://b/x", tags: [{ key: "k", value: "v" }] }, { actor: "ann" });
  await registry.setVersionTag("m", 1, { key: "k", value: "w" });
  await registry.setAlias("m", "champion", 1);
  await registry.transitionStage("m", 1, { stage: "Production" });
  const { runId } = await tracking.createRun({ experimentId: "0" });
  await tracking.updateRun(runId, { status: "FINISHED", endMs: 5 });
  await tracking.updateRun(runId, { status: "FINISHED", endMs: 6 });
  await deliver();
  await deliver();
  expect(received.length).toBe(5);
  const bodies = received.map((one) => JSON.parse(one.body) as Record<string, unknown> & { event: { seq: number } });
  const inOrder = bodies.sort((a, b) => a.event.seq - b.event.seq);
  expect(inOrder.map((body) => `${body.entity}.${body.action}`)).toEqual([
    "model_version.created",
    "model_version_tag.set",
    "model_version_alias.created",
    "version.stage",
    "run.ended",
  ]);
  expect(inOrder[0]).toMatchObject({
    data: { name: "m", version: "1", source: "s3://b/x", tags: { k: "v" } },
    event: { actor: "ann", subject: "model/m/1" },
  });
  expect(inOrder[2]!.data).toEqual({ name: "m", version: "1", alias: "champion" });
  expect(inOrder[4]!.data).toMatchObject({ run_id: runId, status: "FINISHED" });
  const { headers, body } = received[0]!;
  const signed = `${headers.get("x-mlflow-delivery-id")}.${headers.get("x-mlflow-timestamp")}.${body}`;
  const expected = createHmac("sha256", "a very secret word").update(signed).digest("base64");
  expect(headers.get("x-mlflow-signature")).toBe(`v1,${expected}`);
  expect(headers.get("x-mlflow-timestamp")).toBe(String(clock.nowMs() / 1000));
  const log = await webhooks.deliveries(id);
  expect(log.map((one) => [one.state, one.status, one.attempts])).toEqual(Array(5).fill(["done", 200, 1]));
  expect(JSON.stringify(await webhooks.listWebhooks())).not.toContain("secret word");
  await stop();
});

test("a receiver that fails is tried again with waits that double, then given up", async () => {
  const { webhooks, deliver, registry, received, url, clock, answerWith, stop } = await setUp();
  const { id } = await webhooks.createWebhook({ name: "x", url, events: ["model.created"] });
  answerWith(() => new Response("not now", { status: 503 }));
  await registry.ensureModel("m");
  const waits: number[] = [];
  let last = clock.nowMs();
  for (let i = 0; i < 2000 && received.length < 8; i++) {
    const before = received.length;
    await deliver();
    if (received.length > before) {
      waits.push(clock.nowMs() - last);
      last = clock.nowMs();
    }
    clock.advance(5000);
  }
  expect(waits).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000]);
  expect(await webhooks.deliveries(id)).toMatchObject([
    { state: "failed", attempts: 8, status: 503, error: "not now" },
  ]);
  expect(new Set(received.map((one) => one.headers.get("x-mlflow-delivery-id"))).size).toBe(1);
  await stop();
});

test("a receiver that redirects is not followed, and is told when it comes back", async () => {
  const { webhooks, deliver, registry, url, clock, answerWith, received, stop } = await setUp();
  const gone = await webhooks.createWebhook({ name: "gone", url: "http://127.0.0.1:1/", events: ["*"], active: false });
  const { id } = await webhooks.createWebhook({ name: "x", url, events: ["model.created"] });
  answerWith(() => Response.redirect("http://127.0.0.1:1/inside"));
  await registry.ensureModel("m");
  await deliver();
  expect(await webhooks.deliveries(id)).toMatchObject([{ state: "pending", status: 302 }]);
  answerWith(() => new Response("fine"));
  clock.advance(10_000);
  await deliver();
  expect(await webhooks.deliveries(id)).toMatchObject([{ state: "done", attempts: 2 }]);
  expect(received.length).toBe(2);
  expect(await webhooks.deliveries(gone.id)).toEqual([]);
  expect(await webhooks.testWebhook(id, "version.created")).toEqual({ success: true, status: 200, text: "fine" });
  expect(await webhooks.testWebhook(gone.id, "version.created")).toMatchObject({ success: false });
  await webhooks.deleteWebhook(id);
  await expect(webhooks.getWebhook(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await stop();
});

test("targets inside a private network are refused, when they are named and when they are called", async () => {
  let addresses = ["93.184.216.34"];
  const { webhooks, deliver, registry, stop } = await setUp({}, async () => addresses);
  const make = (url: string) => webhooks.createWebhook({ name: "x", url, events: ["model.created"] });
  for (const url of [
    "http://example.org/",
    "ftp://example.org/",
    "https://127.0.0.1/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://user:pass@example.org/",
    "not a url",
  ])
    await expect(make(url)).rejects.toMatchObject({ code: "TARGET_REFUSED" });
  const { id } = await make("https://hooks.example.org/x");
  // The name means another address when it is called.
  const insides = [["192.168.1.1"], ["93.184.216.34", "10.0.0.1"], ["fd00::1"], []];
  for (const [i, inside] of insides.entries()) {
    addresses = inside;
    await registry.ensureModel(`m${i}`);
    await deliver();
  }
  const log = await webhooks.deliveries(id);
  expect(log.map((one) => [one.state, one.status, one.attempts])).toEqual(Array(4).fill(["failed", null, 1]));
  await stop();
});

test("a name that nobody knows is refused when it is given, and tried again when it is called", async () => {
  let known = false;
  const { webhooks, deliver, registry, stop } = await setUp({}, async (host) => {
    if (known) return ["93.184.216.34"];
    throw new Error(`getaddrinfo ENOTFOUND ${host}`);
  });
  const made = { name: "x", url: "https://hooks.example.org/x", events: ["*"] };
  await expect(webhooks.createWebhook(made)).rejects.toMatchObject({ code: "TARGET_REFUSED" });
  known = true;
  const { id } = await webhooks.createWebhook(made);
  known = false;
  await registry.ensureModel("m");
  await deliver();
  expect(await webhooks.deliveries(id)).toMatchObject([{ state: "pending", attempts: 1, status: null }]);
  await stop();
});

test("one that hangs holds up nobody, and what is broken off is sent by the next process", async () => {
  const { webhooks, deliveries, registry, url, answerWith, received, restarted, stop } = await setUp();
  const slow = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Promise<Response>(() => undefined) });
  const at = `http://127.0.0.1:${slow.port}/`;
  const hanging = await webhooks.createWebhook({ name: "slow", url: at, events: ["model.created"] });
  const { id } = await webhooks.createWebhook({ name: "x", url, events: ["model.created"] });
  for (const name of ["a", "b"]) {
    await registry.ensureModel(name);
    await deliveries.look();
    while ((await webhooks.deliveries(id)).some((one) => one.state !== "done")) await Bun.sleep(5);
  }
  await deliveries.stop();
  await slow.stop(true);
  expect(received.length).toBe(2);
  expect((await webhooks.deliveries(hanging.id)).map((one) => [one.state, one.attempts])).toEqual([
    ["pending", 0],
    ["pending", 0],
  ]);
  await webhooks.updateWebhook(hanging.id, { url });
  answerWith(() => new Response("at last"));
  const next = restarted();
  await next.look();
  await next.settled();
  expect((await webhooks.deliveries(hanging.id)).map((one) => one.state)).toEqual(["done", "done"]);
  expect(received.length).toBe(4);
  await stop();
});

test("an endless answer is cut, and a secret that is not set is not passed over", async () => {
  const { webhooks, deliver, registry, url, answerWith, received, stop } = await setUp();
  const { id } = await webhooks.createWebhook({ name: "x", url, events: ["model.created"] });
  answerWith(() => {
    const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(65_536).fill(97));
    return new Response(new ReadableStream({ pull }), { status: 500 });
  });
  await registry.ensureModel("m");
  await deliver();
  expect(await webhooks.deliveries(id)).toMatchObject([{ state: "pending", status: 500, error: "a".repeat(300) }]);
  const unsigned = await webhooks.createWebhook({ name: "y", url, events: ["*"], secret: "$NOT_SET" });
  expect(await webhooks.testWebhook(unsigned.id)).toEqual({
    success: false,
    error: "the secret's variable $NOT_SET is not set in the server's environment",
  });
  expect(received.length).toBe(1);
  await stop();
});

test("private addresses are told from public ones", async () => {
  const inside =
    "127.0.0.1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 169.254.1.1 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 :: ::1 fe80::1 fc00::1 fd12::1 ff02::1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 64:ff9b::a00:1 2002:a00:1:: 2001:db8::1";
  const outside = "8.8.8.8 1.1.1.1 172.15.0.1 172.32.0.1 192.169.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1";
  expect(inside.split(" ").filter((address) => !isPrivate(address))).toEqual([]);
  expect(outside.split(" ").filter(isPrivate)).toEqual([]);
  const url = checkUrl("https://example.org/x", false);
  expect(await checkedAddress(url, false, async () => ["8.8.8.8", "1.1.1.1"])).toBe("8.8.8.8");
});

test("patterns are matched", () => {
  const found = [
    meets("*", "a.b"),
    meets("a.*", "a.b"),
    meets("a.b", "a.b"),
    meets("a.*", "ab.c"),
    meets("a.b", "a.c"),
  ];
  expect(found).toEqual([true, true, true, false, false]);
});

test("MLflow's calls make, change, test and delete webhooks, and never show the secret", async () => {
  const server = await startMlflow();
  const events = [{ entity: "MODEL_VERSION", action: "CREATED" }];
  const made = await server.post<{ webhook: { webhook_id: string } }>("webhooks", {
    name: "w",
    url: "http://127.0.0.1:1/",
    events,
    secret: "hidden-word",
  });
  expect(made).toMatchObject({ status: 200, body: { webhook: { name: "w", events, status: "ACTIVE" } } });
  const at = `webhooks/${made.body.webhook.webhook_id}`;
  const patched = await server.call("PATCH", `/api/2.0/mlflow/${at}`, { status: "DISABLED", description: "d" });
  expect(patched.body).toMatchObject({ webhook: { status: "DISABLED", description: "d", events } });
  const listed = await server.get("webhooks?max_results=10");
  expect(JSON.stringify(listed.body)).toContain('"name":"w"');
  expect(JSON.stringify([made, patched, listed])).not.toContain("hidden-word");
  expect((await server.post(`${at}/test`, {})).body).toMatchObject({ result: { success: false } });
  const own = { name: "o", url: "http://127.0.0.1:1/", events: ["run.ended"] };
  const hidden = await server.webhooks.createWebhook(own);
  expect(JSON.stringify((await server.get("webhooks")).body)).not.toContain(hidden.id);
  expect((await server.get(`webhooks/${hidden.id}`)).status).toBe(404);
  const unknown = { name: "w", url: "http://127.0.0.1:1/", events: [{ entity: "BUDGET_POLICY", action: "EXCEEDED" }] };
  expect((await server.post("webhooks", unknown)).status).toBe(400);
  expect((await server.call("DELETE", `/api/2.0/mlflow/${at}`)).status).toBe(200);
  expect((await server.get(at)).status).toBe(404);
  await server.stop();
});
