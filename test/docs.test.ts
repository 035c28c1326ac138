/** The pages that are made from the code are what the code says now. `npm run docs` writes them. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../src/cli/commands.ts";
import { PAGE_NAMES } from "../src/cli/help.ts";
import { REPO, trimtab } from "./program.ts";

for (const page of PAGE_NAMES)
  test(`docs/${page}.md is made from the code`, async () => {
    const printed = await trimtab(["docs", page], { cwd: REPO });
    expect(printed.exit).toBe(0);
    expect(readFileSync(join(REPO, "docs", `${page}.md`), "utf8")).toBe(printed.stdout);
  });

test("every command has help with its options, and every option says what it does", async () => {
  for (const command of COMMANDS.flatMap((group) => group.commands)) {
    const help = await trimtab([...command.name.split(" "), "--help"], { cwd: REPO });
    expect(help.exit).toBe(0);
    // Help is wrapped to the terminal's width.
    const said = help.stdout.replaceAll(/\s+/g, " ");
    expect(said).toContain(command.about);
    for (const option of command.options ?? []) expect(said).toContain(`--${option.name}`);
    expect(said).toContain("--json");
  }
}, 60_000);

test("every file that the README and the docs point at exists", () => {
  for (const file of ["README.md", ...new Bun.Glob("docs/*.md").scanSync(REPO)]) {
    const text = readFileSync(join(REPO, file), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#\s]+)/g))
      expect({ file, target, exists: Bun.file(join(REPO, file, "..", target!)).size > 0 }).toMatchObject({
        exists: true,
      });
  }
});
