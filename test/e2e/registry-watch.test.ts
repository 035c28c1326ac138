/**
 * The registry watch without Python: a folder is uploaded by MLflow's protocol and registered, and the gate is asked for it, once,
 * whatever happens meanwhile. test/mlflow/registry-watch.test.ts does it with MLflow's clients and flavours.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { descendants } from "../processes.ts";
import { freshFolder, post, type Served, startUp, trimtab, trimtabJson, until } from "../program.ts";
import { writeProject } from "./project.ts";

const folder = freshFolder("registry-watch");
const home = folder.path;
let served: Served | undefined;

const MLMODEL = `flavors:
  trimtab:
    runtime: javascript
    entry: model.js
    task: classification
    target: label
    inputs:
      - { name: b, type: number, required: true }
      - { name: a, type: number, required: true }
`;
/** P(1) by the sum, as the label is; a weight of -1 is always wrong. */
const model = (weight: number, before = "") => `${before}
export function predict({ a, b }, rows) {
  return Float64Array.from({ length: rows }, (_, i) => 1 / (1 + Math.exp(-${weight} * (a[i] + b[i]))));
}`;

interface Version {
  version: number;
  gate: string;
  folder?: string;
  verdict?: { reason: string };
}

const api = async <T>(path: string): Promise<T> =>
  (await (await fetch(`${served!.control}/api/v1/${path}`)).json()) as T;
const versions = async () => (await api<{ versions: Version[] }>("models/tiny/versions")).versions;
const events = async (kind: string, subject: string) =>
  (await api<{ events: { actor: string; reason: string }[] }>(`events?kind=${kind}&subject=${subject}`)).events;

/** Uploads and registers as a client does; resolves to the version's number. */
async function register(files: Record<string, string>): Promise<number> {
  const call = async <T>(path: string, body: object): Promise<T> =>
    (await (await post(`${served!.control}/api/2.0/mlflow/${path}`, body)).json()) as T;
  const { run } = await call<{ run: { info: { run_id: string; artifact_uri: string } } }>("runs/create", {
    experiment_id: "0",
  });
  const place = run.info.artifact_uri.replace("mlflow-artifacts:/", "");
  for (const [name, body] of Object.entries(files)) {
    const at = `${served!.control}/api/2.0/mlflow-artifacts/artifacts/${place}/model/${name}`;
    expect((await fetch(at, { method: "PUT", body })).status).toBe(200);
  }
  const source = `runs:/${run.info.run_id}/model`;
  const made = await call<{ model_version: { version: string } }>("model-versions/create", {
    name: "tiny",
    source,
    run_id: run.info.run_id,
  });
  return Number(made.model_version.version);
}

async function judged(version: number): Promise<Version> {
  const find = async () => (await versions()).find((one) => one.version === version && one.gate !== "pending");
  await until(
    async () => (await find()) !== undefined,
    60_000,
    () => `version ${version} was not judged: ${served!.talk()}`,
  );
  return (await find())!;
}

const serves = (version: number) =>
  until(
    async () => {
      const answer = await post(`${served!.serving}/predict`, { inputs: [{ a: 1, b: 1, kind: "x" }] });
      return ((await answer.json()) as { version: number }).version === version;
    },
    30_000,
    () => `version ${version} does not serve: ${served!.talk()}`,
  );

beforeAll(async () => {
  writeProject(home);
  expect((await trimtab(["run"], { cwd: home })).exit).toBe(0);
  served = await startUp(home, { processes: 1 });
}, 60_000);
afterAll(async () => {
  await served?.stop();
  folder.remove();
});

test("what is registered is judged and serves; what cannot be is refused with the reason", async () => {
  const good = await register({ MLmodel: MLMODEL, "model.js": model(2) });
  expect((await judged(good)).gate).toBe("passed");
  await serves(good);
  const wrong = await register({ MLmodel: MLMODEL, "model.js": model(-1) });
  const empty = await register({ "model.js": model(2) });
  const broken = await register({ MLmodel: MLMODEL, "model.js": "throw new Error('no such thing');" });
  expect((await judged(broken)).verdict!.reason).toContain("no such thing");
  const all = new Map((await versions()).map((one) => [one.version, one]));
  expect([wrong, empty, broken].map((version) => all.get(version)!.gate)).toEqual(["refused", "refused", "refused"]);
  expect(all.get(empty)!.verdict!.reason).toContain("no MLmodel");
  await serves(good);
  // What Trimtab published itself asked for nothing.
  const { jobs } = await api<{ jobs: { kind: string; trigger: string; reason: string }[] }>("jobs");
  expect(jobs.map(({ kind, trigger }) => `${kind} ${trigger}`)).toEqual(Array(4).fill("gate registry"));
}, 120_000);

test("a version is judged once, also when every process dies while it is", async () => {
  const slow = await register({ MLmodel: MLMODEL, "model.js": model(3, "await Bun.sleep(2000);") });
  await until(
    async () => (await api<{ jobs: { state: string }[] }>("jobs")).jobs.some((job) => job.state === "running"),
    30_000,
    () => "no job runs",
  );
  for (const { pid } of [...descendants(served!.pid), { pid: served!.pid }]) process.kill(pid, "SIGKILL");
  served = await startUp(home, { processes: 1 });
  expect((await judged(slow)).gate).toBe("passed");
  await serves(slow);
  expect((await events("gate.passed", `model/tiny/${slow}`)).map((event) => event.actor)).toEqual(["registry"]);
}, 120_000);

test("switched off it is left to a person, who does not go back behind a newer one by accident", async () => {
  await served!.stop();
  served = await startUp(home, { processes: 1, env: { TRIMTAB_AUTOMATE_GATE: "false" } });
  const left = await register({ MLmodel: MLMODEL, "model.js": model(4) });
  const subject = `model/tiny/${left}`;
  await until(
    async () => (await events("automation.left_to_person", subject)).length > 0,
    30_000,
    () => "it was not left to a person",
  );
  expect(await trimtab(["deploy", String(left)], { cwd: home })).toMatchObject({
    exit: 3,
    stderr: expect.stringContaining(`trimtab gate ${left}`),
  });
  const { version } = await trimtabJson<{ version: number }>(["run", "--param", "weight=7"], { cwd: home });
  await serves(version);
  const met = await trimtabJson<{ verdict: { pass: boolean }; waits: string }>(["gate", String(left), "--deploy"], {
    cwd: home,
  });
  expect(met).toMatchObject({
    verdict: { pass: true },
    waits: expect.stringContaining(`version ${version}, which is newer`),
  });
  expect((await trimtab(["deploy", String(left)], { cwd: home })).exit).toBe(0);
  await serves(left);
  expect((await events("automation.left_to_person", subject)).length).toBe(1);
}, 120_000);
