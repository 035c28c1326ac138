/**
 * A disk so small that it fills: a tmpfs of its own, which only root may mount. Elsewhere the answer is undefined and a line on
 * stderr says what is left out, also with CI=true: the right to mount is the machine's, and nothing that could be installed.
 */

import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { freshFolder } from "./program.ts";

export interface SmallDisk {
  path: string;
  /** Changes its size. */
  resize(sizeBytes: number): void;
  /** Writes until nothing more fits; returns the way back. */
  fill(): () => void;
  remove(): void;
}

const run = (...command: string[]) => Bun.spawnSync(command, { stdout: "ignore", stderr: "pipe" });

export function smallDisk(sizeBytes: number): SmallDisk | undefined {
  const { path, remove } = freshFolder("disk");
  const mounted = run("mount", "-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path);
  if (!mounted.success) {
    process.stderr.write(`\n!!! tests of a full disk CANNOT RUN: ${mounted.stderr.toString().trim()}\n\n`);
    remove();
    return undefined;
  }
  return {
    path,
    resize: (bytes) => void run("mount", "-o", `remount,size=${bytes}`, path),
    fill() {
      const file = join(path, "fill");
      const fd = openSync(file, "w");
      try {
        for (const block = Buffer.alloc(4096); ; ) writeSync(fd, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(fd);
      }
      return () => rmSync(file);
    },
    remove() {
      run("umount", path);
      remove();
    },
  };
}
