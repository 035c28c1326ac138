/** Keeps tracked data out of Git, as DVC does: one line in the .gitignore beside it. Without Git there is nothing to do. */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";

/** Adds `/<name>` to the .gitignore beside `path`, unless Git ignores it already. DATA_TRACKED when Git has it. */
export async function ignoreInGit(path: string): Promise<void> {
  if ((await git(path, "rev-parse", "--is-inside-work-tree")) !== 0) return;
  if ((await git(path, "ls-files", "--error-unmatch", "--", basename(path))) === 0)
    throw fail("DATA_TRACKED", {
      what: "Git tracks it already",
      place: path,
      mend: `take it out of Git first: git rm -r --cached ${basename(path)}`,
    });
  if ((await git(path, "check-ignore", "-q", "--", basename(path))) === 0) return;
  const file = join(dirname(path), ".gitignore");
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const separator = before === "" || before.endsWith("\n") ? "" : "\n";
  await writeFileAtomic(file, `${before}${separator}/${escaped(basename(path))}\n`);
}

/** Characters that mean something in a pattern, and a trailing space. */
const escaped = (name: string): string => name.replace(/[\\#![\]*?]/g, "\\$&").replace(/ $/, "\\ ");

/** The exit code of a Git command in the folder of `path`; 127 without Git. */
async function git(path: string, ...args: string[]): Promise<number> {
  try {
    const child = Bun.spawn(["git", ...args], { cwd: dirname(path), stdout: "ignore", stderr: "ignore" });
    return await child.exited;
  } catch {
    return 127;
  }
}
