/** A terminal that closes tells its whole group with SIGHUP and takes no more talk: what runs is ended in good order, or goes on under nohup. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { descendants } from "../processes.ts";
import { environment, freshFolder, REPO, until } from "../program.ts";

const SLEEP = "sleep 86399";
const PIPELINE = `model: m
steps:
  s:
    cmd: ${SLEEP} && echo 1 > out
    outs: [out]
retrain:
  when: [webhook]
`;

let folder: ReturnType<typeof freshFolder>;
let started: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
beforeEach(() => {
  folder = freshFolder("hangup");
  writeFileSync(join(folder.path, "pipeline.yaml"), PIPELINE);
});
afterEach(async () => {
  started?.kill("SIGTERM");
  await started?.exited;
  folder.remove();
});

/** In a group of its own, as a terminal starts its programs. */
function start(...command: string[]) {
  started = Bun.spawn(command, {
    cwd: folder.path,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  return started;
}

const TRIMTAB = join(REPO, "bin/trimtab");
const UP = [TRIMTAB, "up", "--port", "0", "--serve-port", "0", "--processes", "1"];
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const gone = (pids: number[]) =>
  until(
    () => !pids.some(isAlive),
    30_000,
    () => `${pids.filter(isAlive)} live on`,
  );

/** Everything below the program, once its step runs. */
async function whenStepRuns(pid: number): Promise<number[]> {
  const isStep = ({ command }: { command: string }) => command === SLEEP;
  await until(
    () => descendants(pid).some(isStep),
    30_000,
    () => "the step does not run",
  );
  return descendants(pid).map((one) => one.pid);
}

/** Waits until it says where its API is. */
async function whenUp(child: ReturnType<typeof start>) {
  const reader = child.stderr.getReader();
  for (let talk = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended and said: ${talk}`);
    talk += Buffer.from(value).toString();
    const said = /status page on (http:[^\s,]+)/.exec(talk);
    if (said) return { api: said[1]!, reader };
  }
}

test("run ends its step", async () => {
  const child = start(TRIMTAB, "run");
  const pids = await whenStepRuns(child.pid);
  process.kill(-child.pid, "SIGHUP");
  await gone(pids);
  expect(await child.exited).toBe(1);
}, 60_000);

test("up ends the steps of its jobs", async () => {
  const child = start(...UP);
  const { api } = await whenUp(child);
  const headers = { "content-type": "application/json" };
  await fetch(`${api}/api/v1/models/m/retrain`, { method: "POST", headers, body: "{}" });
  const pids = await whenStepRuns(child.pid);
  process.kill(-child.pid, "SIGHUP");
  await gone(pids);
}, 60_000);

test("under nohup up goes on with the same processes, and talk that nobody reads does not end it before its time", async () => {
  const child = start("nohup", ...UP);
  const { reader } = await whenUp(child);
  await reader.cancel();
  const before = descendants(child.pid);
  process.kill(-child.pid, "SIGHUP");
  await Bun.sleep(1_000);
  expect(descendants(child.pid)).toEqual(before);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
}, 60_000);
