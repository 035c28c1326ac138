/** What `trimtab up` starts, as the system sees it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { privateBytes } from "../../src/serving/child-model.ts";
import { descendants } from "../processes.ts";
import { environment, freshFolder, REPO, type Served, startUp, trimtab } from "../program.ts";

const folder = freshFolder("up");
let served: Served;

beforeAll(async () => {
  writeFileSync(join(folder.path, "pipeline.yaml"), "model: m\nsteps:\n  s:\n    cmd: echo 1 > out\n    outs: [out]\n");
  served = await startUp(folder.path, { model: false });
}, 60_000);
afterAll(async () => {
  await served.stop();
  folder.remove();
});

test("a server without tokens answers to the names of this machine only", async () => {
  const { port } = new URL(served.control);
  const asked = async (path: string, host: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { host } });
    return { status: response.status, text: await response.text() };
  };
  for (const path of ["/api/v1/status", "/", "/api/2.0/mlflow/experiments/get?experiment_id=0"]) {
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, "app.localhost"])
      expect((await asked(path, host)).status).toBe(200);
    for (const host of [`evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example"]) {
      const { status, text } = await asked(path, host);
      expect(status).toBe(403);
      expect(text).toContain("trimtab token create");
    }
  }
});

test("a probe in HTTP/1.0, which names no host, is answered", async () => {
  for (const [url, path] of [
    [served.control, "/health"],
    [served.control, "/api/2.0/mlflow/experiments/get?experiment_id=0"],
    [served.serving, "/health"],
  ] as const) {
    const answer = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(url).port),
      socket: { data: (_, bytes) => answer.resolve(bytes.toString()), error: (_, error) => answer.reject(error) },
    });
    socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
    expect(await answer.promise).toStartWith("HTTP/1.1 200");
    socket.end();
  }
});

test("pipelines of one folder are served from anywhere; those of two share no state and are refused", async () => {
  const [here, there] = [join(folder.path, "here"), join(folder.path, "there")];
  for (const [path, model] of [
    [join(here, "pipeline.yaml"), "one"],
    [join(here, "second.yaml"), "two"],
    [join(there, "pipeline.yaml"), "three"],
  ] as const) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `model: ${model}\nsteps: { s: { cmd: "true" } }\n`);
  }
  const two = ["--file", "here/pipeline.yaml", "--file", join(here, "second.yaml")];
  const server = await startUp(folder.path, { model: false, args: two });
  try {
    const answer = await fetch(`${server.control}/api/v1/status`);
    const { pipelines } = (await answer.json()) as { pipelines: { model: string }[] };
    expect(pipelines.map(({ model }) => model)).toEqual(["one", "two"]);
  } finally {
    await server.stop();
  }
  const refused = await trimtab(["up", ...two, "--file", "there/pipeline.yaml", "--port", "0"], { cwd: folder.path });
  expect(refused).toMatchObject({ exit: 2, stderr: expect.stringContaining(`pipeline.yaml is not in ${here}. Mend:`) });
}, 60_000);

test("the supervisor keeps the process id, and not what reading the pipeline took", () => {
  expect(readFileSync(`/proc/${served.pid}/cmdline`, "utf8")).toContain("__supervise");
  const control = descendants(served.pid).find((one) => one.command.includes("__control"))!;
  expect(privateBytes(served.pid)).toBeLessThan(privateBytes(control.pid) / 2);
});

test("the port of another server is taken, and not shared with it", async () => {
  const { port } = new URL(served.control);
  const second = freshFolder("second");
  const ended = await trimtab(["up", "--tracking", "--port", port], { cwd: second.path });
  second.remove();
  expect(ended.stderr).toContain(`error[PORT_TAKEN] 127.0.0.1:${port}: `);
  expect(ended.exit).toBe(1);
});

/** Starts `trimtab up` and waits for what it says when it is ready; the addresses are the pattern's groups. */
async function upSays(args: string[], cwd: string, pattern: RegExp) {
  const child = Bun.spawn([join(REPO, "bin/trimtab"), "up", "--port", "0", ...args], {
    cwd,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let talk = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    talk += chunk;
    const said = pattern.exec(talk);
    if (said) return { child, urls: said.slice(1) };
  }
  throw new Error(`it ended and said: ${talk}`);
}

test("it says where things are, also when the system chose the ports", async () => {
  const pattern = /status page on (http:\S+), predictions on (http:\S+)\n/;
  const { child, urls } = await upSays(["--serve-port", "0", "--processes", "1"], folder.path, pattern);
  const statuses = urls.map(async (url) => (await fetch(`${url}/health`)).status);
  expect(await Promise.all(statuses)).toEqual([200, 200]);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
}, 60_000);

test("tracking alone takes no pipeline.yaml, starts no serving process and makes nothing but its own folder", async () => {
  const alone = freshFolder("tracking");
  const pattern = /: tracking, registry and status page on (http:\S+)\n/;
  const { child, urls } = await upSays(["--tracking"], alone.path, pattern);
  const create = await fetch(`${urls[0]}/api/2.0/mlflow/runs/create`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  expect(create.status).toBe(200);
  expect(await (await fetch(`${urls[0]}/`)).text()).toContain("Tracking and model registry alone");
  expect(descendants(child.pid).map((one) => /__\w+/.exec(one.command)?.[0])).toEqual(["__control"]);
  expect(readdirSync(alone.path)).toEqual([".trimtab"]);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  alone.remove();
}, 60_000);

test("tracking alone takes nothing that speaks of pipelines or of serving", async () => {
  for (const other of [
    ["--file", "pipeline.yaml"],
    ["--serve-port", "8080"],
    ["--processes", "1"],
  ]) {
    const ended = await trimtab(["up", "--tracking", ...other], { cwd: folder.path });
    expect(ended.exit).toBe(2);
    expect(ended.stderr).toStartWith(`error[USAGE] up: --tracking takes no ${other[0]}. Mend: `);
  }
});
