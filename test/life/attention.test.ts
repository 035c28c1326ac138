/** What status tells a person: what is wrong now with the command that mends it, and nothing that was dealt with since. */

import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeProject } from "../e2e/project.ts";
import { environment, freshFolder, REPO, trimtab, trimtabJson, until } from "../program.ts";

const folder = freshFolder("attention");
afterAll(() => folder.remove());
const cwd = folder.path;

const attention = async (env: Record<string, string> = {}) =>
  (await trimtabJson<{ attention: { what: string; mend: string }[] }>(["status"], { cwd, env })).attention;

test("a failed run is told until one succeeds, what was left to a person until somebody did it", async () => {
  writeProject(cwd);
  expect((await trimtab(["run"], { cwd, env: { TRIMTAB_STEPS_TRAIN_CMD: "exit 7" } })).exit).toBe(1);
  expect(await attention()).toEqual([
    { what: "nothing is deployed", mend: "trimtab run" },
    {
      what: "the last run failed: pipeline.yaml:15: the command of step train ended with exit code 7",
      mend: expect.stringMatching(/^read .*train\.1\.log$/),
    },
    { what: "2 steps are out of date", mend: "trimtab run" },
  ]);
  const off = { TRIMTAB_AUTOMATE_DEPLOY: "false" };
  expect((await trimtab(["run"], { cwd, env: off })).exit).toBe(0);
  expect(await attention()).toEqual([
    { what: "nothing is deployed", mend: "trimtab run" },
    { what: "left to a person: version 1 met the gate and waits to be deployed", mend: "trimtab deploy 1" },
  ]);
  expect((await trimtab(["deploy", "1"], { cwd })).exit).toBe(0);
  expect(await attention()).toEqual([]);
  const columns = { TRIMTAB_MONITOR_DRIFT_COLUMNS: "[a, knd]" };
  expect(await attention(columns)).toEqual([
    {
      what: "monitor.drift.columns names knd, which is no input of version 1, so it is not watched",
      mend: "write kind; the inputs are a, b, kind",
    },
  ]);
}, 60_000);

test("a run that is under way is told, and one whose process is gone", async () => {
  writeFileSync(join(cwd, "pipeline.yaml"), "model: slow\nsteps: { s: { cmd: 'touch begun; sleep 100' } }\n");
  const child = Bun.spawn([join(REPO, "bin/trimtab"), "run"], {
    cwd,
    env: environment(),
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until(
    () => Bun.file(join(cwd, "begun")).exists(),
    30_000,
    () => "the step does not begin",
  );
  const running = await trimtab(["status"], { cwd });
  expect(running.stdout).toMatch(/^slow serves nothing\nrun [0-9a-f]{8} \(manual\) is under way since /);
  expect(running.stdout).toContain("its last attempt has not ended");
  child.kill("SIGKILL");
  await child.exited;
  expect((await attention())[0]?.what).toMatch(/^run [0-9a-f]{8} was interrupted: its process is gone$/);
  expect((await trimtab(["run"], { cwd, env: { TRIMTAB_STEPS_S_CMD: "echo done" } })).exit).toBe(0);
}, 60_000);
