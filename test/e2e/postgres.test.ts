/**
 * The whole program on PostgreSQL: run, up, doctor; then the database is taken away from under it. Tracked writes fail with
 * one line, predictions go on, and when it is back everything does.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type PostgresServer, postgresServer } from "../postgres.ts";
import { freshFolder, post, type Served, startUp, trimtab, trimtabJson, until } from "../program.ts";

setDefaultTimeout(90_000);
const server = await postgresServer();
const FLIGHT = { date: "2001-03-05T17:40:00Z", distance: 719, origin: "ORD", destination: "LGA" };

// Without a server test/postgres.ts has said so, or failed.
if (server) describe("on PostgreSQL", () => suite(server));

function suite({ freshUrl, stop, start }: PostgresServer): void {
  const folder = freshFolder("postgres");
  const home = join(folder.path, "flights");
  let options: { cwd: string; env: { TRIMTAB_DB: string } };
  let served: Served;

  beforeAll(async () => {
    options = { cwd: home, env: { TRIMTAB_DB: await freshUrl() } };
    const made = await trimtab(["init", "--template", "flights", home], { cwd: folder.path });
    expect(made.exit).toBe(0);
  });
  afterAll(async () => {
    await served?.stop();
    folder.remove();
  });
  const run = () => trimtab(["run", "--param", "rows=5000", "--param", "trees=3", "--force"], options);
  const predict = () => post(`${served.serving}/predict`, { inputs: [FLIGHT] });
  const createRun = () =>
    post(`${served.control}/api/2.0/mlflow/runs/create`, { experiment_id: "0", start_time: Date.now() });

  test("run, events and doctor work, and nothing is kept in a file beside it", async () => {
    const ended = await run();
    expect([ended.exit, ended.stderr]).toEqual([expect.any(Number), expect.not.stringContaining("error[")]);
    const { events } = await trimtabJson<{ events: { kind: string }[] }>(["events"], options);
    expect(events.map((event) => event.kind)).toContain("run.finished");
    const doctor = await trimtab(["doctor"], options);
    expect(`${doctor.exit} ${doctor.stdout}`).toMatch(/^0 .*the chain of hashes holds/s);
    expect(await Bun.file(join(home, ".trimtab/trimtab.db")).exists()).toBe(false);
  });

  test("without the database predictions go on and writes are refused in one line; with it all goes on", async () => {
    const deployed = await trimtab(["deploy", "1", "--force", "--reason", "test"], options);
    expect(`${deployed.exit} ${deployed.stderr}`).toStartWith("0");
    served = await startUp(home, { env: options.env });
    expect((await createRun()).status).toBe(200);
    await stop("kill");
    for (let i = 0; i < 20; i++) expect((await predict()).status).toBe(200);
    const refused = await createRun();
    expect(refused.status).toBe(503);
    expect(await refused.json()).toEqual({
      error_code: "TEMPORARILY_UNAVAILABLE",
      message: expect.stringMatching(
        /^error\[DB_UNREACHABLE\] postgres:\/\/127\.0\.0\.1:\d+\/t\d+: [^\n]+\. Mend: [^\n]+\.$/,
      ),
    });
    const cli = await run();
    expect(cli.exit).toBe(1);
    expect(cli.stderr).toMatch(/^error\[DB_UNREACHABLE\] postgres:[^\n]+\n$/);
    const doctor = await trimtab(["doctor"], options);
    expect(`${doctor.exit} ${doctor.stdout}`).toMatch(/^1 .*journal/s);
    expect((await predict()).status).toBe(200);
    await start();
    await until(
      async () => (await createRun()).status === 200,
      10_000,
      () => `no run is made: ${served.talk()}`,
    );
    expect((await fetch(`${served.control}/health`)).status).toBe(200);
    expect((await trimtab(["doctor"], options)).exit).toBe(0);
    for (const text of [served.talk(), cli.stderr, doctor.stdout]) expect(text).not.toContain("pa55");
    expect(await served.stop()).toBe(0);
  });
}
