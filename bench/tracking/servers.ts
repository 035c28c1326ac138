/** The two servers that are measured, each a process of its own on a fresh folder, started the same way. */

import { join } from "node:path";
import { healthy, startReference } from "../../test/mlflow/reference.ts";

export interface Measured {
  name: string;
  url: string;
  /** From the start of the process to the first answer of /health. */
  startMs: number;
  /** Root of the server's processes. */
  pid: number;
  stop(): Promise<void>;
}

export async function startTrimtab(): Promise<Measured> {
  const started = performance.now();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "server.ts")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const url = new TextDecoder().decode(value).trim();
  if (!(await healthy(url))) throw new Error("our server does not answer");
  const startMs = performance.now() - started;
  const stop = async () => {
    await child.stdin.end();
    await child.exited;
  };
  return { name: "Trimtab", url, startMs, pid: child.pid, stop };
}

export async function startMlflow(python: string): Promise<Measured> {
  return { name: "MLflow", ...(await startReference(python)) };
}
