/** `data …` through the real program. */

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDb } from "../../src/db/open.ts";
import { ownIdentity } from "../../src/pipeline/processes.ts";
import { environment } from "../program.ts";
import { tempFolder } from "../temp.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

function trimtab(cwd: string, ...args: string[]) {
  const done = Bun.spawnSync([process.execPath, MAIN, ...args, "--json"], {
    cwd,
    env: environment(),
  });
  const [out, err] = [done.stdout.toString(), done.stderr.toString()];
  return { exit: done.exitCode, data: (out ? JSON.parse(out) : undefined) as Record<string, unknown>, err };
}

test("the state is no data: alone, with the folder that it is in, or from above; nor is what lies outside", () => {
  const here = tempFolder();
  const outside = join(tempFolder(), "x.csv");
  writeFileSync(outside, "a\n1\n");
  writeFileSync(join(here, "one.csv"), "b\n2\n");
  for (const path of [".trimtab", ".trimtab/cache", ".", "..", "/", here, outside]) {
    const refused = trimtab(here, "data", "add", "one.csv", path);
    expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining(`error[INVALID] ${path}: `)]);
  }
  expect(existsSync(join(here, "one.csv.dvc")) || existsSync(`${here}.dvc`) || existsSync(`${outside}.dvc`)).toBe(
    false,
  );
});

test("data is added, pushed, pulled elsewhere, changed, put back and collected", async () => {
  const [here, there] = [tempFolder(), tempFolder()];
  const remote = join(tempFolder(), "remote");
  mkdirSync(join(here, "raw"));
  writeFileSync(join(here, "raw/a.csv"), "a\n1\n");
  writeFileSync(join(here, "one.csv"), "b\n2\n");
  expect(trimtab(here, "data", "add", "raw", "one.csv")).toMatchObject({
    exit: 0,
    data: {
      added: [
        { path: "raw", sizeBytes: 4, files: 1 },
        { path: "one.csv", sizeBytes: 4 },
      ],
    },
  });
  expect(trimtab(here, "data", "push", "--remote", remote).data).toMatchObject({ objects: 3 });
  for (const name of ["raw.dvc", "one.csv.dvc"]) writeFileSync(join(there, name), readFileSync(join(here, name)));
  expect(trimtab(there, "data", "status").data).toMatchObject({
    states: [
      { path: "one.csv", state: "deleted", cached: false },
      { path: "raw", state: "deleted", cached: false },
    ],
  });
  const lost = trimtab(there, "data", "checkout");
  expect([lost.exit, lost.err]).toEqual([1, expect.stringContaining("error[OBJECT_MISSING]")]);
  expect(trimtab(there, "data", "pull", "-r", remote).data).toMatchObject({ objects: 3 });
  expect(readFileSync(join(there, "raw/a.csv"), "utf8")).toBe("a\n1\n");
  writeFileSync(join(there, "one.csv"), "mine");
  const refused = trimtab(there, "data", "checkout", "one.csv");
  expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining("error[DATA_DIFFERS]")]);
  expect(trimtab(there, "data", "checkout", "one.csv", "--force").data).toEqual({ changed: ["one.csv.dvc"] });
  expect(trimtab(there, "data", "status", "nope").err).toContain("error[FILE_NOT_FOUND]");

  rmSync(join(there, "raw.dvc"));
  expect(trimtab(there, "data", "gc", "--dry-run").data).toMatchObject({ removed: 2, kept: 1, dryRun: true });
  const db = await openDb(join(there, ".trimtab/trimtab.db"));
  const own = ownIdentity();
  await db.run(
    `INSERT INTO pipeline_runs (id, pipeline, trigger_name, reason, state, params, host, pid, process_start, boot_id, seen_ms, started_ms)
     VALUES ('r', 'p', 'manual', '', 'running', '{}', ?, ?, ?, ?, 0, 0)`,
    [own.host, own.pid, own.processStart, own.bootId],
  );
  expect(trimtab(there, "data", "gc").err).toContain("error[RUN_BUSY]");
  // One whose process is gone adds nothing more.
  await db.run("UPDATE pipeline_runs SET process_start = '1'");
  await db.close();
  expect(trimtab(there, "data", "gc").data).toMatchObject({ removed: 2, kept: 1 });
  expect(trimtab(there, "data", "checkout").exit).toBe(0);
}, 60_000);

test("in a DVC project data goes to its cache and its remotes, and gc leaves that cache alone", () => {
  const root = tempFolder();
  const here = join(root, "flights");
  mkdirSync(here);
  mkdirSync(join(root, ".dvc"));
  writeFileSync(join(root, ".dvc/config"), `[core]\n    remote = store\n['remote "store"']\n    url = ../store\n`);
  writeFileSync(join(here, "one.csv"), "b\n2\n");
  expect(trimtab(here, "data", "add", "one.csv").exit).toBe(0);
  const [{ md5 }] = trimtab(here, "data", "status").data.states as [{ md5: string }];
  const object = join("files/md5", md5.slice(0, 2), md5.slice(2));
  expect(existsSync(join(root, ".dvc/cache", object))).toBe(true);
  expect(trimtab(here, "data", "push").data).toMatchObject({ objects: 1 });
  expect(existsSync(join(root, "store", object))).toBe(true);
  rmSync(join(here, "one.csv.dvc"));
  expect(trimtab(here, "data", "gc").data).toMatchObject({ removed: 0 });
  expect(existsSync(join(root, ".dvc/cache", object))).toBe(true);
}, 60_000);
