/** Where this program and what it was installed with lie, for the processes that it starts. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of package.json. */
export const HOME = join(import.meta.dir, "..", "..");

/** Where npm put our packages: inside our folder when cloned, beside it when installed as a package. */
const PACKAGES = existsSync(join(HOME, "node_modules", "yaml")) ? join(HOME, "node_modules") : dirname(HOME);

/** An environment in which a trainer in TypeScript finds the packages that Trimtab brought (DuckDB among them), after its own. */
export const childEnv = (env: Record<string, string | undefined>): Record<string, string | undefined> => ({
  ...env,
  NODE_PATH: [env.NODE_PATH, PACKAGES].filter((part) => part).join(":"),
});

/** Argv that starts this program again. */
export const selfCommand = (...args: string[]): string[] => [process.execPath, join(HOME, "src", "main.ts"), ...args];

/**
 * Becomes this program anew with other arguments, under the same process id. Returns only where the system cannot do that
 * (Windows); then the caller goes on in its place.
 */
export function becomeSelf(...args: string[]): void {
  try {
    const env = Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined);
    process.execve?.(process.execPath, selfCommand(...args), Object.fromEntries(env));
  } catch {
    // No more than some memory is lost.
  }
}

/** Words of the program's own processes, which no person types; what they mean is in src/server/processes.ts. */
export const CONTROL_WORD = "__control";
export const SERVE_WORD = "__serve";
export const SUPERVISE_WORD = "__supervise";
