/**
 * Which steps may run at the same time. A step takes `resources.cpus` (1 unless told) of the jobs, and its memory limit of
 * the machine's memory; one that wants more than there is runs alone. A step that declares `cpus` is also bound to that
 * many CPUs (rounded up), where `taskset` exists; elsewhere `cpus` only counts here.
 */

import { totalmem } from "node:os";
import type { Step } from "../spec/types.ts";
import { allowedCpus } from "./processes.ts";

export interface Lease {
  cpus: number;
  memoryBytes: number;
  /** CPU ids to stay on; empty: any. */
  cpuIds: number[];
}

/** CPUs that this process may use. */
export const cpuCount = (): number => allowedCpus().length || navigator.hardwareConcurrency;

/** Memory of the machine, or of the container when that is less. */
const machineMemoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

export class Slots {
  private usedCpus = 0;
  private usedMemoryBytes = 0;
  private leases = 0;
  private readonly load = new Map<number, number>();

  constructor(
    private readonly jobs: number,
    private readonly memoryBytes: number = machineMemoryBytes(),
    private readonly cpuIds: number[] = Bun.which("taskset") === null ? [] : allowedCpus(),
  ) {}

  /** Room for the step now, or undefined. */
  take(step: Step): Lease | undefined {
    const cpus = Math.min(step.resources.cpus ?? 1, this.jobs);
    const memoryBytes = Math.min(step.resources.memoryBytes ?? 0, this.memoryBytes);
    const fits = this.usedCpus + cpus <= this.jobs && this.usedMemoryBytes + memoryBytes <= this.memoryBytes;
    if (!fits && this.leases > 0) return undefined;
    this.usedCpus += cpus;
    this.usedMemoryBytes += memoryBytes;
    this.leases++;
    return { cpus, memoryBytes, cpuIds: this.choose(step.resources.cpus) };
  }

  free(lease: Lease): void {
    this.usedCpus -= lease.cpus;
    this.usedMemoryBytes -= lease.memoryBytes;
    this.leases--;
    for (const id of lease.cpuIds) this.load.set(id, (this.load.get(id) ?? 0) - 1);
  }

  /** The least used CPUs; none when the step may use all of them anyway. */
  private choose(cpus: number | undefined): number[] {
    if (cpus === undefined || Math.ceil(cpus) >= this.cpuIds.length) return [];
    const byLoad = this.cpuIds.toSorted((a, b) => (this.load.get(a) ?? 0) - (this.load.get(b) ?? 0));
    const chosen = byLoad.slice(0, Math.max(1, Math.ceil(cpus)));
    for (const id of chosen) this.load.set(id, (this.load.get(id) ?? 0) + 1);
    return chosen;
  }
}
