import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { keepSecret } from "../../src/base/log.ts";
import { listEvents } from "../../src/db/events.ts";
import { listJobs } from "../../src/db/jobs.ts";
import { deliverAlerts, postAlert, queueAlerts } from "../../src/monitor/alerts.ts";
import type { AlertSpec } from "../../src/spec/types.ts";
import { drift, openWorld, pipelineOf, rowsLike, type World } from "./helpers.ts";

let world: World;
let server: Bun.Server<undefined>;
let received: { path: string; body: Record<string, unknown> }[];
let status: number;

beforeEach(async () => {
  received = [];
  status = 200;
  world = await openWorld();
  server = Bun.serve({
    port: 0,
    async fetch(request) {
      received.push({ path: new URL(request.url).pathname, body: (await request.json()) as Record<string, unknown> });
      return new Response("ok", { status });
    },
  });
});
afterEach(async () => {
  await server.stop(true);
  await world.close();
});

const slack = (path = "/services/T0/B0/secret-token"): AlertSpec => {
  const url = `http://localhost:${server.port}${path}`;
  keepSecret(url);
  return { kind: "slack", url, line: 1 };
};
const deliver = (alerts: AlertSpec[]) =>
  deliverAlerts({
    db: world.db,
    pipeline: pipelineOf({}, { alerts }),
    owner: "test",
    nowMs: () => world.clock.nowMs(),
  });
const queue = (alerts: AlertSpec[], occasion = "one") =>
  world.db.write((sql) =>
    queueAlerts(
      sql,
      pipelineOf({}, { alerts }),
      { text: "a < b & c", occasion, trigger: "drift", facts: { version: 3 } },
      world.clock.nowMs(),
    ),
  );

test("drift tells Slack once, in its form; other webhooks get the facts", async () => {
  const alerts: AlertSpec[] = [slack(), { ...slack("/hook"), kind: "webhook" }];
  const pipeline = pipelineOf({ drift: drift() }, { alerts });
  world.predict(rowsLike(500, { origin: "JFK" }));
  await world.monitor.check(pipeline);
  expect(await world.monitor.deliverAlerts(pipeline)).toBe(2);
  expect(await world.monitor.deliverAlerts(pipeline)).toBe(0);
  const [toSlack, toHook] = received;
  expect(Object.keys(toSlack!.body)).toEqual(["text"]);
  expect(toSlack!.body.text).toMatch(
    /^flights version 1, window 1 \(.*, 500 rows\): drift: 1 of 2 .*; retraining is queued$/,
  );
  expect(toHook).toMatchObject({
    path: "/hook",
    body: { model: "flights", version: 1, rule: "drift", action: "queued" },
  });
  // The next window drifts as well: that is no news.
  await world.db.run("UPDATE jobs SET state = 'running' WHERE kind = 'retrain'");
  world.predict(rowsLike(500, { origin: "JFK" }));
  expect(await world.monitor.check(pipeline)).toMatchObject([{ action: "in_flight", drift: { fired: true } }]);
  expect(await world.monitor.deliverAlerts(pipeline)).toBe(0);
});

describe("delivery", () => {
  test("is tried again, later each time, and given up with an event", async () => {
    const alerts = [slack()];
    await queue(alerts);
    await queue(alerts);
    expect((await listJobs(world.db)).length).toBe(1);
    status = 500;
    for (const waitMs of [0, 5_000, 30_000, 120_000, 600_000]) {
      world.clock.advance(waitMs - 1);
      if (waitMs > 0) expect(await deliver(alerts)).toBe(0);
      const before = received.length;
      world.clock.advance(1);
      expect(await deliver(alerts)).toBe(0);
      expect(received.length).toBe(before + 1);
    }
    expect((await listJobs(world.db))[0]).toMatchObject({ state: "failed", attempts: 5 });
    const [event] = await listEvents(world.db);
    expect(event).toMatchObject({ kind: "alert.failed", reason: "the webhook answered with status 500" });
  });
  test("gets through after a failure", async () => {
    const alerts = [slack()];
    await queue(alerts);
    status = 503;
    await deliver(alerts);
    status = 200;
    world.clock.advance(5_000);
    expect(await deliver(alerts)).toBe(1);
    expect(received.at(-1)!.body).toEqual({ text: "a &lt; b &amp; c" });
    expect((await listJobs(world.db))[0]).toMatchObject({ state: "done", attempts: 2 });
  });
  test("an alert that left pipeline.yaml fails without an address", async () => {
    await queue([slack()]);
    expect(await deliver([])).toBe(0);
    expect((await listJobs(world.db))[0]).toMatchObject({ state: "failed", attempts: 1 });
  });
});

test("the address is nowhere: not in errors, jobs or events", async () => {
  const secret = "/services/T0/B0/secret-token";
  const down = { ...slack(), url: `http://127.0.0.1:1${secret}` };
  keepSecret(down.url);
  const facts = {};
  const refused = await postAlert(down, { text: "x", facts }, "alerts[0].slack").catch((error: Error) => error);
  expect(refused).toMatchObject({ code: "ALERT_FAILED", place: "alerts[0].slack" });
  const late = await postAlert(slack(), { text: "x", facts }, "alerts[0].slack", async (url) => {
    throw Object.assign(new Error(`timed out: ${url}`), { name: "TimeoutError" });
  }).catch((error: Error) => error);
  expect(late).toMatchObject({ message: "no answer in 10000 ms" });
  await queue([down]);
  await deliver([down]);
  const everything = JSON.stringify([refused, late, await listJobs(world.db), await listEvents(world.db)]);
  expect(everything).toContain("cannot be reached");
  expect(everything).not.toContain("secret-token");
});
