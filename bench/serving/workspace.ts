/** Scratch workspaces and serving processes for the benches of serving. */

import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ColumnSpec } from "../../src/base/columns.ts";
import { deployVersion } from "../../src/serving/deployment.ts";
import { type TrimtabFlavor, writeMlmodel } from "../../src/spec/mlmodel.ts";

export interface Bench {
  dir: string;
  deployDir: string;
  remove(): void;
}

export function makeBench(): Bench {
  const dir = mkdtempSync(join(tmpdir(), "trimtab-bench-"));
  return { dir, deployDir: join(dir, "deploy"), remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export const numbers = (names: readonly string[]): ColumnSpec[] =>
  names.map((name) => ({ name, type: "number", required: true }));

/** A version's folder; `files` are name → content. */
export async function makeVersion(
  bench: Bench,
  version: number,
  flavor: Pick<TrimtabFlavor, "runtime" | "entry" | "inputs">,
  files: Record<string, string | Uint8Array>,
): Promise<string> {
  const folder = join(bench.dir, "models", `v${version}`);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await Bun.write(join(folder, name), content);
  const trimtab: TrimtabFlavor = { task: "classification", target: "y", classes: [0, 1], ...flavor };
  await writeMlmodel(folder, { trimtab, flavors: {}, other: {} });
  return folder;
}

export const deploy = (bench: Bench, version: number, folder: string) =>
  deployVersion({ deployDir: bench.deployDir, model: "m", reason: "bench", models: [{ version, folder }] });

export interface Server {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** Starts one serving process as `up` would; resolves when its models are loaded. */
export async function startServer(bench: Bench, python?: string): Promise<Server> {
  const options = {
    deployDir: bench.deployDir,
    predictionsDir: join(bench.dir, "predictions"),
    python,
    root: bench.dir,
  };
  const ready = Promise.withResolvers<number>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "serve.ts"), JSON.stringify(options)], {
    stdio: ["ignore", "inherit", "inherit"],
    serialization: "json",
    ipc(message: { type: string; port: number }) {
      if (message.type === "ready") ready.resolve(message.port);
    },
  });
  return {
    port: await ready.promise,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
