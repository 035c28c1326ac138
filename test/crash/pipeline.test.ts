/**
 * `kill -9` of a run at random moments, again and again, then a run to the end. Whatever the moment: the final outputs are
 * those of an undisturbed run, no record ever speaks of bytes that are not in the cache, no step is executed more often
 * than its attempts say, none again after it was done, and nothing that a killed run started is left alive.
 */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workspaceAt } from "../../src/base/workspace.ts";
import { verifyJournal } from "../../src/db/events.ts";
import { openDb } from "../../src/db/open.ts";
import { listPipelineRuns, listStepRuns, type StepRun } from "../../src/db/step-runs.ts";
import { loadRecords } from "../../src/db/steps.ts";
import { processIds, startedWith } from "../../src/pipeline/processes.ts";
import { openCache } from "../../src/store/cache.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";
import { crashPipeline, STEPS } from "./pipeline-steps.ts";

const BUDGET_MS = 15_000;
const DEPTHS = [1, 2];
const seed = Number(process.env.TRIMTAB_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** mulberry32: small, seeded, good enough to choose moments. */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

function freshRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "trimtab-crash-"));
  roots.push(root);
  writeFileSync(join(root, "in.txt"), "input\n");
  return root;
}

const spawn = (root: string, depth: number) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "pipeline-child.ts"), root, String(depth)], {
    stdout: "ignore",
    stderr: "pipe",
  });

async function runToEnd(root: string, depth: number): Promise<void> {
  const child = spawn(root, depth);
  const complaint = await child.stderr.text();
  expect(`${await child.exited} ${complaint}`).toBe("0 ");
}

/** Every file below build/ by its bytes. */
function outputs(root: string): Record<string, string> {
  const names = readdirSync(join(root, "build"), { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    names.filter((name) => !/^c$/.test(name)).map((name) => [name, readFileSync(join(root, "build", name), "utf8")]),
  );
}

/** Opens what a killed run left, as the next one would. */
async function look<T>(root: string, work: (world: { runs: StepRun[]; alive: number[] }) => T): Promise<T> {
  const workspace = workspaceAt(root, {});
  if (!existsSync(workspace.db)) return work({ runs: [], alive: [] });
  const db = await openDb(workspace.db);
  const stats = openStatCache();
  try {
    const records = await loadRecords(db, "demo");
    for (const step of STEPS) await expectWhole(root, records.newest(step)?.outputs ?? {}, stats);
    expect((await verifyJournal(db)).brokenAtSeq).toBeUndefined();
    const runs = await listPipelineRuns(db, "demo", 1000);
    const attempts = (await Promise.all(runs.map((run) => listStepRuns(db, run.id)))).flat();
    const alive = processIds().filter((pid) => runs.some((run) => startedWith(pid, `TRIMTAB_RUN_ID=${run.id}`)));
    return work({ runs: attempts, alive });
  } finally {
    stats.close();
    await db.close();
  }
}

/** What a record speaks of is in the cache, byte for byte. */
async function expectWhole(
  root: string,
  recorded: Record<string, { digest: string }>,
  stats: ReturnType<typeof openStatCache>,
): Promise<void> {
  const cache = openCache(workspaceAt(root, {}).cache);
  for (const { digest } of Object.values(recorded)) {
    const copy = join(root, "copy");
    await cache.restore(digest, copy);
    expect((await stats.hashPath(copy)).digest).toBe(digest);
    rmSync(copy, { recursive: true });
  }
}

function expectExact(root: string, runs: readonly StepRun[]): void {
  for (const step of STEPS) {
    const attempts = runs.filter((run) => run.step === step);
    const executed = existsSync(join(root, "count", step))
      ? readFileSync(join(root, "count", step), "utf8").length / 2
      : 0;
    expect(executed).toBeLessThanOrEqual(attempts.length);
    expect(attempts.filter((run) => run.state === "running")).toEqual([]);
  }
  // Of each key a step is done once: two depths make two keys of b, d and e, and one of a and c.
  const done = (step: string) => runs.filter((run) => run.step === step && run.state === "done").length;
  expect(STEPS.map((step) => done(step) <= (step === "a" || step === "c" ? 1 : 2))).toEqual(STEPS.map(() => true));
}

test(`kill -9 at random moments, then a run to the end (TRIMTAB_SEED=${seed})`, async () => {
  console.log(`TRIMTAB_SEED=${seed}`);
  const random = randomFrom(seed);
  const untilMs = performance.now() + BUDGET_MS;
  const reference = new Map<number, Record<string, string>>();
  const clean = freshRoot();
  const startedMs = performance.now();
  for (const depth of DEPTHS) {
    await runToEnd(clean, depth);
    reference.set(depth, outputs(clean));
  }
  const spanMs = performance.now() - startedMs;
  let kills = 0;
  for (let round = 0; round === 0 || performance.now() < untilMs; round++) {
    const root = freshRoot();
    for (let i = 0; i < 4; i++) {
      const child = spawn(root, DEPTHS[Math.floor(random() * 2)]!);
      await Promise.race([child.exited, Bun.sleep(random() * spanMs * 0.6)]);
      if (child.exitCode === null) kills++;
      child.kill("SIGKILL");
      await child.exited;
      await look(root, () => undefined);
    }
    const depth = DEPTHS[Math.floor(random() * 2)]!;
    await runToEnd(root, depth);
    expect(outputs(root)).toEqual(reference.get(depth)!);
    await look(root, ({ runs, alive }) => {
      expect(alive).toEqual([]);
      expectExact(root, runs);
    });
    expect(existsSync(join(root, ".trimtab/tmp/runs")) ? readdirSync(join(root, ".trimtab/tmp/runs")) : []).toEqual([]);
  }
  expect(kills).toBeGreaterThan(3);
  expect(crashPipeline(clean, 1).steps.d!.retry.attempts).toBe(2);
}, 60_000);
