/**
 * Against DNS rebinding: a page of another site can give its own name the address 127.0.0.1, and then asks a server on its
 * reader's machine as if it were its own. What such a page cannot do is leave its name out of the request. So a server that
 * is open to all on this machine answers to the names of this machine only.
 */

import { fail, type TrimtabError } from "../../base/errors.ts";

const OURS = /^https?:\/\/(localhost|[\w.-]+\.localhost|[\d.]+|\[[\da-f:.]+\])(:\d+)?\//i;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[?::1\]?)$/i;

/** The address that is listened on is reached from this machine alone. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** The name that a request asks for, when another site can have it: no IP address, not localhost. A browser always says one. */
export function foreignName(request: Request): string | undefined {
  return OURS.test(request.url) ? undefined : (request.headers.get("host") ?? "no name");
}

/** FORBIDDEN, for a request by that name. */
export const refuseName = (name: string): TrimtabError =>
  fail("FORBIDDEN", {
    what: `a server without tokens answers to localhost and addresses, not to ${name.slice(0, 100)}`,
    mend: "ask for 127.0.0.1 or localhost; to be asked by another name, make a token: trimtab token create",
  });
