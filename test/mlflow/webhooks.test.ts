/** Webhooks through the real program: MLflow's client keeps them, an https receiver is told, also after the server was killed. */

import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, type Served, startUp, trimtab, trimtabJson, until } from "../program.ts";
import { pythonWith } from "../python.ts";

const python = await pythonWith("mlflow3");
const folder = freshFolder("webhooks");
afterAll(() => folder.remove());

/** Key and certificate for "localhost" and no address, made for this test alone. */
const PEM = join(import.meta.dir, "localhost.pem");

interface Received {
  id: string;
  timestamp: string;
  signature: string;
  body: string;
}

async function script<T>(url: string, args: string[], stdin = ""): Promise<T> {
  const child = Bun.spawn([python!, join(import.meta.dir, "webhooks.py"), ...args], {
    env: { ...process.env, MLFLOW_TRACKING_URI: url },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(said.slice(-3000));
  return JSON.parse(out) as T;
}

const eventsOf = (received: readonly Received[]) =>
  received
    .map(({ body }) => JSON.parse(body) as Record<string, unknown> & { event: { seq: number } })
    .sort((a, b) => a.event.seq - b.event.seq)
    .map(({ entity, action, data }) => ({ event: `${entity}.${action}`, data }));

test.if(python !== undefined)(
  "MLflow's client keeps webhooks, and a receiver is told through a kill of the server",
  async () => {
    const received: Received[] = [];
    let status = 200;
    const receiver = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { key: readFileSync(PEM, "utf8"), cert: readFileSync(PEM, "utf8") },
      async fetch(request) {
        const header = (name: string) => request.headers.get(`x-mlflow-${name}`) ?? "";
        const body = await request.text();
        received.push({
          id: header("delivery-id"),
          timestamp: header("timestamp"),
          signature: header("signature"),
          body,
        });
        return new Response("heard", { status });
      },
    });
    writeFileSync(
      join(folder.path, "pipeline.yaml"),
      "model: m\nsteps:\n  make:\n    cmd: echo 1 > out.txt\n    outs: [out.txt]\n",
    );
    const env = {
      TRIMTAB_WEBHOOKS_PRIVATE: "allow",
      NODE_EXTRA_CA_CERTS: PEM,
      // A proxy of the environment is not asked.
      HTTPS_PROXY: "http://127.0.0.1:9",
    };
    const start = () => startUp(folder.path, { env, processes: 1, model: false });
    let server: Served | undefined;
    try {
      server = await start();
      const kept = await script<Record<string, unknown>>(server.control, [
        "keep",
        `https://localhost:${receiver.port}/hook`,
      ]);
      expect(kept).toMatchObject({
        same: ["model_version.created", "model_version_alias.created"],
        changed: ["told by Trimtab", "ACTIVE", ["model_version.created", "registered_model.created"]],
        tested: [true, 200, "heard"],
        listed: ["ci"],
        refused: "INVALID_PARAMETER_VALUE",
      });
      await until(
        () => received.length >= 3,
        30_000,
        () => JSON.stringify(received),
      );
      expect(eventsOf(received)).toEqual([
        {
          event: "model_version.created",
          data: {
            name: "example_model",
            version: "1",
            source: "models:/123",
            run_id: "abcd1234abcd5678",
            tags: { example_key: "example_value" },
            description: "An example model version",
          },
        },
        { event: "registered_model.created", data: { name: "forecast", tags: { team: "a" }, description: "d" } },
        {
          event: "model_version.created",
          data: {
            name: "forecast",
            version: "1",
            source: "s3://bucket/model",
            run_id: null,
            tags: {},
            description: "first",
          },
        },
      ]);
      const signed = await script<string[]>(server.control, ["sign"], JSON.stringify(received));
      expect(received.map((one) => one.signature)).toEqual(signed);

      // It does not want to hear it now, and then the server dies.
      status = 503;
      const { id } = kept as { id: string };
      const made = { method: "POST", headers: { "content-type": "application/json" } };
      const body = JSON.stringify({ name: "later" });
      await fetch(`${server.control}/api/2.0/mlflow/registered-models/create`, { ...made, body });
      const log = async () =>
        (
          await trimtabJson<{ deliveries: { state: string; attempts: number; status: number }[] }>(
            ["webhook", "log", id.slice(0, 8)],
            { cwd: folder.path },
          )
        ).deliveries;
      await until(
        async () => (await log())[0]?.status === 503,
        30_000,
        () => "the refusal is not in the log",
      );
      process.kill(server.pid, "SIGKILL");
      status = 200;
      server = await start();
      await until(
        async () => (await log())[0]?.state === "done",
        60_000,
        () => "it was not tried again",
      );
      expect((await log()).map((one) => [one.state, one.attempts, one.status])).toEqual([
        ["done", 2, 200],
        ["done", 1, 200],
        ["done", 1, 200],
      ]);
      expect(received.at(-1)!.id).toBe(received.at(-2)!.id);
      // An address inside the machine, without leave.
      const refused = await trimtab(["webhook", "add", "https://localhost:1/"], { cwd: folder.path });
      expect(refused).toMatchObject({ exit: 2, stderr: expect.stringContaining("TARGET_REFUSED") });
    } finally {
      await server?.stop();
      await receiver.stop(true);
    }
  },
  180_000,
);
