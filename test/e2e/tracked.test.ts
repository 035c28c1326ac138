/** Data by content from the terminal: add, change, put back, fetch from another folder, clean up. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";

const folder = freshFolder("tracked");
const at = (...parts: string[]) => join(folder.path, ...parts);
const run = (...args: string[]) => trimtab(args, { cwd: folder.path });
afterAll(() => folder.remove());

test("what was added comes back byte for byte, and unsaved changes are not overwritten", async () => {
  mkdirSync(at("d"));
  writeFileSync(at("d", "a"), "one");
  expect((await run("data", "add", "d")).exit).toBe(0);
  expect(readFileSync(at("d.dvc"), "utf8")).toContain("hash: md5\n  path: d");
  writeFileSync(at("d", "a"), "two");
  const { states } = await trimtabJson<{ states: { state: string }[] }>(["data", "status"], { cwd: folder.path });
  expect(states.map((s) => s.state)).toEqual(["modified"]);
  const refused = await run("data", "checkout");
  expect(refused.exit).not.toBe(0);
  expect(refused.stderr).toContain("error[DATA_DIFFERS]");
  expect((await run("data", "checkout", "--force")).exit).toBe(0);
  expect(readFileSync(at("d", "a"), "utf8")).toBe("one");
});

test("gc keeps what a .dvc file names, and pull fetches what is gone", async () => {
  const { kept, removed } = await trimtabJson<{ kept: number; removed: number }>(["data", "gc"], { cwd: folder.path });
  expect({ kept, removed }).toEqual({ kept: 2, removed: 0 });
  const other = freshFolder("tracked-other");
  writeFileSync(join(other.path, "d.dvc"), readFileSync(at("d.dvc")));
  const cache = at(".trimtab", "cache");
  const pulled = await trimtab(["data", "pull", "--remote", cache], { cwd: other.path });
  expect(pulled.exit).toBe(0);
  expect(readFileSync(join(other.path, "d", "a"), "utf8")).toBe("one");
  other.remove();
  rmSync(at("d.dvc"));
  expect((await trimtabJson<{ removed: number }>(["data", "gc"], { cwd: folder.path })).removed).toBe(2);
});
