/** Trimtab as npm installs it: its packages beside it, called through a link, without what only its own tests need. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { environment, freshFolder, REPO } from "../program.ts";

const folder = freshFolder("packaged");
afterAll(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);
const FLIGHTS = "vega-datasets";

beforeAll(() => {
  for (const part of ["bin", "src", "docs", "package.json"])
    cpSync(join(REPO, part), at("node_modules/trimtab", part), { recursive: true });
  // Without what was made in them by hand.
  const made = ["build", "data", ".trimtab", ".venv"];
  cpSync(join(REPO, "examples"), at("node_modules/trimtab/examples"), {
    recursive: true,
    filter: (path) => !made.includes(basename(path)),
  });
  for (const name of readdirSync(join(REPO, "node_modules")))
    if (!name.startsWith(".") && name !== FLIGHTS)
      symlinkSync(join(REPO, "node_modules", name), at("node_modules", name));
  mkdirSync(at("bin"));
  symlinkSync("../node_modules/trimtab/bin/trimtab", at("bin/trimtab"));
  symlinkSync("trimtab", at("bin/tt"));
  mkdirSync(at("npm"));
  // As npm would, from here instead of the registry.
  writeFileSync(
    at("npm/npm"),
    `#!/bin/sh
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules" && ln -s '${join(REPO, "node_modules", FLIGHTS)}' "$2/node_modules/"
`,
  );
  chmodSync(at("npm/npm"), 0o755);
  mkdirSync(at("tools"));
  for (const tool of ["sh", "readlink", "dirname", "mkdir", "ln"]) symlinkSync(Bun.which(tool)!, at("tools", tool));
});

function tt(args: string[], cwd: string, path: string) {
  const child = Bun.spawnSync([at("bin/tt"), ...args], { cwd, env: environment({ PATH: path }) });
  return { exit: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}

test("a project begins in any folder, also through links; its data is fetched", () => {
  mkdirSync(at("a folder"));
  const made = tt(["init", "--template", "flights", "x"], at("a folder"), `${at("npm")}:${at("tools")}`);
  expect({ exit: made.exit, stderr: made.stderr }).toMatchObject({ exit: 0 });
  expect(readdirSync(at("a folder/x/data/flights"))).toEqual(["2001-01-01.parquet"]);
  expect(existsSync(at("a folder/x/.fetched"))).toBe(false);
  expect(tt(["run", "--dry-run"], at("a folder/x"), at("tools"))).toMatchObject({ exit: 0 });
}, 60_000);

test("a folder with data of its own stays as it is, and what is to be typed next can be", () => {
  mkdirSync(at("mine/data"), { recursive: true });
  const [npm, tools] = [at("npm"), at("tools")];
  const refused = tt(["init", "--template", "flights"], at("mine"), `${npm}:${tools}`);
  expect(refused).toMatchObject({ exit: 2, stderr: expect.stringContaining("data would be overwritten") });
  expect(readdirSync(at("mine"))).toEqual(["data"]);
  const made = tt(["init", "--template", "flights", "it's $1"], at("mine"), `${npm}:${tools}`);
  expect(made.stderr).toContain("next: cd 'it'\\''s $1'\n");
  mkdirSync(at("mine/empty"));
  expect(tt(["init", "--template", "flights", "empty"], at("mine"), `${npm}:${tools}`).exit).toBe(0);
  expect(readdirSync(at("mine")).sort()).toEqual(["data", "empty", "it's $1"]);
}, 60_000);

test("without npm it says so, and leaves nothing", () => {
  const made = tt(["init", "--template", "flights", "y"], at("a folder"), at("tools"));
  expect(made.exit).toBe(2);
  expect(made.stderr).toMatch(/^error\[DATA_UNREADABLE\] PATH: .*there is no npm\. Mend: put npm on the PATH\.$/m);
  expect(readdirSync(at("a folder"))).toEqual(["x"]);
}, 60_000);
