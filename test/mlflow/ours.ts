/** Trimtab's control process, the one that answers MLflow's clients, on a fresh workspace: as `trimtab up` starts it. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTROL_WORD, selfCommand } from "../../src/base/program.ts";
import { environment, freePort, until } from "../program.ts";
import { healthy } from "./reference.ts";

export interface OurServer {
  url: string;
  /** Its workspace. */
  root: string;
  /** Milliseconds from the start of the process to the first answer of /health. */
  startMs: number;
  pid: number;
  stop(): Promise<void>;
}

const PIPELINE = "model: m\nsteps:\n  train:\n    cmd: 'true'\n    outs: [model]\n";

export async function startOurs(): Promise<OurServer> {
  const root = mkdtempSync(join(tmpdir(), "trimtab-tracking-"));
  writeFileSync(join(root, "pipeline.yaml"), PIPELINE);
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  const options = { root, files: ["pipeline.yaml"], port, host: "127.0.0.1" };
  const child = Bun.spawn(selfCommand(CONTROL_WORD, JSON.stringify(options)), {
    cwd: root,
    env: environment(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
    await rm(root, { recursive: true, force: true });
  };
  try {
    await until(
      () => child.exitCode !== null || healthy(url),
      60_000,
      () => "our server does not answer",
    );
    if (child.exitCode !== null) throw new Error(`our server ended with ${child.exitCode}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, root, startMs: performance.now() - started, pid: child.pid, stop };
}
