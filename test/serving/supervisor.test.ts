import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { type Supervisor, supervise } from "../../src/serving/supervisor.ts";
import { deploy, LOGISTIC, makeModel, makePlace, type Place, until } from "./helpers.ts";

const ENTRY = join(import.meta.dir, "serve-entry.ts");
let place: Place;
let supervisor: Supervisor | undefined;
beforeEach(() => {
  place = makePlace();
});
afterEach(async () => {
  await supervisor?.stop();
  supervisor = undefined;
  place.remove();
});

const optionsOf = (port: number, count = 1, silenceMs?: number) =>
  JSON.stringify({ deployDir: place.deployDir, predictionsDir: place.predictionsDir, port, count, silenceMs });

async function start(count = 2, silenceMs?: number): Promise<Supervisor & { port: number }> {
  supervisor = supervise({
    ...(silenceMs !== undefined && { silenceMs }),
    serving: {
      count,
      port: 0,
      host: "127.0.0.1",
      command: (port) => [process.execPath, ENTRY, "part", optionsOf(port)],
    },
  });
  await supervisor.ready;
  return { ...supervisor, port: supervisor.port! };
}

const predict = async (port: number): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${port}/predict`, {
    method: "POST",
    body: '{"features":[1,2]}',
    // A connection stays with its process: each request takes its own, so that all processes are met.
    headers: { connection: "close" },
  });
  await response.text();
  return response.status;
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("killed processes come back, and /metrics sums what all of them, the dead too, have counted", async () => {
  await deploy(place, 1, await makeModel(place, 1));
  const { port, parts } = await start();
  for (let i = 0; i < 40; i++) expect(await predict(port)).toBe(200);
  const counted = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^${name}\\{[^}]*code="200"\\} (\\d+)$`, "m").exec(text)?.[1]);
  };
  await until("every process has told its numbers", async () => (await counted("trimtab_requests_total")) === 40);

  for (const { pid } of parts()) {
    process.kill(pid!, "SIGKILL");
    await until("it is there again", () => parts().every((part) => part.pid !== undefined && part.pid !== pid));
    await until("requests are answered", async () => (await predict(port).catch(() => 0)) === 200);
  }
  expect(await counted("trimtab_requests_total")).toBeGreaterThanOrEqual(40);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(text).not.toContain('code="503"');
  for (const part of ["serving-0", "serving-1"])
    expect(text).toContain(`trimtab_process_restarts_total{part="${part}"} 1`);
});

test("a process that comes back takes no request before its model is loaded", async () => {
  // A Promise at the top of the module: loading takes half a second, as a large pickle's would.
  await deploy(place, 1, await makeModel(place, 1, `await new Promise((done) => setTimeout(done, 500));\n${LOGISTIC}`));
  const { port, parts } = await start();
  process.kill(parts()[0]!.pid!, "SIGKILL");
  const answers: number[] = [];
  // A connection that the dead process had taken is cut; that is no answer.
  for (const end = Date.now() + 1_500; Date.now() < end; ) answers.push(await predict(port).catch(() => 200));
  expect(answers.filter((status) => status !== 200)).toEqual([]);
});

test("a process whose model never returns is ended, and serves again", async () => {
  const endless = LOGISTIC.replace("const { a, b }", "while (columns.a[0] === 13);\n  const { a, b }");
  await deploy(place, 1, await makeModel(place, 1, endless));
  const { port, parts } = await start(1, 5_000);
  const [before] = parts();
  const hung = fetch(`http://127.0.0.1:${port}/predict`, { method: "POST", body: '{"features":[13,0]}' }).catch(
    () => "cut",
  );
  await until("another process serves", () => parts()[0]!.pid !== undefined && parts()[0]!.pid !== before!.pid);
  expect(await hung).toBe("cut");
  await until("requests are answered", async () => (await predict(port).catch(() => 0)) === 200);
});

test("a part that does not beat is not taken for hanging because it asked for the numbers once", async () => {
  const says = `process.send({ type: "ready", port: 1 }); process.send({ type: "metrics?", id: 1, own: {} });
    process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000);`;
  supervisor = supervise({ silenceMs: 1, control: { command: [process.execPath, "-e", says] } });
  await supervisor.ready;
  const [before] = supervisor.parts();
  await Bun.sleep(2_500);
  expect(supervisor.parts()).toEqual([before!]);
});

test("processes that were suspended together with their supervisor go on", async () => {
  const up = Bun.spawn([process.execPath, ENTRY, "up", optionsOf(0, 2, 3_000)], { stdout: "pipe" });
  try {
    const { value } = await up.stdout.getReader().read();
    const { pids } = JSON.parse(Buffer.from(value!).toString()) as { pids: number[] };
    for (const pid of [up.pid, ...pids]) process.kill(pid, "SIGSTOP");
    await Bun.sleep(4_000);
    for (const pid of [up.pid, ...pids]) process.kill(pid, "SIGCONT");
    await Bun.sleep(2_500);
    expect(pids.filter(isAlive)).toEqual(pids);
  } finally {
    up.kill("SIGTERM");
    await up.exited;
  }
});

