/** name=value, as params are given on the command line and in the address of a request. */

import { fail } from "../base/errors.ts";

/** USAGE for what has no name or no "=". `place`: what it was given as. */
export function readPairs(pairs: readonly string[], place: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1)
        throw fail("USAGE", { what: `"${pair}" is not name=value`, place, mend: `write ${place} max_depth=8` });
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
