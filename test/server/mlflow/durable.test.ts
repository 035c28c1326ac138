/** An acknowledged write survives `kill -9`: a server in its own process is killed under load and its database is read. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { openDb } from "../../../src/db/open.ts";
import { createTracking } from "../../../src/tracking/tracking.ts";
import { tempFolder } from "../../temp.ts";

const SERVER = `
const { openDb } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/db/open.ts"))});
const { startMlflow } = await import(${JSON.stringify(join(import.meta.dir, "start.ts"))});
const server = await startMlflow({ db: await openDb(process.argv[2]) });
console.log(server.url);
`;

async function startApart(db: string, script: string) {
  await Bun.write(script, SERVER);
  const child = Bun.spawn([process.execPath, script, db], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const url = new TextDecoder().decode((await reader.read()).value).trim();
  return { child, url };
}

test("what was answered is there after kill -9", async () => {
  const folder = tempFolder();
  const path = join(folder, "t.db");
  const acknowledged: number[] = [];
  let runId = "";
  for (let round = 0; round < 3; round++) {
    const { child, url } = await startApart(path, join(folder, "server.ts"));
    const send = (call: string, body: object) =>
      fetch(`${url}/api/2.0/mlflow/${call}`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
      });
    if (runId === "")
      runId = ((await (await send("runs/create", {})).json()) as { run: { info: { run_id: string } } }).run.info.run_id;
    let alive = true;
    const writer = async (i: number) => {
      for (let n = 0; alive; n++) {
        const step = round * 1_000_000 + i * 10_000 + n;
        const metric = { run_id: runId, key: "m", value: step, timestamp: 1, step };
        const answer = await send("runs/log-metric", metric).catch(() => undefined);
        if (answer?.status === 200) acknowledged.push(step);
      }
    };
    const writers = Array.from({ length: 8 }, (_, i) => writer(i));
    await Bun.sleep(150 + round * 70);
    child.kill("SIGKILL");
    await child.exited;
    alive = false;
    await Promise.all(writers);
  }
  const db = await openDb(path);
  const tracking = createTracking({ db, clock: systemClock });
  const stored = new Set(
    (await tracking.metricHistory(runId, "m", { maxResults: 1_000_000 })).items.map((m) => m.step),
  );
  expect(acknowledged.length).toBeGreaterThan(50);
  expect(acknowledged.filter((step) => !stored.has(step))).toEqual([]);
  await db.close();
}, 30_000);
