/** CPU time of a process and its descendants (Linux): unlike a rate, it does not change with what else the machine does. */

import { readdirSync, readFileSync } from "node:fs";

/** Kernel ticks are 10 ms on every Linux that Bun runs on. */
const TICK_MS = 10;

interface Stat {
  parent: number;
  cpuMs: number;
}

function stats(): Map<number, Stat> {
  const found = new Map<number, Stat>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8");
      // The command, in parentheses, may hold spaces; after it: state, parent, …, utime (12th), stime.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      found.set(Number(name), {
        parent: Number(fields[1]),
        cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
      });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Milliseconds that the processes now alive have used. */
export function treeCpuMs(root: number): number {
  const all = stats();
  const tree = [root];
  for (let i = 0; i < tree.length; i++) for (const [pid, { parent }] of all) if (parent === tree[i]) tree.push(pid);
  return tree.reduce((sum, pid) => sum + (all.get(pid)?.cpuMs ?? 0), 0);
}
