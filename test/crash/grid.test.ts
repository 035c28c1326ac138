/**
 * `kill -9` of the program in the middle of a grid: what was done is not done again, the rest is, and neither the run that died
 * nor the one inside it says for ever that it is running.
 */

import { expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment, REPO, trimtabJson, until } from "../program.ts";
import { tempFolder } from "../temp.ts";

const PIPELINE = `model: searched
steps:
  train:
    cmd: >-
      echo x >> ran/\${depth};
      while [ \${depth} = 3 ] && [ ! -e ran/go ]; do sleep 0.05; done;
      echo "score: 0.\${depth}" > out/score.yaml
    metrics: [out/score.yaml]
    params: { depth: 1 }
    grid: { depth: [1, 2, 3, 4] }
    best: { max: score }
`;

interface Shown {
  name: string;
  status: string;
  parentId?: string;
}

test("a grid that was killed goes on where it was", async () => {
  const cwd = tempFolder();
  await Bun.write(join(cwd, "ran/.keep"), "");
  writeFileSync(join(cwd, "pipeline.yaml"), PIPELINE);
  const child = Bun.spawn([join(REPO, "bin/trimtab"), "run", "--jobs", "1"], {
    cwd,
    env: environment(),
    stdout: "ignore",
    stderr: "ignore",
  });
  await until(
    () => existsSync(join(cwd, "ran/3")),
    60_000,
    () => "the third combination did not begin",
  );
  child.kill("SIGKILL");
  await child.exited;
  writeFileSync(join(cwd, "ran/go"), "");
  const ran = await trimtabJson<{ state: string; steps: { step: string; state: string; reason: string }[] }>(["run"], {
    cwd,
  });
  expect(ran.state).toBe("done");
  expect(ran.steps.map(({ step, state }) => [step, state])).toEqual([
    ["train@depth=1", "kept"],
    ["train@depth=2", "kept"],
    ["train@depth=3", "done"],
    ["train@depth=4", "done"],
    ["train", "done"],
  ]);
  expect(await Bun.file(join(cwd, "out/score.yaml")).text()).toBe("score: 0.4\n");
  const times = async (depth: number) => (await Bun.file(join(cwd, `ran/${depth}`)).text()).length / 2;
  expect([await times(1), await times(2), await times(3), await times(4)]).toEqual([1, 1, 2, 1]);
  const { runs } = await trimtabJson<{ runs: Shown[] }>(["runs", "list"], { cwd });
  const killed = runs.filter((run) => run.status === "KILLED");
  expect(killed.map((run) => run.parentId === undefined)).toEqual([false, true]);
  expect(runs.filter((run) => run.status === "RUNNING")).toEqual([]);
  expect(readdirSync(join(cwd, ".trimtab/tmp/runs"))).toEqual([]);
}, 120_000);
