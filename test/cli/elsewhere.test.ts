/** Commands work on the pipeline that --file names, wherever they are typed. */

import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeProject } from "../e2e/project.ts";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";

const folder = freshFolder("elsewhere");
afterAll(() => folder.remove());
const told = (...words: string[]) =>
  trimtabJson<unknown>([...words, "--file", "sub/pipeline.yaml"], { cwd: folder.path });

test("versions and deployments of a pipeline in another folder are those beside it", async () => {
  writeProject(join(folder.path, "sub"));
  await told("run");
  await told("run", "--param", "weight=2");
  expect(await told("models", "show")).toMatchObject({ versions: [{ version: 2 }, { version: 1 }] });
  expect(await told("models", "show", "tiny")).toMatchObject({ versions: [{ version: 2 }, { version: 1 }] });
  expect(await told("models", "lineage", "1")).toMatchObject({ version: { name: "tiny", version: 1 } });
  expect(await told("models", "promote", "1", "fallback")).toMatchObject({ model: "tiny", alias: "fallback" });
  expect(await told("deployments")).toMatchObject({ deployments: [{ current: true }, { current: false }] });
  expect(await told("rollback")).toMatchObject({ models: [{ version: 1 }] });
  // What serves now was made when it was made: it has not served ever since.
  const status = await trimtab(["status", "--file", "sub/pipeline.yaml"], { cwd: folder.path });
  expect(status.stdout).toMatch(/^tiny serves version 1 100%, deployed \d{4}-\d\d-\d\d /);
  expect(await told("profile", "rows")).toMatchObject({ rows: 400 });
  expect(existsSync(join(folder.path, ".trimtab"))).toBe(false);
  const unknown = await trimtab(["models", "show", "tiny", "--file", "nowhere/pipeline.yaml"], { cwd: folder.path });
  expect(unknown).toMatchObject({ exit: 2, stderr: expect.stringContaining("error[SPEC_NOT_FOUND]") });
});
