/** The whole loop as a newcomer types it: init, run, up, predict, feedback, rollback; on real flights, through the real program. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, post, type Served, startUp, trimtab, trimtabJson } from "../program.ts";

const folder = freshFolder("loop");
const home = join(folder.path, "flights");
let served: Served;

const FLIGHT = { date: "2001-03-05T17:40:00Z", distance: 719, origin: "ORD", destination: "LGA" };

beforeAll(async () => {
  const made = await trimtab(["init", "--template", "flights", home], { cwd: folder.path });
  expect(made.exit).toBe(0);
}, 60_000);

afterAll(async () => {
  await served?.stop();
  folder.remove();
});

test("run takes data to a deployed version, and running again does nothing", async () => {
  const first = await trimtabJson<{ version: number; verdict: { pass: boolean }; deployment: { id: string } }>(
    ["run", "--param", "rows=20000", "--param", "trees=10"],
    { cwd: home },
  );
  expect(first.version).toBe(1);
  expect(first.verdict.pass).toBe(true);
  expect(readlinkSync(join(home, ".trimtab/deploy/flight-delay/current"))).toBe(first.deployment.id);

  const again = await trimtab(["run", "--param", "rows=20000", "--param", "trees=10"], { cwd: home });
  expect(again.exit).toBe(0);
  expect(again.stdout).toContain("nothing to do");
}, 90_000);

test("why names the first part that differs", async () => {
  const why = await trimtabJson<{ action: string; reason: string }>(
    ["why", "train", "--param", "rows=20000", "--param", "trees=11"],
    { cwd: home },
  );
  expect(why).toMatchObject({ action: "run", reason: "param.trees changed: 10 → 11" });
});

test("a version holds its lineage: run, data and parameters", async () => {
  const { run } = await trimtabJson<{
    run: { params: Record<string, string>; datasets: { name: string; digest: string }[] };
  }>(["models", "lineage", "1"], { cwd: home });
  expect(run.datasets).toMatchObject([{ name: "flights", digest: expect.stringMatching(/^[0-9a-f]{32}/) }]);
  expect(Object.values(run.params)).toContain("20000");
});

test("up serves it, takes outcomes, and names the field of a bad request", async () => {
  served = await startUp(home);
  const answer = (await (await post(`${served.serving}/predict`, { inputs: [FLIGHT] })).json()) as Record<
    string,
    unknown
  >;
  expect(answer).toMatchObject({ model: "flight-delay", version: 1 });
  expect(answer.predictions).toHaveLength(1);
  const feedback = await post(`${served.serving}/feedback`, { id: answer.id, outcome: true });
  expect(feedback.status).toBe(200);

  const { origin: _, ...renamed } = { ...FLIGHT, orgin: "ORD" };
  const refused = await post(`${served.serving}/predict`, { inputs: [renamed] });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("orgin");
}, 60_000);

test("the API shows what the CLI shows, and documents itself", async () => {
  const status = (await (await fetch(`${served.control}/api/v1/status`)).json()) as { pipelines: { model: string }[] };
  expect(status.pipelines[0]!.model).toBe("flight-delay");
  const api = (await (await fetch(`${served.control}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, unknown>;
  };
  expect(Object.keys(api.paths)).toContain("/api/v1/models/{name}/versions");
  const page = await (await fetch(served.control)).text();
  expect(page).toContain("flight-delay");
  const unknown = await fetch(`${served.control}/api/v1/nothing`);
  expect(unknown.status).toBe(404);
});

test("a second version goes live without a restart, and rollback brings the first back", async () => {
  const second = await trimtab(["run", "--param", "rows=20000", "--param", "trees=12"], { cwd: home });
  expect([0, 3]).toContain(second.exit);
  const forced = await trimtab(["deploy", "2", "--force", "--reason", "test"], { cwd: home });
  expect(forced.exit).toBe(0);
  await versionIs(2);
  expect((await trimtab(["rollback"], { cwd: home })).exit).toBe(0);
  await versionIs(1);
  const events = await trimtabJson<{ events: { kind: string }[] }>(["events", "--limit", "200"], { cwd: home });
  expect(events.events.map((event) => event.kind)).toContain("deployment.rolled_back");
  const doctor = await trimtab(["doctor"], { cwd: home });
  expect(doctor.exit).toBe(0);
}, 90_000);

test("a drained server ends with exit code 0", async () => {
  expect(await served.stop()).toBe(0);
}, 30_000);

async function versionIs(version: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = (await (await post(`${served.serving}/predict`, { inputs: [FLIGHT] })).json()) as {
      version: number;
    };
    if (answer.version === version) return;
    await Bun.sleep(20);
  }
  throw new Error(`version ${version} does not serve: ${served.talk()}`);
}
