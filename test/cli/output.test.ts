/** What a command prints arrives whole, whoever reads it and however slowly. */

import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment, freshFolder, REPO } from "../program.ts";

const folder = freshFolder("output");
afterAll(() => folder.remove());

const STEPS = 300;
writeFileSync(
  join(folder.path, "pipeline.yaml"),
  `model: m\nsteps:\n${Array.from({ length: STEPS }, (_, i) => `  s${i}: { cmd: echo ${i} }\n`).join("")}`,
);

function shell(command: string) {
  const env = environment({ PATH: `${join(REPO, "bin")}:${process.env.PATH}` });
  const child = Bun.spawnSync(["sh", "-c", command], { cwd: folder.path, env });
  return { exit: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}

test("more than a pipe holds, to a reader that takes its time", () => {
  const { stdout } = shell("trimtab run --dry-run --json | (sleep 1; cat)");
  expect(stdout.length).toBeGreaterThan(2 << 16);
  expect((JSON.parse(stdout) as { plan: unknown[] }).plan).toHaveLength(STEPS);
});

test("a reader that leaves is no failure, a disk that is full is", () => {
  expect(shell("trimtab run --dry-run --json | true; trimtab run --dry-run | head -1")).toMatchObject({
    exit: 0,
    stdout: "step  would  why\n",
    stderr: "",
  });
  const full = shell("trimtab run --dry-run > /dev/full");
  expect({ exit: full.exit, stderr: full.stderr }).toEqual({
    exit: 1,
    stderr: expect.stringMatching(/^error\[DISK_FULL\]: .*\n$/),
  });
});
