/** Objects that nobody wants any more, and scratch that dead processes left, removed from a cache. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

export interface Garbage {
  /** Objects removed (or that would be) and their bytes. */
  removed: number;
  sizeBytes: number;
  kept: number;
}

/** The caller sees to it that nobody adds meanwhile: an object that was found present but is not in `keep` yet would go. */
export async function collectGarbage(
  dir: string,
  objects: string,
  keep: ReadonlySet<string>,
  dryRun: boolean,
): Promise<Garbage> {
  const garbage: Garbage = { removed: 0, sizeBytes: 0, kept: 0 };
  for (const prefix of namesIn(objects)) {
    const folder = join(objects, prefix);
    for (const rest of namesIn(folder)) {
      if (keep.has(prefix + rest)) {
        garbage.kept++;
        continue;
      }
      const path = join(folder, rest);
      garbage.removed++;
      garbage.sizeBytes += statSync(path).size;
      if (!dryRun) await rm(path, { force: true });
    }
    if (!dryRun && namesIn(folder).length === 0) await rmdir(folder);
  }
  if (!dryRun) await removeAbandoned(join(dir, "tmp"));
  return garbage;
}

async function removeAbandoned(staging: string): Promise<void> {
  for (const name of namesIn(staging))
    if (!isAlive(Number.parseInt(name, 10))) await rm(join(staging, name), { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
