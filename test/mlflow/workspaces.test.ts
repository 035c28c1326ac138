/** Projects as MLflow's own clients meet them: as workspaces for those that know them, as names for those that do not. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { startUp, trimtab, trimtabJson } from "../program.ts";
import { pythonWith } from "../python.ts";
import { tempFolder } from "../temp.ts";

const [newer, older] = [await pythonWith("mlflow3"), await pythonWith("mlflow2")];

async function ask(python: string, url: string, role: string, token?: string): Promise<Record<string, unknown>> {
  const child = Bun.spawn([python, join(import.meta.dir, "workspaces.py")], {
    env: {
      ...process.env,
      MLFLOW_TRACKING_URI: url,
      ROLE: role,
      ...(token === undefined ? {} : { MLFLOW_TRACKING_TOKEN: token }),
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(said.slice(-3000));
  return JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, unknown>;
}

test.if(newer !== undefined && older !== undefined)(
  "workspaces are projects, projects are names, and roles hold in them",
  async () => {
    const cwd = tempFolder();
    await Bun.write(join(cwd, "pipeline.yaml"), "model: m\nsteps: { s: { cmd: echo x > o, outs: [o] } }\n");
    const up = await startUp(cwd, { model: false });
    try {
      expect(await ask(newer!, up.control, "maker")).toEqual({
        made: "team-a",
        again: "RESOURCE_ALREADY_EXISTS",
        workspaces: ["default", "team-a"],
        none: "RESOURCE_DOES_NOT_EXIST",
        "team-a": {
          names: ["Default", "churn", "other"],
          found: ["churn"],
          "by name": "churn",
          "not by whole name": true,
        },
        "team-b": { names: ["churn", "other"], found: ["churn"], "by name": "churn", "not by whole name": true },
        apart: true,
        renamed: "renamed",
        "another's": "RESOURCE_DOES_NOT_EXIST",
        default: ["Default"],
      });
      expect(await ask(older!, up.control, "old")).toEqual({
        names: ["team-a/churn", "team-b/churn"],
        made: "team-c/first",
      });
      const token = await trimtab(["token", "create", "eve", "--role", "none", "--project", "team-a=editor"], { cwd });
      expect(await ask(newer!, up.control, "member", token.stdout.trim())).toEqual({
        workspaces: ["team-a"],
        "another's": "PERMISSION_DENIED",
        elsewhere: "PERMISSION_DENIED",
      });
      const { projects } = await trimtabJson<{ projects: object[] }>(["projects", "list"], { cwd });
      expect(projects).toMatchObject([
        { name: "", experiments: 1, runs: 0 },
        { name: "team-a", experiments: 3, runs: 2 },
        { name: "team-b", experiments: 2, runs: 1 },
        { name: "team-c", experiments: 1, runs: 1 },
      ]);
    } finally {
      await up.stop();
    }
  },
  300_000,
);
