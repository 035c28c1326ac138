import { expect, test } from "bun:test";
import { join } from "node:path";
import { trimtab, trimtabJson } from "../program.ts";
import { tempFolder } from "../temp.ts";

test("an experiment is moved into a project; its pipeline's next runs follow, and runs are found by project", async () => {
  const cwd = tempFolder();
  await Bun.write(join(cwd, "pipeline.yaml"), "model: churn\nsteps: { s: { cmd: echo x > o, outs: [o] } }\n");
  const first = await trimtabJson<{ runId: string }>(["run"], { cwd });
  const moved = await trimtab(["projects", "move", "churn", "--to", "team-a"], { cwd });
  expect(moved.stdout).toBe("experiment 1 is team-a/churn now\n");
  const second = await trimtabJson<{ runId: string }>(["run", "--force"], { cwd });
  const ids = async (...args: string[]) =>
    (await trimtabJson<{ runs: { id?: string; runId?: string }[] }>(["runs", ...args], { cwd })).runs.map(
      (run) => run.id ?? run.runId,
    );
  const both = [second.runId, first.runId];
  expect(await ids("list", "--project", "team-a")).toEqual(both);
  expect(await ids("search", "--project", "team-a")).toEqual(both);
  expect(await ids("list", "--project", "none")).toEqual([]);
  expect(await ids("search", "--project", "team-b")).toEqual([]);
  expect((await trimtab(["projects", "list"], { cwd })).stdout).toMatch(/\(none\) +1 +0\nteam-a +1 +2 /);
  const wrong = await trimtab(["projects", "move", "team-a/churn", "--to", "Team A"], { cwd });
  expect([wrong.exit, wrong.stderr]).toEqual([2, expect.stringContaining("Invalid project 'Team A'")]);
  await trimtab(["projects", "move", "team-a/churn", "--to", "none"], { cwd });
  expect(await ids("list", "--project", "none")).toEqual(both);
});
