/** Entries of the processes that the supervisor starts. Their argument is one JSON text, written by up.ts. */

import { asTrimtabError } from "../base/errors.ts";
import { workspaceAt } from "../base/workspace.ts";
import type { ControlOptions } from "./control.ts";

/** A serving process: deployment folder in, predictions out. Reads no database and no pipeline.yaml. */
export async function serveEntry(argument: string): Promise<number> {
  const { root, port, host } = JSON.parse(argument) as { root: string; port: number; host: string };
  const { serveProcess } = await import("../serving/process.ts");
  const { compileFeatures } = await import("../data/features/compile.ts");
  const { deploy, predictions } = workspaceAt(root);
  return serveProcess({
    deployDir: deploy,
    predictionsDir: predictions,
    port,
    host,
    reusePort: true,
    root,
    features: compileFeatures,
  });
}

/** The control process. */
export async function controlEntry(argument: string): Promise<number> {
  const { startControl } = await import("./control.ts");
  const { connectToSupervisor } = await import("../serving/ipc.ts");
  const told = connectToSupervisor();
  try {
    const control = await startControl({
      ...(JSON.parse(argument) as Omit<ControlOptions, "servingMetrics">),
      servingMetrics: told.allMetrics,
    });
    told.ready(control.port);
    await told.stopping;
    await control.stop();
    return 0;
  } catch (error) {
    if (told.failed(error)) return asTrimtabError(error).exit;
    throw error;
  } finally {
    told.close();
  }
}
