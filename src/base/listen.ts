/** What our servers have in common: how a port that cannot be had is told, and how a handler that broke is answered. */

import { asTrimtabError, fail } from "./errors.ts";
import { log } from "./log.ts";

/** For every Bun.serve: an error that no handler caught is logged and answered as ours, not by Bun's page that shows the code around it. */
export const whenBroken = {
  development: false,
  error(error: unknown): Response {
    const known = asTrimtabError(error);
    log.error(known.oneLine(), { cause: String(known.cause ?? "") });
    return Response.json({ error: known }, { status: known.status });
  },
} as const;

/** Calls `start`, which does nothing but listen. Throws PORT_TAKEN or PORT_REFUSED. */
export function listening<T>(host: string, port: number, start: () => T): T {
  try {
    return start();
  } catch (error) {
    const place = `${host}:${port}`;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw fail("PORT_TAKEN", { what: `port ${port} is taken by another program`, place, cause: error });
    if (code === "EADDRNOTAVAIL" || code === "EACCES")
      throw fail("PORT_REFUSED", { what: WHY[code], place, cause: error });
    // Bun gives a name that leads nowhere no code.
    if (code === undefined && /failed to listen/i.test(message))
      throw fail("PORT_REFUSED", { what: `${host} is no address`, place, cause: error });
    throw error;
  }
}

const WHY = {
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not listen on this port",
};
