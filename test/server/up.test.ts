/** What `trimtab up` starts, as the system sees it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { privateBytes } from "../../src/serving/child-model.ts";
import { descendants } from "../processes.ts";
import { environment, freshFolder, REPO, type Served, startUp } from "../program.ts";

const folder = freshFolder("up");
let served: Served;

beforeAll(async () => {
  writeFileSync(join(folder.path, "pipeline.yaml"), "model: m\nsteps:\n  s:\n    cmd: echo 1 > out\n    outs: [out]\n");
  served = await startUp(folder.path, { model: false });
}, 60_000);
afterAll(async () => {
  await served.stop();
  folder.remove();
});

test("the supervisor keeps the process id, and not what reading the pipeline took", () => {
  expect(readFileSync(`/proc/${served.pid}/cmdline`, "utf8")).toContain("__supervise");
  const control = descendants(served.pid).find((one) => one.command.includes("__control"))!;
  expect(privateBytes(served.pid)).toBeLessThan(privateBytes(control.pid) / 2);
});

test("it says where things are, also when the system chose the ports", async () => {
  const child = Bun.spawn([join(REPO, "bin/trimtab"), "up", "--port", "0", "--serve-port", "0", "--processes", "1"], {
    cwd: folder.path,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let talk = "";
  let said: RegExpExecArray | null = null;
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    talk += chunk;
    said = /status page on (http:\S+), predictions on (http:\S+)\n/.exec(talk);
    if (said) break;
  }
  const statuses = said?.slice(1).map(async (url) => (await fetch(`${url}/health`)).status) ?? [];
  expect(await Promise.all(statuses)).toEqual([200, 200]);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
}, 60_000);
