/**
 * Reading the small files that a person names (pipeline.yaml, features.yaml, params, suites, pointers). Only a regular file
 * is read, and never more than a bound: a pipe would be waited for without end, and a device has no end.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { fail } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import { showBytes } from "./units.ts";

/**
 * The whole file. FILE_NOT_READABLE for what is no regular file, SPEC_TOO_LARGE beyond `bytesMax`; what the system refuses is
 * thrown as it comes. `place` is the file's name in messages.
 */
export function readGiven(path: string, place: string = path, bytesMax: number = LIMITS.specBytes): Buffer {
  // Without waiting: a pipe that nobody writes to would hold up the open itself.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile())
      throw fail("FILE_NOT_READABLE", { what: `is ${kindOf(stat)}, not a file`, place, mend: "name a regular file" });
    if (stat.size > bytesMax)
      throw fail("SPEC_TOO_LARGE", {
        what: `is ${showBytes(stat.size)} and the limit is ${showBytes(bytesMax)}`,
        place,
        mend: "split it",
      });
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return "a folder";
  if (stat.isFIFO()) return "a pipe";
  return stat.isSocket() ? "a socket" : "a device";
}
