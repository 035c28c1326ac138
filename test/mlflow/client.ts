/** Runs test/mlflow/run.py, the scenarios with a real MLflow client, against a server. */

import { join } from "node:path";

export const CLIENTS = ["mlflow2", "mlflow3"] as const;
export type Client = (typeof CLIENTS)[number];

/** What one scenario saw: a value for every named step. */
export type Steps = Record<string, unknown>;

export const GOLDEN = join(import.meta.dir, "golden");

export interface Transcript {
  scenarios: Record<string, Steps>;
  /** The Python traceback of each scenario that raised. */
  stopped: Record<string, string>;
}

/** Rejects with the script's own words when it gives no transcript. Without names: every scenario of that client. */
export async function runScenarios(python: string, url: string, names: string[] = []): Promise<Transcript> {
  const child = Bun.spawn([python, join(import.meta.dir, "run.py"), ...names], {
    env: { ...process.env, MLFLOW_TRACKING_URI: url, OMP_NUM_THREADS: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`run.py failed: ${said.slice(-3000)}`);
  return JSON.parse(out) as Transcript;
}
