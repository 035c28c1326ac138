/** Temporary folders for tests, gone when the test process is. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];
process.on("exit", () => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

/** A fresh empty folder. */
export function tempFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "trimtab-test-"));
  made.push(path);
  return path;
}
