/** Entries of the supervisor and of the processes that it starts. Their argument is one JSON text, of up.ts or watch-over.ts. */

import { asTrimtabError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { CONTROL_WORD, SERVE_WORD, SUPERVISE_WORD } from "../base/program.ts";
import { workspaceAt } from "../base/workspace.ts";
import type { ControlOptions } from "./control.ts";
import type { Watched } from "./watch-over.ts";

/** By the word that stands in place of a command. */
export const ENTRIES: ReadonlyMap<string | undefined, (argument: string) => Promise<number>> = new Map([
  [SUPERVISE_WORD, superviseEntry],
  [SERVE_WORD, serveEntry],
  [CONTROL_WORD, controlEntry],
]);

/** The supervisor: nothing else is loaded, for it lives as long as everything else and does no work. */
async function superviseEntry(argument: string): Promise<number> {
  const { watchOver } = await import("./watch-over.ts");
  return watchOver(JSON.parse(argument) as Watched);
}

/** A serving process: deployment folder in, predictions out. Reads no database and no pipeline.yaml. */
async function serveEntry(argument: string): Promise<number> {
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
async function controlEntry(argument: string): Promise<number> {
  const { startControl } = await import("./control.ts");
  const { connectToSupervisor } = await import("../serving/ipc.ts");
  const told = connectToSupervisor();
  try {
    const starting = startControl({
      ...(JSON.parse(argument) as Omit<ControlOptions, "servingMetrics">),
      servingMetrics: told.allMetrics,
    });
    const isStarted = await Promise.race([starting.then(() => true), told.stopping.then(() => false)]);
    if (!isStarted) {
      // Told to end before it was ready: it may be waiting for whoever holds the database.
      await Promise.race([starting.then((control) => control.stop()), Bun.sleep(LIMITS.dbHurryMs)]);
      return 0;
    }
    const control = await starting;
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
