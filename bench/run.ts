/**
 * `npm run bench [name…]`: runs each benchmark in its own process, one after the other, and prints its table. Every claim of
 * speed in the docs comes from here. Timings are noisy; look at ratios within one run.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

const BENCHES = ["pipeline", "data", "lifecycle", "serving", "tracking"];

const wanted = process.argv.slice(2);
let failed = false;
for (const name of wanted.length > 0 ? wanted : BENCHES) {
  const file = [join(import.meta.dir, `${name}.ts`), join(import.meta.dir, name, "run.ts")].find(existsSync);
  if (!file) throw new Error(`there is no benchmark ${name}; there are ${BENCHES.join(", ")}`);
  console.log(`\n# ${name}`);
  const child = Bun.spawn([process.execPath, file], { stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
