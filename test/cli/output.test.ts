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

test("what a step prints cannot steer the terminal, now or when it is told of later", () => {
  const evil = "\\033[2J\\033]0;title\\007\\033[1mbold\\033[0m\\b\\n10%%\\r20%%\\r";
  writeFileSync(
    join(folder.path, "evil.yaml"),
    `model: evil\nsteps:\n  s: { cmd: "printf '${evil.replaceAll("\\", "\\\\")}'; exit 1" }\n`,
  );
  const failed = shell("trimtab run --file evil.yaml");
  expect(failed.stderr).toContain("its last output: bold | 20%. Mend: read ");
  const told = shell(
    "trimtab status --file evil.yaml; trimtab events; trimtab events --json; trimtab runs list",
  ).stdout;
  expect(told).toContain("its last output: bold | 20%");
  expect((failed.stdout + failed.stderr + told).match(/[^\P{Cc}\n]/u)).toBeNull();
});

test("a name that a client chose cannot steer the terminal", async () => {
  const { openLife } = await import("../../src/life/context.ts");
  const life = await openLife({ root: folder.path, actor: "\u001b]0;x\u0007client" });
  await life.event({ kind: "test.made", subject: "a\u001b[2J\rb\u009b", reason: "\u001b[31mred" });
  await life.close();
  const { stdout } = shell("trimtab events -n 3");
  expect(stdout).toContain("a[2Jb ");
  expect(stdout.replaceAll("\u001b[31m", "").match(/[^\P{Cc}\n]/u)).toBeNull();
});
