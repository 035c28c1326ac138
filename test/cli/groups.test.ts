/** What the program says of itself without being asked for much: groups in the help, and who acts when nobody has a name. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempFolder } from "../temp.ts";

const HOME = join(import.meta.dir, "../..");

test("the help names the commands of every group", () => {
  const help = Bun.spawnSync([join(HOME, "bin/trimtab"), "--help"]).stdout.toString();
  expect(help).not.toContain("…");
  expect(help.replace(/\s+/g, " ")).toContain("models list, show");
});

test("--json and --quiet stand before or after the command", () => {
  const cwd = tempFolder();
  const told = (...words: string[]) => {
    const done = Bun.spawnSync([join(HOME, "bin/trimtab"), ...words], { cwd });
    return { exit: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  };
  const listed = { exit: 0, stdout: '{\n  "models": []\n}\n', stderr: "" };
  expect(told("--json", "-q", "models", "list")).toEqual(listed);
  expect(told("models", "list", "--json", "-q")).toEqual(listed);
  expect(told("--quiet", "docs", "cli").stdout).toStartWith("# Commands");
});

test("a page with a name that every object has is no page", () => {
  const done = Bun.spawnSync([join(HOME, "bin/trimtab"), "docs", "__proto__"]);
  expect([done.exitCode, done.stderr.toString()]).toEqual([
    2,
    "error[USAGE] docs: there is no page __proto__. Mend: one of pipeline, features, cli, errors, mlflow.\n",
  ]);
});

test("a sentence of MLflow's ends with one stop", () => {
  const done = Bun.spawnSync([join(HOME, "bin/trimtab"), "webhook", "log", "x"], { cwd: tempFolder() });
  expect(done.stderr.toString()).toBe("error[NOT_FOUND]: Webhook with ID x not found. Mend: list what there is.\n");
});

test("a list of no rows is refused in the words of the option, not told as an empty one", () => {
  const cwd = tempFolder();
  for (const words of [["events"], ["runs", "list"], ["runs", "search"], ["webhook", "log", "x"]]) {
    const done = Bun.spawnSync([join(HOME, "bin/trimtab"), ...words, "-n", "0"], { cwd });
    expect([done.exitCode, done.stderr.toString()]).toEqual([
      2,
      "error[USAGE] --limit: 0 is out of bounds. Mend: write at least 1.\n",
    ]);
  }
});

test("the journal names the user's id where USER is not set", () => {
  const script = `
    const { openLife } = await import(${JSON.stringify(join(HOME, "src/life/context.ts"))});
    console.log((await openLife({ root: ${JSON.stringify(tempFolder())}, env: {} })).actor);
    process.exit(0);`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { env: { PATH: process.env.PATH } });
  expect(stdout.toString().trim()).toBe(`uid ${process.getuid?.()}`);
});
