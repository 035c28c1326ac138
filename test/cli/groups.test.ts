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

test("the journal names the user's id where USER is not set", () => {
  const script = `
    const { openLife } = await import(${JSON.stringify(join(HOME, "src/life/context.ts"))});
    console.log((await openLife({ root: ${JSON.stringify(tempFolder())}, env: {} })).actor);
    process.exit(0);`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { env: { PATH: process.env.PATH } });
  expect(stdout.toString().trim()).toBe(`uid ${process.getuid?.()}`);
});
