/**
 * `npm test`: types, style, every test with coverage. Prints each part's outcome and ends with "N passed, N failed", which
 * counts the tests; a failed type or style check is counted as a failed test.
 */

import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const bin = (name: string) => join(ROOT, "node_modules/.bin", name);
let passed = 0;
let failed = 0;

async function check(name: string, command: string[]): Promise<void> {
  const started = performance.now();
  const child = Bun.spawn(command, { cwd: ROOT, stdout: "inherit", stderr: "inherit" });
  const ok = (await child.exited) === 0;
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? "ok" : "FAILED"}  ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

/** Bun's own counts, read from its closing lines; they are on stderr, which is passed on as it comes. */
async function tests(): Promise<void> {
  const filters = process.argv.slice(2);
  const child = Bun.spawn(
    [bin("bun"), "test", "--timeout", "120000", "--coverage", "--coverage-reporter=text", ...filters],
    {
      cwd: ROOT,
      stdout: "inherit",
      stderr: "pipe",
    },
  );
  let tail = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    process.stderr.write(chunk);
    tail = (tail + chunk).slice(-20_000);
  }
  const exit = await child.exited;
  const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(tail)?.[1] ?? 0);
  passed += count("pass");
  failed += Math.max(count("fail"), exit === 0 ? 0 : 1);
  if (count("pass") === 0) failed++;
  if (count("skip") > 0) console.log(`SKIPPED ${count("skip")} tests: no test may be skipped silently`);
}

await check("types", [bin("tsc"), "--noEmit"]);
await check("style", [bin("biome"), "check", "."]);
await tests();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
