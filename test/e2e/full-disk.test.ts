/**
 * A disk that fills under the real program, wherever it happens to fill: one line with code and mend, nothing half-written, and
 * the next run with room goes through. Serving answers all the same, says what it could not capture, and captures again.
 */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../src/base/limits.ts";
import { environment, freshFolder, post, REPO, startUp, trimtab, trimtabJson, until } from "../program.ts";
import { smallDisk } from "../small-disk.ts";
import { csv, ROW, writeProject } from "./project.ts";

const KIB = 1024;
const folder = freshFolder("full-disk");
const disk = smallDisk(64 * KIB);
afterAll(() => {
  disk?.remove();
  folder.remove();
});

const errorsOf = (stderr: string) => stderr.split("\n").filter((line) => line.startsWith("error["));

/** With room again a run goes through, and everything is sound. */
async function expectUsable(cwd: string): Promise<void> {
  const again = await trimtab(["run"], { cwd });
  expect({ exit: again.exit, errors: errorsOf(again.stderr) }).toEqual({ exit: 0, errors: [] });
  const doctor = await trimtab(["doctor"], { cwd });
  expect({ exit: doctor.exit, said: doctor.exit === 0 ? "" : doctor.stdout }).toEqual({ exit: 0, said: "" });
}

/** What the project needs on its way to the end, in KiB; the disk fills in the database, DuckDB, outputs, cache, version. */
const SIZES = [1900, 2200, 2400, 2600, 2800, 3000, 3200];

test.if(disk !== undefined)(
  "a run that fills the disk says so in one line, and goes through with room",
  async () => {
    const { path, resize } = disk!;
    for (const size of SIZES) {
      const home = join(path, String(size));
      resize(64_000 * KIB);
      for (const old of readdirSync(path)) Bun.spawnSync(["rm", "-rf", join(path, old)]);
      writeProject(home);
      writeFileSync(join(home, "data/rows.csv"), csv(30_000));
      resize(size * KIB);
      const ended = await trimtab(["run"], { cwd: home });
      if (ended.exit !== 0) {
        expect({ size, exit: ended.exit, errors: errorsOf(ended.stderr).length }).toEqual({ size, exit: 1, errors: 1 });
        expect(errorsOf(ended.stderr)[0]).toMatch(/^error\[DISK_FULL\] \S+.*: .*no space.* Mend: free some space.*\.$/);
        expect(readdirSync(home).sort()).toEqual(expect.arrayContaining([".trimtab", "data", "pipeline.yaml"]));
      } else expect(size).toBeGreaterThan(SIZES[0]!);
      resize(64_000 * KIB);
      await expectUsable(home);
    }
  },
  120_000,
);

test.if(disk !== undefined)(
  "a trainer that fills the disk: its own words and the mend",
  async () => {
    const { path, resize } = disk!;
    resize(64_000 * KIB);
    const home = join(path, "trainer");
    mkdirSync(home);
    const write = (bytes: number) =>
      `model: m\nsteps:\n  s:\n    cmd: head -c ${bytes} /dev/zero > out.bin\n    outs: [out.bin]\n`;
    for (const bytes of [200_000_000, 40_000_000]) {
      writeFileSync(join(home, "pipeline.yaml"), write(bytes));
      const ended = await trimtab(["run"], { cwd: home });
      expect({ exit: ended.exit, errors: errorsOf(ended.stderr).length }).toEqual({ exit: 1, errors: 1 });
      expect(errorsOf(ended.stderr)[0]).toMatch(/o space left .*Mend: free some space/);
      expect(readdirSync(home).sort()).toEqual([".trimtab", "pipeline.yaml"]);
    }
    writeFileSync(join(home, "pipeline.yaml"), write(1000));
    await expectUsable(home);
  },
  60_000,
);

test.if(disk !== undefined)(
  "serving answers on a full disk, says what it cannot capture, and captures again",
  async () => {
    const { path, resize, fill } = disk!;
    resize(64_000 * KIB);
    const home = join(path, "served");
    writeProject(home);
    expect((await trimtab(["run"], { cwd: home })).exit).toBe(0);
    const served = await startUp(home, { processes: 1 });
    const { t: _, ...row } = ROW;
    const predict = () => post(`${served.serving}/predict`, { inputs: Array(20).fill(row) });
    const days = join(home, ".trimtab/predictions/tiny");
    const namesIn = () => (existsSync(days) ? readdirSync(days, { recursive: true, encoding: "utf8" }) : []);
    const filesOf = () => namesIn().filter((name) => name.endsWith(".jsonl"));
    const captured = () =>
      filesOf()
        .map((name) => readFileSync(join(days, name), "utf8"))
        .join("");
    try {
      const { id } = (await (await predict()).json()) as { id: string };
      await until(
        () => captured().includes(id),
        10_000,
        () => "nothing is captured",
      );
      const free = fill();
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < 20; i++) expect((await predict()).status).toBe(200);
        await Bun.sleep(2 * LIMITS.captureFlushMs);
      }
      // Not one more with each write that fails.
      expect(filesOf().length).toBeLessThan(4);
      const refused = await post(`${served.serving}/feedback`, { id, outcomes: Array(20).fill(1) });
      expect(refused.status).toBe(507);
      expect(await refused.json()).toMatchObject({
        error: { code: "DISK_FULL", place: expect.stringContaining(home) },
      });
      const metrics = await (await fetch(`${served.serving}/metrics`)).text();
      expect(Number(/^trimtab_capture_dropped_total\{model="tiny"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
      const { attention } = await trimtabJson<{ attention: { what: string }[] }>(["status"], { cwd: home });
      expect(attention.map(({ what }) => what)).toContainEqual(expect.stringContaining("the disk is nearly full"));
      free();
      const { id: later } = (await (await predict()).json()) as { id: string };
      await until(
        () => captured().includes(later),
        10_000,
        () => "nothing is captured after there is room again",
      );
      expect((await post(`${served.serving}/feedback`, { id: later, outcomes: Array(20).fill(1) })).status).toBe(200);
    } finally {
      expect(await served.stop()).toBe(0);
    }
    await expectUsable(home);
  },
  60_000,
);

test("files that may not grow beyond a limit (ulimit -f) are a full disk that needs no root", async () => {
  for (const blocks of [8, 100, 700, 1200]) {
    const home = join(folder.path, String(blocks));
    writeProject(home);
    writeFileSync(join(home, "data/rows.csv"), csv(30_000));
    const child = Bun.spawn(["sh", "-c", `ulimit -f ${blocks}; exec "$0" run`, join(REPO, "bin/trimtab")], {
      cwd: home,
      env: environment(),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const errors = errorsOf(await child.stderr.text());
    expect({ blocks, exit: await child.exited, errors: errors.length }).toEqual({ blocks, exit: 1, errors: 1 });
    expect(errors[0]).toMatch(/^error\[(DISK_FULL|FILE_SYSTEM)\] \S+.*Mend: .*ulimit -f.*\.$/);
    await expectUsable(home);
  }
}, 120_000);
