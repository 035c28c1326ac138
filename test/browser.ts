/**
 * A real browser for tests: Chromium as the system has it (on Debian: apt-get install chromium). Without one a line on stderr
 * says so; where TRIMTAB_TEST_BROWSER names one, as .ci/run does, it is an error not to have it.
 */

import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** No sandbox: tests run as root in containers. The rest keeps it from calling home. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where the browser is; undefined (said loudly) when there is none. */
export function browserPath(): string | undefined {
  const wanted = process.env.TRIMTAB_TEST_BROWSER;
  const path = (wanted ? [wanted] : NAMES).map((name) => Bun.which(name)).find((found) => found !== null);
  if (path) return path;
  const line = `tests that need a browser CANNOT RUN: no ${wanted ?? "chromium"} found (Debian: apt-get install chromium)`;
  if (wanted) throw new Error(line);
  process.stderr.write(`\n!!! ${line}\n\n`);
  return undefined;
}

/** Whoever launches it closes it. */
export const launchBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: FLAGS });
