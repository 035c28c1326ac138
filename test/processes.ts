/** The processes that a test's program started, from /proc. */

import { readdirSync, readFileSync } from "node:fs";

export interface Found {
  pid: number;
  parent: number;
  command: string;
}

/** Every process below `pid`, oldest first; those whose name cannot be read any more are left out. */
export function descendants(pid: number): Found[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => describe(Number(name)))
    .sort((a, b) => a.pid - b.pid);
  const below = new Set([pid]);
  // A child may have a smaller id than its parent after a wrap: repeat until nothing is added.
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const found of all) if (below.has(found.parent)) below.add(found.pid);
  }
  return all.filter((found) => found.pid !== pid && below.has(found.pid));
}

function describe(pid: number): Found[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return command === "" ? [] : [{ pid, parent, command }];
  } catch {
    return [];
  }
}
