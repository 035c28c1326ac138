/** Large files in parts and ranges, by the real clients, with a server that asks for a token: on local disk, where MLflow's own cannot. */

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { trimtabJson } from "../program.ts";
import { pythonWith } from "../python.ts";
import { CLIENTS } from "./client.ts";
import { startOurs } from "./ours.ts";

const SIZE_BYTES = 5_000_003;

async function upload(python: string, url: string, token: string): Promise<unknown> {
  const child = Bun.spawn([python, join(import.meta.dir, "uploads.py")], {
    env: { ...process.env, MLFLOW_TRACKING_URI: url, MLFLOW_TRACKING_TOKEN: token },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(said.slice(-3000));
  return JSON.parse(out);
}

for (const client of CLIENTS) {
  const python = await pythonWith(client);
  test.if(python !== undefined)(
    `${client} sends a large file in parts and takes back what failed`,
    async () => {
      const server = await startOurs();
      try {
        const made = await trimtabJson<{ token: string }>(["token", "create", "ann", "--role", "editor"], {
          cwd: server.root,
        });
        expect(await upload(python!, server.url, made.token)).toEqual({
          parts: Array.from({ length: 17 }, (_, i) => i + 1),
          listed: [["models/a b/large.bin", SIZE_BYTES]],
          same: true,
          small: "small",
          broken: true,
          after: [],
          again: [["broken/large.bin", SIZE_BYTES]],
        });
        const waiting = join(server.root, ".trimtab", "tmp", "uploads");
        const parts = readdirSync(waiting, { recursive: true }).filter((name) => /\/\d+$/.test(String(name)));
        expect(existsSync(waiting) && parts).toEqual([]);
      } finally {
        await server.stop();
      }
    },
    120_000,
  );
}
