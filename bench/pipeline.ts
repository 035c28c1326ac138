/**
 * What the pipeline costs: a run with nothing to do, and a step beyond a bare spawn of the same command; beside make on the
 * same twenty steps. Whole processes, medians; look at the ratios.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STEPS = 20;
const ROUNDS = 9;
const entry = join(import.meta.dir, "pipeline-entry.ts");
const root = mkdtempSync(join(tmpdir(), "trimtab-bench-"));

/** Each step reads the one before: nothing runs side by side, so that costs add up. */
const inputOf = (i: number) => (i === 0 ? "in.txt" : `out/${i - 1}.txt`);
const commandOf = (i: number) => `cp ${inputOf(i)} out/${i}.txt`;

function prepare(): void {
  const steps = Array.from(
    { length: STEPS },
    (_, i) =>
      `  s${i}:\n    cmd: ${commandOf(i)}\n    deps: [${inputOf(i)}]\n    outs: [out/${i}.txt]\n    params: { p: ${i} }\n`,
  );
  const rules = Array.from({ length: STEPS }, (_, i) => `out/${i}.txt: ${inputOf(i)}\n\t${commandOf(i)}\n`);
  writeFileSync(join(root, "pipeline.yaml"), `model: bench\nsteps:\n${steps.join("")}`);
  writeFileSync(
    join(root, "Makefile"),
    `out/${STEPS - 1}.txt: ${inputOf(STEPS - 1)}\n\n${rules.reverse().join("\n")}`.replace(/^out.*\n\n/, ""),
  );
  writeFileSync(join(root, "in.txt"), "input\n");
  Bun.spawnSync(["mkdir", "-p", "out"], { cwd: root });
}

function timeMs(command: string[]): number {
  const startedMs = performance.now();
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: root, stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return performance.now() - startedMs;
}

function median(rounds: number, once: () => number): number {
  const times = Array.from({ length: rounds }, once).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)]!;
}

function row(what: string, valueMs: number, beside = ""): void {
  console.log(`${what.padEnd(46)} ${valueMs.toFixed(1).padStart(9)} ms  ${beside}`);
}

function bench(): void {
  const bare = [
    process.execPath,
    "-e",
    `for (let i = 0; i < ${STEPS}; i++) Bun.spawnSync(["sh", "-c", "cp in.txt out/bare.txt"])`,
  ];
  const idle = [process.execPath, "-e", "0"];
  const run = [process.execPath, entry];
  timeMs(run);
  const noopMs = median(ROUNDS, () => timeMs(run));
  const emptyMs = median(ROUNDS, () => timeMs(idle));
  const bareMs = median(ROUNDS, () => timeMs(bare)) - emptyMs;
  const forcedMs = median(ROUNDS, () => timeMs([...run, "--force"]));
  const addedMs = (forcedMs - noopMs - bareMs) / STEPS;
  console.log(`${STEPS} steps in a chain, median of ${ROUNDS}`);
  row("no-op run, whole process", noopMs, `limit 300 ms; ${(noopMs / emptyMs).toFixed(1)}x an empty Bun process`);
  row("all steps run (--force), whole process", forcedMs);
  row("bare spawn of one such command", bareMs / STEPS);
  row("added to each step", addedMs, "limit 10 ms");
  if (Bun.which("make")) besideMake(noopMs, forcedMs);
}

function besideMake(noopMs: number, forcedMs: number): void {
  timeMs(["make"]);
  const makeNoopMs = median(ROUNDS, () => timeMs(["make"]));
  const makeAllMs = median(ROUNDS, () => timeMs(["make", "-B"]));
  row("make, no-op (times only, no hashes, no record)", makeNoopMs, `${(noopMs / makeNoopMs).toFixed(1)}x for us`);
  row("make -B", makeAllMs, `${(forcedMs / makeAllMs).toFixed(1)}x for us`);
}

try {
  prepare();
  bench();
} finally {
  rmSync(root, { recursive: true, force: true });
}
