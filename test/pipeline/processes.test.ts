/** What is asked of the kernel about processes, against processes made to be hard to see. */

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startedWith } from "../../src/pipeline/processes.ts";

test("a process that goes from program to program is seen at every moment", () => {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-exec-"));
  const script = join(folder, "again.sh");
  writeFileSync(script, `exec sh ${script}\n`);
  const child = Bun.spawn(["sh", script], { env: { PATH: process.env.PATH, TRIMTAB_TEST_TOKEN: "here" } });
  try {
    const untilMs = performance.now() + 1000;
    let looks = 0;
    let misses = 0;
    for (; performance.now() < untilMs; looks++) if (!startedWith(child.pid, "TRIMTAB_TEST_TOKEN=here")) misses++;
    expect(looks).toBeGreaterThan(0);
    expect(misses).toBe(0);
    expect(startedWith(child.pid, "TRIMTAB_TEST_TOKEN=her")).toBe(false);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

test("a process without any environment is told apart from one between two programs", async () => {
  const child = Bun.spawn(["env", "-i", "sleep", "30"], {
    env: { PATH: process.env.PATH, TRIMTAB_TEST_TOKEN: "here" },
  });
  const untilMs = performance.now() + 5000;
  while (startedWith(child.pid, "TRIMTAB_TEST_TOKEN=here") && performance.now() < untilMs) await Bun.sleep(5);
  expect(startedWith(child.pid, "TRIMTAB_TEST_TOKEN=here")).toBe(false);
  child.kill("SIGKILL");
});
