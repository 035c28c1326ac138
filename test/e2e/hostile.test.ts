/** Clients that come in thousands, die, or ask for what there is not, against the real program. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Socket as Connection, connect } from "node:net";
import { join } from "node:path";
import { CONTROL_WORD } from "../../src/base/program.ts";
import { descendants } from "../processes.ts";
import { freshFolder, post, type Served, startUp, until } from "../program.ts";

const folder = freshFolder("hostile");
let up: Served;
let port: number;
const staging = join(folder.path, ".trimtab", "artifacts", ".staging");

beforeAll(async () => {
  writeFileSync(join(folder.path, "pipeline.yaml"), "model: m\nsteps:\n  s:\n    cmd: 'true'\n    outs: [out]\n");
  up = await startUp(folder.path, { model: false, processes: 1 });
  port = Number(new URL(up.control).port);
}, 60_000);
afterAll(async () => {
  await up.stop();
  folder.remove();
});

/** The control process, while there is one. */
const controlPid = (): number | undefined =>
  descendants(up.pid).find(({ command }) => command.includes(` ${CONTROL_WORD} `))?.pid;

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

async function newRun(): Promise<string> {
  const made = await post(`${up.control}/api/2.0/mlflow/runs/create`, { experiment_id: "0" });
  return ((await made.json()) as { run: { info: { run_id: string } } }).run.info.run_id;
}

/** One request on a connection of its own; resolves to its status, 0 when it was cut. */
function askAlone(path: string, body: string): Promise<number> {
  return new Promise((resolve) => {
    let said = "";
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const close = () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0));
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write(head + body),
        data(socket, chunk) {
          said += chunk.toString();
          if (said.includes("\r\n\r\n")) socket.end();
        },
        close,
        error: close,
      },
    }).catch(close);
  });
}

// No limit of open files of the usual tester lets one process hold more connections than this.
const WRITERS = 10_000;
const AT_ONCE = Math.min(WRITERS, openFiles() - 200);

function openFiles(): number {
  const limit = /Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return Number(limit ?? 1024);
}

test("ten thousand writers to one run are all heard, in bounded memory", async () => {
  const runId = await newRun();
  const pid = controlPid()!;
  let mostMb = 0;
  const watching = setInterval(() => {
    mostMb = Math.max(mostMb, residentMb(pid));
  }, 20);
  const statuses: number[] = [];
  let next = 0;
  const writer = async () => {
    while (next < WRITERS) {
      const step = next++;
      const metric = { run_id: runId, key: "m", value: step, timestamp: step, step };
      statuses[step] = await askAlone("/api/2.0/mlflow/runs/log-metric", JSON.stringify(metric));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, writer));
  clearInterval(watching);
  const history = await fetch(
    `${up.control}/api/2.0/mlflow/metrics/get-history?run_id=${runId}&metric_key=m&max_results=25000`,
  );
  const { metrics } = (await history.json()) as { metrics: { step: number }[] };
  const stored = new Set(metrics.map(({ step }) => step));
  expect(statuses.flatMap((status, step) => (status === 200 && !stored.has(step) ? [step] : []))).toEqual([]);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(mostMb).toBeLessThan(400);
}, 120_000);

/** Begins an upload and says only half of what it announced. */
async function beginUpload(path: string): Promise<Connection> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(
    `PUT /api/2.0/mlflow-artifacts/artifacts/${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n`,
  );
  socket.write(Buffer.alloc(1_000_000, 1));
  await until(
    () => existsSync(staging) && readdirSync(staging).length > 0,
    10_000,
    () => "the upload does not begin",
  );
  return socket;
}

const put = (path: string, body: string) =>
  fetch(`${up.control}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: "PUT", body });
const listed = async (path: string) =>
  (await (await fetch(`${up.control}/api/2.0/mlflow-artifacts/artifacts?path=${path}`)).json()) as object;

test("half an upload is never seen: its client dies, or the server does", async () => {
  const dying = await beginUpload("0/dead/artifacts/f");
  expect(await listed("0/dead/artifacts")).toEqual({});
  dying.destroy();
  await until(
    () => readdirSync(staging).length === 0,
    10_000,
    () => "what the dead client sent is kept",
  );
  const cut = await beginUpload("0/dead/artifacts/f");
  const pid = controlPid()!;
  process.kill(pid, "SIGKILL");
  await until(
    () => controlPid() !== undefined && controlPid() !== pid && isUp(),
    30_000,
    () => "the control process does not come back",
  );
  cut.destroy();
  expect(readdirSync(staging).length).toBe(1);
  expect(await listed("0/dead/artifacts")).toEqual({});
  expect((await fetch(`${up.control}/api/2.0/mlflow-artifacts/artifacts/0/dead/artifacts/f`)).status).toBe(404);
  // The first upload afterwards sweeps.
  expect((await put("0/dead/artifacts/g", "whole")).status).toBe(200);
  expect(readdirSync(staging)).toEqual([]);
  expect(await listed("0/dead/artifacts")).toEqual({ files: [{ path: "g", is_dir: false, file_size: 5 }] });
}, 120_000);

const isUp = (): Promise<boolean> =>
  fetch(`${up.control}/health`).then(
    ({ ok }) => ok,
    () => false,
  );

test("what is not there is said in the words on which clients fall back", async () => {
  const api = `${up.control}/api`;
  for (const [method, path] of [
    ["POST", "2.0/mlflow/gateway/endpoints/create"],
    ["GET", "3.0/mlflow/scorers/list"],
    ["POST", "3.0/mlflow/datasets/create"],
    ["GET", "4.0/mlflow/traces/x"],
    ["GET", "2.0/mlflow/"],
    ["GET", "2.0/mlflow"],
    ["PUT", "2.0/mlflow-artifacts/nothing"],
    ["POST", "/2.0//mlflow//users/create"],
  ] as const) {
    const answer = await fetch(`${api}/${path}`, { method });
    const body = (await answer.json()) as Record<string, unknown>;
    expect({ path, status: answer.status, keys: Object.keys(body), code: body.error_code }).toEqual({
      path,
      status: 404,
      keys: ["error_code", "message"],
      code: "ENDPOINT_NOT_FOUND",
    });
  }
});
