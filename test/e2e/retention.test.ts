/** Retention by the server's own loop: what was deleted long ago goes with its files, and nothing that nobody gave up. */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { withLife } from "../../src/life/context.ts";
import { freshFolder, type Served, startUp, until } from "../program.ts";

const DAY_MS = 86_400_000;
const folder = freshFolder("retention");
let served: Served | undefined;
afterAll(async () => {
  await served?.stop();
  folder.remove();
});

/** A run with a file, deleted at that time. */
const deletedRun = (atMs: number): Promise<{ runId: string; file: string }> =>
  withLife({ root: folder.path, env: {}, clock: new ManualClock(atMs) }, async (life) => {
    const { runId } = await life.tracking.createRun({ experimentId: "0" });
    await life.artifacts.put(`0/${runId}/artifacts/f`, new Uint8Array(3));
    await life.tracking.deleteRun(runId);
    return { runId, file: join(life.workspace.artifacts, "0", runId, "artifacts/f") };
  });

test("soon after its start, also without a pipeline, and then what was captured stays", async () => {
  const [old, fresh] = [await deletedRun(Date.now() - 3 * DAY_MS), await deletedRun(Date.now())];
  const captured = join(folder.path, ".trimtab/predictions/m/2020-01-01");
  mkdirSync(captured, { recursive: true });
  writeFileSync(join(captured, "1-0.jsonl"), "{}\n");
  expect([existsSync(old.file), existsSync(fresh.file)]).toEqual([true, true]);
  const env = { TRIMTAB_PURGE_DELETED: "1d" };
  const server = await startUp(folder.path, { env, args: ["--tracking"], processes: 0, model: false });
  served = server;
  const status = async (runId: string) =>
    (await fetch(`${server.control}/api/2.0/mlflow/runs/get?run_id=${runId}`)).status;
  await until(
    async () => (await status(old.runId)) === 404,
    60_000,
    () => `it is still there: ${server.talk()}`,
  );
  // Its pass ends with what was captured; stopping waits for the pass.
  expect([existsSync(old.file), existsSync(fresh.file), await status(fresh.runId)]).toEqual([false, true, 200]);
  expect(await server.stop()).toBe(0);
  expect(server.talk()).not.toContain("failed");
  expect(existsSync(join(captured, "1-0.jsonl"))).toBe(true);
}, 120_000);
