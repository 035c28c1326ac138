/**
 * Every process of a served project is killed at random moments (`kill -9`): a run while it works, serving, control, the
 * supervisor. Afterwards nothing published is lost or torn, and what served serves again. The seed is printed; TRIMTAB_SEED
 * repeats the choices.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, post, type Served, startUp, trimtab, trimtabJson, until } from "../program.ts";

const FLIGHT = { date: "2001-03-05T17:40:00Z", distance: 719, origin: "ORD", destination: "LGA" };
const SMALL = ["--param", "rows=5000", "--param", "trees=3"];
const KILLED_RUNS = 4;
const seed = Number(process.env.TRIMTAB_SEED ?? Date.now() % 1_000_000);
let state = seed;
/** In [0, 1); a linear congruential generator (Numerical Recipes), enough to choose moments. */
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

const folder = freshFolder("crash-up");
const home = join(folder.path, "flights");

beforeAll(async () => {
  console.log(`seed ${seed}`);
  expect((await trimtab(["init", "--template", "flights", home], { cwd: folder.path })).exit).toBe(0);
}, 60_000);
afterAll(() => folder.remove());

test("runs that are killed at random moments are taken up, and one version comes of them", async () => {
  for (let round = 0; round < KILLED_RUNS; round++) {
    const run = Bun.spawn([join(import.meta.dir, "../../bin/trimtab"), "run", ...SMALL], {
      cwd: home,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await Bun.sleep(200 + random() * 2500);
    run.kill("SIGKILL");
    await run.exited;
  }
  const ended = await trimtab(["run", ...SMALL], { cwd: home });
  expect({ exit: ended.exit, stderr: ended.stderr.includes("error[") }).toEqual({ exit: 0, stderr: false });
  await soundWithOneVersion();
}, 120_000);

test("serving and control processes that are killed come back, and the version goes on", async () => {
  const served = await startUp(home);
  try {
    for (const word of ["__serve", "__control", "__serve"]) {
      await Bun.sleep(random() * 300);
      const victims = childrenOf(served.pid).filter((pid) => commandOf(pid).includes(word));
      const victim = victims[Math.floor(random() * victims.length)]!;
      process.kill(victim, "SIGKILL");
      await until(
        () => answersOne(served),
        20_000,
        () => `no answer after ${word} was killed: ${served.talk()}`,
      );
      await until(
        () => childrenOf(served.pid).filter((pid) => commandOf(pid).includes(word)).length === victims.length,
        20_000,
        () => `${word} did not come back: ${served.talk()}`,
      );
    }
    await until(
      () => isUp(`${served.control}/health`),
      20_000,
      () => `control does not answer: ${served.talk()}`,
    );
  } finally {
    await served.stop();
  }
  await soundWithOneVersion();
}, 120_000);

test("when the supervisor is killed its children end, and a new start serves the same version", async () => {
  const first = await startUp(home);
  const children = childrenOf(first.pid);
  expect(children.length).toBe(3);
  process.kill(first.pid, "SIGKILL");
  await until(
    () => children.every((pid) => commandOf(pid) === ""),
    30_000,
    () => "children outlive the supervisor",
  );
  const second = await startUp(home);
  expect(await answersOne(second)).toBe(true);
  expect(await second.stop()).toBe(0);
  await soundWithOneVersion();
}, 120_000);

async function soundWithOneVersion(): Promise<void> {
  const { versions } = await trimtabJson<{ versions: { version: number; trafficPercent: number }[] }>(
    ["models", "show"],
    { cwd: home },
  );
  expect(versions.filter((version) => version.trafficPercent === 100)).toHaveLength(1);
  const doctor = await trimtab(["doctor"], { cwd: home });
  expect({ exit: doctor.exit, said: doctor.exit === 0 ? "" : doctor.stdout }).toEqual({ exit: 0, said: "" });
}

const isUp = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );

/** Whether a prediction is answered. */
async function answersOne(served: Served): Promise<boolean> {
  const answer = await post(`${served.serving}/predict`, { inputs: [FLIGHT] }).catch(() => undefined);
  return answer?.status === 200;
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}

/** Empty when the process is gone (or only waits to be collected). */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
