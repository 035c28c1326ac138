/** `up` and `serve`: the processes that answer. */

import { fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { parseDurationMs } from "../base/units.ts";
import type { Command, CommandGroup, Input } from "./command.ts";
import { numberOf, text, texts } from "./command.ts";
import type { Io } from "./io.ts";

const PORT = {
  name: "port",
  value: "n",
  about: "port of the API and the status page (default: TRIMTAB_PORT, or 5000)",
};
const SERVE_PORT = { name: "serve-port", value: "n", about: "port of /predict (default: TRIMTAB_SERVE_PORT, or 8080)" };
const HOST = { name: "host", value: "address", about: "address to listen on", default: "127.0.0.1" };
const PROCESSES = {
  name: "processes",
  value: "n",
  about: "serving processes; default: deploy.replicas, else one a core",
};
const FILES = { name: "file", short: "f", value: "path", about: "pipeline files (default: pipeline.yaml)", many: true };

const TRACKING = {
  name: "tracking",
  about: "only tracking and model registry, kept in this folder: takes no pipeline.yaml, serves no model",
};

const up: Command = {
  name: "up",
  about: "Start everything: API, status page, scheduler, monitor, jobs, and serving processes",
  options: [FILES, PORT, SERVE_PORT, HOST, PROCESSES, TRACKING],
  examples: ["trimtab up", "TRIMTAB_AUTOMATE_RETRAIN=false trimtab up --port 5001", "trimtab up --tracking"],
  action: async (io, input) => {
    const kept = io.env.TRIMTAB_PURGE_DELETED;
    if (kept && parseDurationMs(kept) === undefined)
      throw fail("USAGE", {
        what: `"${kept}" is not a duration`,
        place: "TRIMTAB_PURGE_DELETED",
        mend: "as 12h or 90d",
      });
    const { up: start } = await import("../server/up.ts");
    return start(io, await optionsOf(input, io.env));
  },
};

const serve: Command = {
  name: "serve",
  about: "Start only the serving processes; they need the deployment folder and nothing else",
  options: [SERVE_PORT, HOST, PROCESSES],
  action: async (io, input) => {
    const { serveOnly } = await import("../server/up.ts");
    return serveOnly(io, await optionsOf(input, io.env));
  },
};

/** Tracking alone has no pipeline and serves nothing: what speaks of these would be ignored. */
function refuseBeside({ options }: Input, others: readonly { name: string }[]): void {
  const beside = others.find(({ name }) => [options[name]].flat().some((value) => value !== undefined));
  if (beside)
    throw fail("USAGE", { what: `--tracking takes no --${beside.name}`, place: "up", mend: "leave one of them out" });
}

/** 0: any free one. */
const PORTS = { min: 0, max: 65_535 };
const portOf = (input: Input, option: string, set: string | undefined) =>
  numberOf(text(input.options[option]) ?? (set || undefined), `--${option}`, PORTS);

async function optionsOf(input: Input, env: Io["env"]) {
  const processes = numberOf(text(input.options.processes), "--processes", { min: 1, max: LIMITS.servingProcesses });
  const files = texts(input.options.file);
  const { tracking } = input.options;
  const host = text(input.options.host)!;
  // To the system it means every address: `--host "$HOST"` without a HOST would open the server to the network.
  if (host === "")
    throw fail("USAGE", {
      what: "is empty",
      place: "--host",
      mend: "write 127.0.0.1 for this machine alone, 0.0.0.0 for every address",
    });
  if (tracking) refuseBeside(input, [FILES, SERVE_PORT, PROCESSES]);
  return {
    files: tracking || files.length > 0 ? files : ["pipeline.yaml"],
    port: portOf(input, "port", env.TRIMTAB_PORT) ?? 5000,
    servePort: portOf(input, "serve-port", env.TRIMTAB_SERVE_PORT) ?? 8080,
    host,
    ...(processes ? { processes } : {}),
  };
}

export const serveGroup: CommandGroup = { title: "Serve", commands: [up, serve] };
