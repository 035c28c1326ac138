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

/** An address's own host is one that no other site can have: an IP address or localhost. `url` is absolute. */
export const isOwnName = (url: string): boolean => OURS.test(url);

/** FORBIDDEN, for a request by another name. */
export const foreignName = (url: string): TrimtabError =>
  fail("FORBIDDEN", {
    what: `a server without tokens answers to localhost and addresses, not to ${new URL(url).host}`,
    mend: "ask for 127.0.0.1 or localhost; to be asked by another name, make a token: trimtab token create",
  });
