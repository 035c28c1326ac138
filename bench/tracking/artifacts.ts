/** Artifacts up and down, against the rate of a server that does nothing but write to and read from the same disk. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, median } from "../measure.ts";
import type { Filled } from "./client.ts";
import type { Measured } from "./servers.ts";

const SIZE_BYTES = 256 << 20;
const TIMES = 3;

interface Rates {
  up: number;
  down: number;
}

/** Megabytes a second, median of three, of one large file. */
async function ratesOf(address: string, file: string): Promise<Rates> {
  const up: number[] = [];
  const down: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    let from = performance.now();
    const put = await fetch(address, { method: "PUT", body: Bun.file(file) });
    if (!put.ok) throw new Error(`PUT ${put.status}`);
    await put.arrayBuffer();
    up.push(SIZE_BYTES / 1e3 / (performance.now() - from));
    from = performance.now();
    const got = await fetch(address);
    let bytes = 0;
    for await (const chunk of got.body!) bytes += chunk.length;
    if (bytes !== SIZE_BYTES) throw new Error(`GET gave ${bytes} bytes`);
    down.push(SIZE_BYTES / 1e3 / (performance.now() - from));
  }
  return { up: median(up), down: median(down) };
}

/** The bare program: the body goes to a file, is synced, and comes back from it. */
const BARE = `
  import { open } from "node:fs/promises";
  const path = process.argv.at(-1);
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", maxRequestBodySize: 2 ** 40, async fetch(request) {
    if (request.method === "GET") return new Response(Bun.file(path));
    const file = await open(path, "w");
    for await (const chunk of request.body) await file.write(chunk);
    await file.sync();
    await file.close();
    return new Response("ok");
  } });
  console.log(server.port);
`;

async function bareRates(folder: string, file: string): Promise<Rates> {
  const child = Bun.spawn([process.execPath, "-e", BARE, join(folder, "bare")], { stdout: "pipe", stderr: "inherit" });
  try {
    const { value } = await child.stdout.getReader().read();
    return await ratesOf(`http://127.0.0.1:${new TextDecoder().decode(value).trim()}/`, file);
  } finally {
    child.kill();
    await child.exited;
  }
}

export async function artifacts(servers: readonly { server: Measured; filled: Filled }[]): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-artifacts-"));
  try {
    const file = join(folder, "large.bin");
    await Bun.write(file, new Uint8Array(SIZE_BYTES).fill(7));
    const bare = await bareRates(folder, file);
    const figures: Figure[] = [
      { what: "artifact up, bare write of the body, MB", value: bare.up, unit: "/s", runs: TIMES },
      { what: "artifact down, bare read, MB", value: bare.down, unit: "/s", runs: TIMES },
    ];
    for (const { server, filled } of servers) {
      const path = `${filled.experimentId}/${filled.runId}/artifacts/large.bin`;
      const rates = await ratesOf(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, file);
      const ours = server.name === "Trimtab";
      for (const way of ["up", "down"] as const) {
        figures.push({ what: `artifact ${way}, ${server.name}, MB`, value: rates[way], unit: "/s", runs: TIMES });
        if (ours)
          figures.push({ what: "  of the bare rate", value: (100 * rates[way]) / bare[way], unit: "%", goal: "≥ 80%" });
      }
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
