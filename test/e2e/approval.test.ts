/** Where `deploy.approve` is true nothing serves without a person's yes: by command, through the server, and against clients. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { freshFolder, startUp, trimtab, trimtabJson, until } from "../program.ts";
import { writeProject } from "./project.ts";

const folder = freshFolder("approval");
const home = folder.path;
const told: { text: string; version?: number }[] = [];
const receiver = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    told.push((await request.json()) as { text: string });
    return new Response();
  },
});

beforeAll(() =>
  writeProject(
    home,
    (text) => `${text}deploy: { approve: true }\nalerts: [{ webhook: http://127.0.0.1:${receiver.port}/ }]\n`,
  ),
);
afterAll(async () => {
  await receiver.stop(true);
  folder.remove();
});

interface Ran {
  version?: number;
  waits?: string;
  deployment?: object;
}
interface Approvals {
  waiting: { version: number } | null;
  approvals: { version: number; state: string; decidedBy: string | null; decidedWhy: string | null }[];
}

const env = (actor: string) => ({ cwd: home, env: { TRIMTAB_ACTOR: actor } });
/** A run whose model nobody has seen before. */
const run = (weight: number) => trimtabJson<Ran>(["run", "--param", `weight=${weight}`], { cwd: home });
const rollout = () => trimtabJson<Approvals>(["rollout", "status"], { cwd: home });
const statesOf = ({ approvals }: Approvals) => approvals.map(({ version, state }) => [version, state]);

test("what passed waits, a newer one takes its place, and a person says yes or no", async () => {
  expect(await run(1)).toMatchObject({ version: 1, waits: expect.stringContaining("waits for a person's yes") });
  const status = await trimtabJson<{ deployment?: object; waiting: number; attention: { mend: string }[] }>(
    ["status"],
    {
      cwd: home,
    },
  );
  expect(status).toMatchObject({ waiting: 1 });
  expect(status.deployment).toBeUndefined();
  expect(status.attention.map(({ mend }) => mend)).toContain("trimtab rollout approve 1");
  expect((await run(1)).waits).toContain("version 1");
  expect((await run(2)).version).toBe(2);
  expect(statesOf(await rollout())).toEqual([
    [2, "waiting"],
    [1, "superseded"],
  ]);
  const late = await trimtab(["rollout", "approve", "1"], env("ann"));
  expect(late).toMatchObject({ exit: 2, stderr: expect.stringContaining("superseded") });

  // What cannot be deployed after all waits on.
  const { versions: made } = await trimtabJson<{ versions: { folder: string }[] }>(["models", "show", "tiny"], {
    cwd: home,
  });
  renameSync(made[0]!.folder, `${made[0]!.folder}.gone`);
  expect((await trimtab(["rollout", "approve", "2"], env("ann"))).exit).toBe(2);
  expect((await rollout()).waiting).toMatchObject({ version: 2, reason: expect.stringContaining("are not here") });
  renameSync(`${made[0]!.folder}.gone`, made[0]!.folder);

  expect((await trimtab(["rollout", "approve", "--reason", "looks right"], env("ann"))).exit).toBe(0);
  const approved = await rollout();
  expect(approved.waiting).toBeNull();
  expect(approved.approvals[0]).toMatchObject({ state: "approved", decidedBy: "ann", decidedWhy: "looks right" });
  const { versions } = await trimtabJson<{ versions: { aliases: string[]; trafficPercent: number }[] }>(
    ["models", "show", "tiny"],
    { cwd: home },
  );
  expect(versions[0]).toMatchObject({ aliases: ["champion"], trafficPercent: 100 });

  expect((await run(3)).version).toBe(3);
  expect((await trimtab(["rollout", "abort", "--reason", "too steep"], env("bob"))).exit).toBe(0);
  expect((await trimtab(["rollout", "abort"], env("bob"))).exit).toBe(2);
  // It passed the gate, and does not ask again.
  expect((await run(3)).waits).toContain("bob said no to version 3: too steep");
  expect(statesOf(await rollout())[0]).toEqual([3, "refused"]);
  const { events } = await trimtabJson<{ events: { kind: string; actor: string; subject: string }[] }>(
    ["events", "--subject", "model/tiny"],
    { cwd: home },
  );
  expect(
    events
      .filter(({ kind }) => kind.startsWith("approval."))
      .map(({ kind, subject, actor }) => `${kind} ${subject.slice(-1)} ${actor}`),
  ).toEqual([
    "approval.asked 1 test",
    "approval.superseded 1 test",
    "approval.asked 2 test",
    "approval.given 2 ann",
    "approval.asked 2 ann",
    "approval.given 2 ann",
    "approval.asked 3 test",
    "approval.refused 3 bob",
  ]);
}, 120_000);

