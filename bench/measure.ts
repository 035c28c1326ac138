/** What the benchmarks share: repeated timings, medians, process memory and the table that is printed. */

import { readdirSync, readFileSync } from "node:fs";

export interface Figure {
  what: string;
  /** Median, or the one value there is. */
  value: number;
  unit: "s" | "ms" | "MB" | "/s" | "×" | "%";
  /** What we hold ourselves to; printed beside, never asserted. */
  goal?: string;
  runs?: number;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Milliseconds of `work`, `times` over. */
export async function timed(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work();
    took.push(performance.now() - from);
  }
  return took;
}

export function print(figures: readonly Figure[]): void {
  const rows = figures.map((f) => [
    f.what,
    `${Number(f.value.toPrecision(3))} ${f.unit}`,
    f.goal ?? "",
    f.runs ? `${f.runs} runs` : "",
  ]);
  const all = [["", "median", "goal", ""], ...rows];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...all.map((row) => row[i]!.length)));
  for (const row of all)
    console.log(
      row
        .map((cell, i) => (i === 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    );
}

/** Resident and proportional memory of a process and all its children, in bytes (Linux). */
export function treeMemory(pid: number): { rssBytes: number; pssBytes: number } {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const tree = [pid];
  for (let i = 0; i < tree.length; i++) for (const [child, parent] of parents) if (parent === tree[i]) tree.push(child);
  const total = { rssBytes: 0, pssBytes: 0 };
  for (const member of tree) {
    const rollup = readFileSync(`/proc/${member}/smaps_rollup`, "utf8");
    total.rssBytes += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    total.pssBytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
  }
  return total;
}
