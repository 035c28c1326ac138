/** What the last output of a failed command says about how to mend it. */

import { missingModuleMend } from "../base/python-packages.ts";
import { interpreterNames } from "./interpreter.ts";

/** The mend, or undefined when the output names no cause that is known. `path` is the PATH that the command ran with. */
export function mendOf(output: string, commands: readonly string[], where: { path: string; cwd: string }) {
  if (/No space left on device|ENOSPC|Disk quota exceeded/.test(output)) return "free some space and run again";
  const name = interpreterNames(commands).find((word) => /python[\d.]*$/.test(word)) ?? "python3";
  return missingModuleMend(output, Bun.which(name, { PATH: where.path, cwd: where.cwd }) ?? name);
}
