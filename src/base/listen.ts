/** What our servers have in common: how a port that cannot be had is told, and how a handler that broke is answered. */

import { asTrimtabError, fail } from "./errors.ts";
import { log } from "./log.ts";

/** For every Bun.serve: an error that no handler caught is logged and answered as ours, not by Bun's page that shows the code around it. */
export const whenBroken = {
  development: false,
  // Out of development Bun shares ports unless told not to: a second server would silently take half of the first one's requests.
  reusePort: false,
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
    if (leadsNowhere(code, message)) throw fail("PORT_REFUSED", { what: `${host} is no address`, place, cause: error });
    throw error;
  }
}

/** What Bun says of a name that no address belongs to: none, the resolver's, or whatever the system's last call left. */
const leadsNowhere = (code: string | undefined, message: string): boolean =>
  code === undefined
    ? /failed to listen/i.test(message)
    : code === "ENOTFOUND" || (/, listen$/.test(message) && (code === "EINVAL" || code === "ENOENT"));

const WHY = {
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not listen on this port",
};
