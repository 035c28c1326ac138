/**
 * The processes of one step: the child, everything below it, what left its process group or was orphaned, and what
 * became a daemon (known by a token in its environment). Measures them, and ends them all.
 */

import {
  childIds,
  type ProcessFacts,
  processFacts,
  processIds,
  proportionalBytes,
  scanProcesses,
  signalProcess,
  startedWith,
} from "./processes.ts";

export interface TreeUse {
  /** Highest sum of resident memory seen at once. */
  memoryBytesPeak: number;
  /** Sum over the processes seen, each at its last sample; a lower bound. */
  cpuMs: number;
}

export class ProcessTree {
  private readonly known = new Map<number, ProcessFacts>();
  private readonly before: Set<number>;
  private memoryBytesPeak = 0;

  /** `token` is "NAME=value", set in the child's environment and nobody else's; `before`: ids alive before the spawn. */
  constructor(
    private readonly root: number,
    private readonly token: string,
    before: readonly number[],
  ) {
    this.before = new Set(before);
  }

  /** Looks at the processes now; returns the memory of the tree in bytes (shared pages counted in each process). */
  sample(): number {
    const members = this.members();
    const memoryBytes = members.reduce((sum, p) => sum + p.residentBytes, 0);
    this.memoryBytesPeak = Math.max(this.memoryBytesPeak, memoryBytes);
    return memoryBytes;
  }

  /** A cheap look for the first moments: only the child and what it started directly or not, by its main threads. */
  glance(): void {
    let memoryBytes = 0;
    const waiting = [this.root];
    for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
      const facts = processFacts(pid);
      if (facts === undefined) continue;
      this.known.set(pid, facts);
      memoryBytes += facts.residentBytes;
      waiting.push(...childIds(pid));
    }
    this.memoryBytesPeak = Math.max(this.memoryBytesPeak, memoryBytes);
  }

  /** As `sample`, with pages that several processes share counted once: exact, but slow on large processes. */
  exactMemoryBytes(): number {
    return this.members().reduce((sum, p) => sum + (proportionalBytes(p.pid) ?? p.residentBytes), 0);
  }

  use(): TreeUse {
    let cpuMs = 0;
    for (const process of this.known.values()) cpuMs += process.cpuMs;
    return { memoryBytesPeak: this.memoryBytesPeak, cpuMs };
  }

  /** Living members: same session, below a member, or a member before. */
  private members(): ProcessFacts[] {
    const all = scanProcesses();
    const inside = new Map<number, ProcessFacts>();
    for (const process of all) if (this.belongs(process)) inside.set(process.pid, process);
    // Parents have smaller ids nearly always, so two rounds settle all but a wrapped id, which the next sample finds.
    for (let round = 0; round < 2; round++)
      for (const process of all) if (inside.has(process.parent)) inside.set(process.pid, process);
    for (const [pid, process] of inside) this.known.set(pid, process);
    return [...inside.values()];
  }

  private belongs(process: ProcessFacts): boolean {
    if (process.pid === this.root || process.session === this.root || process.group === this.root) return true;
    return this.known.get(process.pid)?.start === process.start;
  }

  /** Members, and processes that carry the token although nothing else ties them to the step. */
  private survivors(): number[] {
    const ids = processIds();
    // Without /proc only the group as a whole can be asked.
    if (ids.length === 0) return signalProcess(-this.root, 0) ? [this.root] : [];
    const pids = new Set(this.members().map((p) => p.pid));
    for (const pid of ids) if (!this.before.has(pid) && !pids.has(pid) && startedWith(pid, this.token)) pids.add(pid);
    return [...pids];
  }

  /** The usual case, told without looking at every process: no group, nobody seen elsewhere, nobody with the token. */
  private isGone(): boolean {
    if (signalProcess(-this.root, 0)) return false;
    for (const { pid, session, start } of this.known.values())
      if (session !== this.root && processFacts(pid)?.start === start) return false;
    return !processIds().some((pid) => !this.before.has(pid) && startedWith(pid, this.token));
  }

  private signal(pids: readonly number[], signal: NodeJS.Signals): void {
    signalProcess(-this.root, signal);
    for (const pid of pids) signalProcess(pid, signal);
  }

  /** TERM to all, KILL to those left after `graceMs`; resolves when none lives, or when KILL has had no effect for 2 s. */
  async end(graceMs: number): Promise<void> {
    if (this.isGone()) return;
    let left = this.survivors();
    if (left.length === 0) return;
    this.signal(left, "SIGTERM");
    left = await this.gone(graceMs);
    if (left.length === 0) return;
    const untilMs = performance.now() + 2000;
    while (left.length > 0 && performance.now() < untilMs) {
      this.signal(left, "SIGKILL");
      left = await this.gone(50);
    }
  }

  private async gone(withinMs: number): Promise<number[]> {
    const untilMs = performance.now() + withinMs;
    for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 50)) {
      const left = this.survivors();
      if (left.length === 0 || performance.now() >= untilMs) return left;
      await Bun.sleep(Math.min(pauseMs, Math.max(1, untilMs - performance.now())));
    }
  }
}

/**
 * Ends every process whose environment holds `token` ("NAME=value"): what a killed run of ours left behind. Resolves to
 * how many there were. A process that forks and ends between the listing and the look hides its child, so one look
 * without strays is not enough.
 */
export async function endStrays(token: string): Promise<number> {
  const ended = new Set<number>();
  for (let round = 0, quiet = 0; round < 40 && quiet < 2; round++) {
    const strays = processIds().filter((pid) => pid !== process.pid && startedWith(pid, token));
    for (const pid of strays) {
      signalProcess(pid, "SIGKILL");
      ended.add(pid);
    }
    quiet = strays.length === 0 ? quiet + 1 : 0;
    if (quiet < 2) await Bun.sleep(strays.length === 0 ? 5 : 25);
  }
  return ended.size;
}
