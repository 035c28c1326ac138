/** The URL of a PostgreSQL database, as people may see it. */

import { fail } from "../base/errors.ts";
import { keepSecret } from "../base/log.ts";

export const isPostgres = (address: string): boolean => /^postgres(ql)?:\/\//.test(address);

/** The address without user, password and parameters, for messages; the password is kept out of every later line. */
export function parseAddress(address: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw fail("DB_UNREACHABLE", {
      what: "it is not a valid postgres:// URL",
      place: "TRIMTAB_DB",
      mend: "write postgres://user:password@host:5432/database, with special letters of the password as %XX",
    });
  }
  for (const secret of [url.password, url.searchParams.get("password")])
    if (secret) for (const form of [secret, decoded(secret)]) keepSecret(form);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
