/** Which Python runs a workspace's models. */

import { join } from "node:path";

/** The interpreter for a workspace: TRIMTAB_PYTHON, its .venv, python3. */
export function findPython(root: string | undefined, env: Record<string, string | undefined> = process.env): string {
  if (env.TRIMTAB_PYTHON) return env.TRIMTAB_PYTHON;
  const local = root === undefined ? undefined : Bun.which("python", { PATH: join(root, ".venv", "bin") });
  return local ?? "python3";
}