test("through the server an admin of the model says yes; an editor may not, and no client may go past", async () => {
  expect((await run(4)).version).toBe(4);
  const tokenOf = async (name: string, ...rest: string[]) =>
    (await trimtabJson<{ token: string }>(["token", "create", name, ...rest], { cwd: home })).token;
  const editor = await tokenOf("eve", "--role", "editor");
  const owner = await tokenOf("olga", "--model", "tiny=admin");
  const server = await startUp(home, { args: ["--processes", "1"] });
  const call = (token: string, path: string, body: object, method = "POST") =>
    fetch(`${server.control}/api/${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  try {
    await until(
      () => told.some(({ version }) => version === 4),
      30_000,
      () => JSON.stringify(told),
    );
    expect(told.at(-1)!.text).toContain("trimtab rollout approve 4");
    for (const path of ["rollout/approve", "rollout/abort", "deployments"])
      expect((await call(editor, `v1/models/tiny/${path}`, { version: 4 })).status).toBe(403);
    const alias = { name: "tiny", alias: "champion", version: "4" };
    const stage = { name: "tiny", version: "4", stage: "production", archive_existing_versions: false };
    for (const token of [editor, owner]) {
      const refused = await call(token, "2.0/mlflow/registered-models/alias", alias);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ error_code: "PERMISSION_DENIED" });
      expect((await call(token, "2.0/mlflow/model-versions/transition-stage", stage)).status).toBe(403);
      expect((await call(token, "2.0/mlflow/registered-models/alias", alias, "DELETE")).status).toBe(403);
    }
    const rename = { name: "tiny", new_name: "other" };
    expect((await call(editor, "2.0/mlflow/registered-models/rename", rename)).status).toBe(403);
    const champion = { name: "tiny", version: "2" };
    expect((await call(editor, "2.0/mlflow/model-versions/delete", champion, "DELETE")).status).toBe(403);
    // Other names are free, and so is the champion's for the version that serves.
    for (const free of [{ alias: "challenger" }, { version: "2" }])
      expect((await call(editor, "2.0/mlflow/registered-models/alias", { ...alias, ...free })).status).toBe(200);
    expect((await call(editor, "2.0/mlflow/model-versions/transition-stage", { ...stage, version: "2" })).status).toBe(
      200,
    );

    expect((await call(owner, "v1/models/tiny/rollout/approve", { reason: "fine" })).status).toBe(200);
    const predict = () =>
      fetch(`${server.serving}/predict`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [{ a: 1, b: 1, kind: "x" }] }),
      });
    await until(
      async () => ((await (await predict()).json()) as { version: number }).version === 4,
      30_000,
      () => "version 4 does not serve",
    );
    expect((await rollout()).approvals[0]).toMatchObject({ version: 4, state: "approved", decidedBy: "olga" });
    expect((await call(owner, "v1/models/tiny/rollout/approve", {})).status).toBe(404);
    expect((await call(owner, "v1/models/other/rollout/approve", {})).status).toBe(403);
  } finally {
    await server.stop();
  }
}, 120_000);
