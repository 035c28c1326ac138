/** Artifacts up and down, against the rate of a server that does nothing but write to and read from the same disk. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, median } from "../measure.ts";
import type { Filled } from "./client.ts";
import type { Measured } from "./servers.ts";

const SIZE_BYTES = 256 << 20;
const ROUNDS = 5;

/** Megabytes a second of one large file. */
interface Rates {
  up: number;
  down: number;
}

async function ratesOf(address: string, file: string): Promise<Rates> {
  let from = performance.now();
  const rate = () => SIZE_BYTES / 1e3 / (performance.now() - from);
  const put = await fetch(address, { method: "PUT", body: Bun.file(file) });
  if (!put.ok) throw new Error(`PUT ${put.status}`);
  await put.arrayBuffer();
  const up = rate();
  from = performance.now();
  const got = await fetch(address);
  let bytes = 0;
  for await (const chunk of got.body!) bytes += chunk.length;
  if (bytes !== SIZE_BYTES) throw new Error(`GET gave ${bytes} bytes`);
  return { up, down: rate() };
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

interface Bare {
  address: string;
  stop(): Promise<unknown>;
}

async function startBare(folder: string): Promise<Bare> {
  const child = Bun.spawn([process.execPath, "-e", BARE, join(folder, "bare")], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  const stop = () => {
    child.kill();
    return child.exited;
  };
  return { address: `http://127.0.0.1:${new TextDecoder().decode(value).trim()}/`, stop };
}

/** Turn about, so that a busy disk meets all of them; the share is the median of the rounds' shares. */
export async function artifacts(servers: readonly { server: Measured; filled: Filled }[]): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-artifacts-"));
  const file = join(folder, "large.bin");
  await Bun.write(file, new Uint8Array(SIZE_BYTES).fill(7));
  const bare = await startBare(folder);
  try {
    const contestants = [
      { name: "a bare program", address: bare.address },
      ...servers.map(({ server, filled }) => ({
        name: server.name,
        address: `${server.url}/api/2.0/mlflow-artifacts/artifacts/${filled.experimentId}/${filled.runId}/artifacts/large.bin`,
      })),
    ].map((contestant) => ({ ...contestant, rates: [] as Rates[] }));
    for (let round = 0; round < ROUNDS; round++)
      for (const { address, rates } of contestants) rates.push(await ratesOf(address, file));
    return contestants.flatMap(({ name, rates }) => figuresOf(name, rates, contestants[0]!.rates));
  } finally {
    await bare.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const figuresOf = (name: string, rates: readonly Rates[], bare: readonly Rates[]): Figure[] =>
  (["up", "down"] as const).flatMap((way) => {
    const rate = median(rates.map((one) => one[way]));
    const share = median(rates.map((one, round) => (100 * one[way]) / bare[round]![way]));
    return [
      { what: `artifact ${way}, ${name}, MB`, value: rate, unit: "/s", runs: ROUNDS },
      ...(name === "Trimtab"
        ? [{ what: "  of the bare rate", value: share, unit: "%", goal: "≥ 80%", runs: ROUNDS } as const]
        : []),
    ];
  });
