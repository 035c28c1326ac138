/**
 * Outputs of a step change all together or not at all. Before a step writes them, the former ones are moved aside; when
 * it fails, or when its process was killed and a later run finds the traces, they are put back.
 *
 *   (nothing) ── moving ──▶ aside.part/ ── all moved ──▶ aside/ ── record written ──▶ (nothing)
 *
 * `aside.part/`: the step has not begun, outputs in place are the former ones or are in there. `aside/`: the step may
 * have begun, so an output in place is not to be trusted; the former ones, if any, are in there by their index.
 */

import { lstatSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { publish } from "../base/files.ts";
import { randomId } from "../base/hash.ts";

/** Also true for a link that points nowhere. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

export class OutputSwap {
  private readonly part: string;
  private readonly aside: string;

  /** `folder`: scratch of this step in this run, on the same file system when possible. */
  constructor(
    private readonly root: string,
    private readonly folder: string,
    private readonly outs: readonly string[],
  ) {
    this.part = join(folder, "aside.part");
    this.aside = join(folder, "aside");
  }

  private at(index: number): string {
    return resolve(this.root, this.outs[index]!);
  }

  /** Where a runner that stages writes output `out`; the name is kept, since readers look at its ending. */
  staged(out: string): string {
    return join(this.folder, "out", String(this.outs.indexOf(out)), basename(out));
  }

  async makeStaging(): Promise<void> {
    for (const out of this.outs) await mkdir(dirname(this.staged(out)), { recursive: true });
  }

  /** Moves what is in place aside and makes the folders that outputs go to. */
  async setAside(): Promise<void> {
    await mkdir(this.part, { recursive: true });
    for (let i = 0; i < this.outs.length; i++) {
      if (isThere(this.at(i))) await move(this.at(i), join(this.part, String(i)));
      else await mkdir(dirname(this.at(i)), { recursive: true });
    }
    await rename(this.part, this.aside);
  }

  /** Renames the staged outputs into place; `setAside` comes first. */
  async publishStaged(): Promise<void> {
    for (const [i, out] of this.outs.entries()) await publishAcross(this.staged(out), this.at(i));
  }

  /** Takes away what the step wrote and puts the former outputs back. Can be interrupted and repeated at any point. */
  async putBack(): Promise<void> {
    if (isThere(this.aside)) {
      for (let i = 0; i < this.outs.length; i++) await rm(this.at(i), { recursive: true, force: true });
      await rename(this.aside, this.part);
    }
    if (isThere(this.part)) {
      for (let i = 0; i < this.outs.length; i++)
        if (isThere(join(this.part, String(i)))) await move(join(this.part, String(i)), this.at(i));
    }
    await this.forget();
  }

  /** Drops the former outputs and all scratch: the step is done and its record is written. */
  async forget(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const isAcross = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EXDEV";

/** Renames; copies when the destination is on another file system (an output folder can be a mount). */
async function move(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
  } catch (error) {
    if (!isAcross(error)) throw error;
    await copyBeside(from, to);
    await rm(from, { recursive: true, force: true });
  }
}

async function copyBeside(from: string, to: string): Promise<void> {
  const beside = join(dirname(to), `.${basename(to)}.${randomId().slice(0, 8)}.tmp`);
  await cp(from, beside, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await rename(beside, to);
}

async function publishAcross(staged: string, destination: string): Promise<void> {
  try {
    await publish(staged, destination);
  } catch (error) {
    if (!isAcross(error)) throw error;
    const beside = join(dirname(destination), `.${basename(destination)}.${randomId().slice(0, 8)}.tmp`);
    await cp(staged, beside, { recursive: true });
    await publish(beside, destination);
  }
}
