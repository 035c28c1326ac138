import { expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAKER = `
  import { makeVenv } from ${JSON.stringify(join(import.meta.dir, "python.ts"))};
  const [requirements, folder] = process.argv.slice(-2);
  console.log(await makeVenv("empty", requirements, folder).catch((error) => "refused: " + error.message));
`;

function make(requirements: string, folder: string, env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn([process.execPath, "-e", MAKER, requirements, folder], {
    stdout: "pipe",
    stderr: "ignore",
    env: { ...process.env, ...env },
  });
  return new Response(child.stdout).text().then((text) => text.trim());
}

function emptyRequirements(): { folder: string; requirements: string } {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-venv-"));
  const requirements = join(folder, "empty.txt");
  writeFileSync(requirements, "# nothing\n");
  return { folder, requirements };
}

test("two processes that ask at once get one environment; without a Python the reason is told and nothing is left", async () => {
  const { folder, requirements } = emptyRequirements();
  const missing = await make(requirements, folder, { TRIMTAB_TEST_PYTHON: "python-that-is-not-there" });
  expect(missing).toBe("refused: no Python 3.11, 3.12 or 3.13 found");
  const [one, two] = await Promise.all([make(requirements, folder), make(requirements, folder)]);
  if (one.startsWith("refused: no Python") && process.env.CI !== "true") {
    process.stderr.write(`!!! test/python.test.ts CANNOT RUN whole: ${one}\n`);
    return;
  }
  expect(two).toBe(one);
  expect(Bun.spawnSync([one, "-c", "print(1)"]).stdout.toString().trim()).toBe("1");
  expect((await readdir(folder)).filter((name) => !name.endsWith(".txt") && !name.endsWith(".lock")).length).toBe(1);
  await rm(folder, { recursive: true });
}, 120_000);
