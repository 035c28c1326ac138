/**
 * What the kernel says about processes, read from /proc: who lives, who belongs to a step, what they use. Where there is
 * no /proc (macOS) the answers are empty: a step's process group is still ended as a whole, but its memory cannot be seen.
 */

import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import type { ProcessIdentity } from "../db/step-runs.ts";

export interface ProcessFacts {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** User and system time so far. */
  cpuMs: number;
  residentBytes: number;
  /** Clock ticks since boot: with the pid it names the process for good. */
  start: string;
}

// Both are fixed in the kernel's interface for x86-64 and the usual arm64 builds.
const PAGE_BYTES = 4096;
const TICK_MS = 10;

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
};

/** The fields of /proc/<pid>/stat from the third on (index = number in proc_pid_stat(5) - 3: 20 the size of
 * its memory, 48 where its environment ends); undefined when the process is gone or only a zombie. */
function statFields(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The command's name may hold spaces and brackets; the fields start after the last bracket.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields;
}

/** Facts of one process; undefined when it is gone or only a zombie. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const fields = statFields(pid);
  if (fields === undefined) return undefined;
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    residentBytes: Number(fields[21]) * PAGE_BYTES,
    start: fields[19]!,
  };
}

/** Every process now; empty without /proc. One scan of 90 processes takes about 1 ms. */
export function scanProcesses(): ProcessFacts[] {
  return processIds().flatMap((pid) => processFacts(pid) ?? []);
}

/** Children that a process's main thread has started; empty where the kernel does not tell. */
export const childIds = (pid: number): number[] =>
  (read(`/proc/${pid}/task/${pid}/children`) ?? "").split(" ").flatMap((text) => (text === "" ? [] : [Number(text)]));

export function processIds(): number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

/** How long a process may stay between two programs before its environment counts as empty. */
const EXEC_MS = 100;
const EMPTY_LOOKS = 20;

/**
 * True when the environment that the process was started with holds `NAME=value`. While a process goes from one program
 * to the next (execve) its environment reads as empty: a shell that does nothing else was missed in 5% of looks. So an
 * empty one is believed only when it is still empty after the process has arrived.
 */
export function startedWith(pid: number, variable: string): boolean {
  const untilMs = performance.now() + EXEC_MS;
  for (let empty = 0; empty < EMPTY_LOOKS && performance.now() < untilMs; ) {
    const environment = read(`/proc/${pid}/environ`);
    if (environment === undefined) return false;
    if (environment !== "") return `\0${environment}`.includes(`\0${variable}\0`);
    const fields = statFields(pid);
    const hasProgram = fields !== undefined && fields[20] !== "0";
    if (!hasProgram) return false;
    const isArriving = fields[48] === "0";
    if (isArriving) Bun.sleepSync(0.2);
    else empty++;
  }
  return false;
}

/** Memory with shared pages counted once (PSS); undefined when it cannot be read. Slower than the resident size. */
export function proportionalBytes(pid: number): number | undefined {
  const match = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? "");
  return match ? Number(match[1]) * 1024 : undefined;
}

/** CPU ids that this process may run on; empty when unknown. */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(read("/proc/self/status") ?? "")?.[1];
  if (list === undefined) return [];
  return list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
  });
}

const bootId = (): string => read("/proc/sys/kernel/random/boot_id")?.trim() ?? "";

/** This process, as it is written beside what it runs. */
export function ownIdentity(): ProcessIdentity {
  return {
    host: hostname(),
    pid: process.pid,
    processStart: processFacts(process.pid)?.start ?? "",
    bootId: bootId(),
  };
}

/** A run on another host says that it lives this often, and counts as dead after `FOREIGN_SILENCE_MS`. */
export const HEARTBEAT_MS = 10_000;
const FOREIGN_SILENCE_MS = 60_000;

/** Whether the process still runs. Of another host (or container) only the time of its last sign is known. */
export function isAlive(identity: ProcessIdentity & { seenMs: number }, nowMs: number): boolean {
  if (identity.host !== hostname()) return nowMs - identity.seenMs < FOREIGN_SILENCE_MS;
  if (identity.bootId !== bootId()) return false;
  if (identity.processStart !== "") return processFacts(identity.pid)?.start === identity.processStart;
  return signalProcess(identity.pid, 0);
}

/** Sends a signal to a process, or with a negative number to a group; false when there is none. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** When the machine runs out of memory the kernel should end the step, not the server beside it. */
export function preferForOomKiller(pid: number): void {
  try {
    const file = openSync(`/proc/${pid}/oom_score_adj`, "w");
    writeSync(file, "500");
    closeSync(file);
  } catch {
    // No /proc, or already gone.
  }
}