test("a process that connections have left no file to open serves its models to those who are connected", async () => {
  await deploy(place, 1, await makeModel(place, 1));
  const up = Bun.spawn(["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", process.execPath, ENTRY, "up", optionsOf(0)], {
    stdout: "pipe",
  });
  const silent: Bun.Socket[] = [];
  try {
    const { value } = await up.stdout.getReader().read();
    const { port } = JSON.parse(Buffer.from(value!).toString()) as { port: number };
    const open = async (onData: (bytes: Uint8Array) => void) => {
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: { data: (_, bytes) => onData(bytes) },
      });
      silent.push(socket);
      return socket;
    };
    let said = "";
    const first = await open((bytes) => {
      said += Buffer.from(bytes).toString();
    });
    const ask = async () => {
      said = "";
      first.write('POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{"features":[1,2]}');
      await until("it is answered", () => said !== "");
      return said.slice(0, 12);
    };
    expect(await ask()).toBe("HTTP/1.1 200");
    for (let i = 0; i < 150; i++) await open(() => undefined);
    // Meanwhile it looks for deployments many times.
    await Bun.sleep(4_000);
    expect(await ask()).toBe("HTTP/1.1 200");
  } finally {
    for (const socket of silent) socket.end();
    up.kill("SIGTERM");
    await up.exited;
  }
});

test("SIGTERM drains: what is under way is answered and what was captured is on disk", async () => {
  const slow = LOGISTIC.replace("export function", "export async function").replace(
    "return p;",
    "await Bun.sleep(500); return p;",
  );
  await deploy(place, 1, await makeModel(place, 1, slow));
  const { port, stop, parts } = await start(1);
  const pids = parts().map((part) => part.pid!);
  const under = [predict(port), predict(port)];
  await Bun.sleep(150);
  const stopping = stop();
  expect(await Promise.all(under)).toEqual([200, 200]);
  await stopping;
  expect(pids.some(isAlive)).toBe(false);
  const [path] = [...new Bun.Glob("m/*/*.jsonl").scanSync(place.predictionsDir)];
  const text = await Bun.file(join(place.predictionsDir, path!)).text();
  expect(text.trim().split("\n").length).toBe(2);
});

test("a taken port is one clear error and nothing is started", async () => {
  const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("mine") });
  const sharing = Bun.serve({ port: 0, hostname: "127.0.0.1", reusePort: true, fetch: () => new Response("mine") });
  try {
    for (const { port } of [other, sharing]) {
      const child = Bun.spawn([process.execPath, ENTRY, "up", optionsOf(port!)], { stdout: "pipe", stderr: "pipe" });
      expect(await child.exited).toBe(1);
      const said = await new Response(child.stderr).text();
      expect(said).toBe(
        `error[PORT_TAKEN] 127.0.0.1:${port}: port ${port} is taken by another program. Mend: stop it or choose another port.\n`,
      );
    }
  } finally {
    await Promise.all([other.stop(true), sharing.stop(true)]);
  }
});

test("a part that fails at its first start ends the whole start with its own error", async () => {
  const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("mine") });
  try {
    const failing = supervise({
      serving: {
        count: 1,
        port: 0,
        host: "127.0.0.1",
        command: () => [process.execPath, ENTRY, "part", optionsOf(other.port!)],
      },
    });
    await expect(failing.ready).rejects.toMatchObject({ code: "PORT_TAKEN", place: `127.0.0.1:${other.port}` });
    const broken = supervise({
      serving: { count: 1, port: 0, host: "127.0.0.1", command: () => [process.execPath, "-e", "process.exit(5)"] },
    });
    await expect(broken.ready).rejects.toThrow("serving-0 ended with exit code 5 before it was ready");
  } finally {
    await other.stop(true);
  }
});

test("kill -9 of the supervisor: its children drain, and the port is free for the next", async () => {
  await deploy(place, 1, await makeModel(place, 1));
  const up = Bun.spawn([process.execPath, ENTRY, "up", optionsOf(0, 2)], { stdout: "pipe" });
  const reader = up.stdout.getReader();
  const { value } = await reader.read();
  const { port, pids } = JSON.parse(Buffer.from(value!).toString()) as { port: number; pids: number[] };
  expect(await predict(port)).toBe(200);
  up.kill("SIGKILL");
  await until("its children have ended", () => !pids.some(isAlive));
  const again = Bun.spawn([process.execPath, ENTRY, "up", optionsOf(port)], { stdout: "pipe" });
  await again.stdout.getReader().read();
  expect(await predict(port)).toBe(200);
  again.kill("SIGTERM");
  expect(await again.exited).toBe(0);
});
