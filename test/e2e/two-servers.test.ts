/** Two servers on one database, a file or a PostgreSQL: what clients send to either is there once, and the journal holds. */

import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { listEvents, verifyJournal } from "../../src/db/events.ts";
import { openDb } from "../../src/db/open.ts";
import { overEngines } from "../engines.ts";
import { freshFolder, post, startUp, trimtab } from "../program.ts";

const { test, address } = overEngines();
const folder = freshFolder("two-servers");
const home = join(folder.path, "flights");
const METRICS = 200;

beforeAll(async () => {
  expect((await trimtab(["init", "--template", "flights", home], { cwd: folder.path })).exit).toBe(0);
}, 60_000);
afterAll(() => folder.remove());

test("two servers write to one database at once", async () => {
  const at = await address();
  const up = () => startUp(home, { env: { TRIMTAB_DB: at }, args: ["--processes", "1"], model: false });
  const servers = await Promise.all([up(), up()]);
  const call = async <T>(server: number, path: string, body: object): Promise<T> => {
    const answer = await post(`${servers[server]!.control}/api/2.0/mlflow/${path}`, body);
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const made = await call<{ run: { info: { run_id: string } } }>(0, "runs/create", { experiment_id: "0" });
  const runId = made.run.info.run_id;
  const logs = Array.from({ length: METRICS }, (_, i) =>
    call(i % 2, "runs/log-metric", { run_id: runId, key: "m", value: i, timestamp: i, step: i }),
  );
  // "Look, then write" from both sides: every number of a version is given once, every event is in one chain.
  await call(0, "registered-models/create", { name: "shared" });
  const versions = Array.from({ length: 20 }, (_, i) =>
    call<{ model_version: { version: string } }>(i % 2, "model-versions/create", {
      name: "shared",
      source: "s3://b/m",
    }),
  );
  await Promise.all(logs);
  const numbers = (await Promise.all(versions)).map(({ model_version }) => Number(model_version.version));
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(await Promise.all(servers.map((server) => server.stop()))).toEqual([0, 0]);

  const db = await openDb(at);
  expect(await db.get("SELECT count(*) AS n, max(value) AS last FROM metrics")).toEqual({ n: METRICS, last: 199 });
  expect((await verifyJournal(db)).brokenAtSeq).toBeUndefined();
  expect((await listEvents(db, { kind: "version.created", limit: 100 })).length).toBe(20);
  await db.close();
});
