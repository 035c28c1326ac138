/** Unfinished files of an artifact store: whose they are is in their names, so that those of dead processes can be told. */

import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { randomId } from "../base/hash.ts";

/** A connection that sends nothing is closed long before: what nobody has written to for so long has no writer. */
const FORGOTTEN_MS = 3_600_000;

/** A name for a file that this process writes. */
export const stagingName = (): string => `${hostname()}@${process.pid}@${randomId()}`;

/** Removes what dead processes left: at once those of this machine, after an hour those of others that share the folder. */
export async function sweepStaging(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && (Date.now() - found.mtimeMs > FORGOTTEN_MS || isDead(name))) await rm(path, { force: true });
  }
}

/** Whether its writer was a process of this machine that is gone. A number that was given again counts as living. */
function isDead(name: string): boolean {
  const [host, pid] = name.split("@");
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
