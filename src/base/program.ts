/** Where this program and what it was installed with lie, for the processes that it starts. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of package.json. */
export const HOME = join(import.meta.dir, "..", "..");

/** Where npm put our packages: inside our folder when cloned, beside it when installed as a package. */
const PACKAGES = existsSync(join(HOME, "node_modules", "yaml")) ? join(HOME, "node_modules") : dirname(HOME);

/** The Bun that runs us. */
export const BUN = process.execPath;

/**
 * What a user's own command finds without installing it: `bun`, and the packages that Trimtab brought (DuckDB among
 * them), after whatever the user's folder has of its own.
 */
export function childEnv(root: string, env: Record<string, string | undefined> = process.env): Record<string, string> {
  const path = [join(root, ".venv", "bin"), env.PATH ?? "/usr/bin:/bin", join(PACKAGES, ".bin"), dirname(BUN)].join(
    ":",
  );
  const packages = [env.NODE_PATH, PACKAGES].filter((part) => part).join(":");
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(defined), PATH: path, NODE_PATH: packages };
}

/** Argv that starts this program again. */
export const selfCommand = (...args: string[]): string[] => [BUN, join(HOME, "src", "main.ts"), ...args];
