/**
 * The real MLflow server of a virtual environment, on a port of its own with SQLite and proxied artifacts: the reference
 * that golden transcripts are recorded from and that bench/tracking is measured against.
 */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../program.ts";

export interface ReferenceServer {
  url: string;
  /** Milliseconds from the start of the process to the first answer of /health. */
  startMs: number;
  /** The leader of the process group of the server and its workers. */
  pid: number;
  stop(): Promise<void>;
}

/** Rejects when the server does not answer within two minutes; its output then names the reason. */
export async function startReference(python: string, options: { workers?: number } = {}): Promise<ReferenceServer> {
  const folder = mkdtempSync(join(tmpdir(), "mlflow-reference-"));
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port)];
  command.push(
    "--workers",
    String(options.workers ?? 1),
    "--backend-store-uri",
    `sqlite:///${join(folder, "mlflow.db")}`,
  );
  command.push("--artifacts-destination", join(folder, "artifacts"));
  const log = join(folder, "log");
  const started = performance.now();
  const child = Bun.spawn(command, {
    cwd: folder,
    env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: "true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
    stdout: Bun.file(log),
    stderr: Bun.file(`${log}.errors`),
    detached: true,
  });
  const stop = async () => {
    killGroup(child.pid);
    await child.exited;
    await rm(folder, { recursive: true, force: true });
  };
  while (!(await healthy(url))) {
    if (child.exitCode !== null || performance.now() - started > 120_000) {
      const said = await Bun.file(`${log}.errors`).text();
      await stop();
      throw new Error(`the reference server did not start: ${said.slice(-2000)}`);
    }
    await Bun.sleep(50);
  }
  return { url, startMs: performance.now() - started, pid: child.pid, stop };
}

/** True when the address answers /health. */
export const healthy = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    (answer) => answer.ok,
    () => false,
  );

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
