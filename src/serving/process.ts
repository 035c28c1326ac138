/** The whole life of a serving process: start, tell the supervisor, serve until told to stop, drain. */

import { asTrimtabError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { connectToSupervisor } from "./ipc.ts";
import { type ServingOptions, startServing } from "./worker.ts";

/** Serves until SIGTERM, SIGINT or the supervisor's end; resolves with the exit code. Throws PORT_TAKEN, PORT_REFUSED. */
export async function serveProcess(options: Omit<ServingOptions, "allMetrics">): Promise<number> {
  const told = connectToSupervisor();
  try {
    const starting = startServing({ ...options, allMetrics: told.allMetrics });
    // A signal while models load ends the process; nothing is under way yet.
    const serving = await Promise.race([starting, told.stopping.then(() => undefined)]);
    if (serving === undefined) return 0;
    told.beat(serving.metrics);
    void serving.loaded.then(() => told.ready(serving.port));
    const why = await told.stopping;
    log.info("the serving process drains", { why });
    await serving.drain();
    return 0;
  } catch (error) {
    if (told.failed(error)) return asTrimtabError(error).exit;
    throw error;
  } finally {
    told.close();
  }
}
