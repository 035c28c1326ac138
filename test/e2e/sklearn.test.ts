/** The same life with the team's own Python: init, run, up; the pickle serves through deaths of its process, and rolls back. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { descendants } from "../processes.ts";
import { freshFolder, post, REPO, type Served, startUp, trimtab, trimtabJson, until } from "../program.ts";
import { pythonWith } from "../python.ts";

const python = await pythonWith("sklearn");
const withPython = test.if(python !== undefined);
const folder = freshFolder("sklearn");
const home = join(folder.path, "flights");
/** One thread: on a busy machine those of OpenMP would spin against each other for a minute. And no test is timed. */
const env = { OMP_NUM_THREADS: "1", TRIMTAB_GATE_LATENCY_MS_P99_MAX: "60s" };
const SMALL = ["--param", "rows=40000", "--param", "trees=40"];
const FLIGHT = { date: "2001-03-05T17:40:00Z", distance: 719, origin: "ORD", destination: "LGA" };
let served: Served | undefined;

interface Answer {
  id: string;
  version: number;
  predictions: unknown[];
  probabilities: number[][];
}

beforeAll(async () => {
  if (!python) return;
  expect((await trimtab(["init", "--template", "flights-sklearn", home], { cwd: folder.path })).exit).toBe(0);
  symlinkSync(dirname(dirname(python)), join(home, ".venv"));
}, 60_000);

afterAll(async () => {
  await served?.stop();
  folder.remove();
});

const predict = async (body: unknown = { inputs: [FLIGHT] }): Promise<Answer> => {
  const response = await post(`${served!.serving}/predict`, body);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
};

test("the template pins what the tests are run with", () => {
  const pins = (file: string) => new Set(readFileSync(join(REPO, file), "utf8").match(/^[a-z-]+==.*$/gm));
  expect([...pins("examples/flights-sklearn/requirements.txt").difference(pins("test/python/sklearn.txt"))]).toEqual(
    [],
  );
});

withPython(
  "run trains with scikit-learn, and the gate judges the pickle by the Python that will serve it",
  async () => {
    const { version, verdict } = await trimtabJson<{ version: number; verdict: { pass: boolean } }>(["run", ...SMALL], {
      cwd: home,
      env,
    });
    expect(version).toBe(1);
    expect(verdict.pass).toBe(true);
    const again = await trimtab(["run", ...SMALL], { cwd: home, env });
    expect(again.stdout).toContain("nothing to do");
  },
  120_000,
);

withPython(
  "up serves the pickle and takes outcomes",
  async () => {
    served = await startUp(home);
    const answer = await predict();
    expect(answer.version).toBe(1);
    expect([true, false, 0, 1]).toContain(answer.predictions[0] as number);
    expect(answer.probabilities[0]!.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect((await post(`${served.serving}/feedback`, { id: answer.id, outcome: true })).status).toBe(200);
    const refused = await post(`${served.serving}/predict`, { inputs: [{ ...FLIGHT, distance: "far" }] });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("distance");
  },
  60_000,
);

withPython(
  "requests go on when the model's processes are killed",
  async () => {
    const expected = (await predict()).probabilities;
    let asking = true;
    const answered = new Array<number>(8).fill(0);
    const askers = answered.map(async (_, asker) => {
      for (; asking; answered[asker]!++) expect((await predict()).probabilities).toEqual(expected);
    });
    const failed = Promise.all(askers).then(() => undefined);
    failed.catch(() => undefined);
    const allGoOn = (from: number[]) => answered.every((count, asker) => count >= from[asker]! + 2);
    try {
      for (let kills = 0; kills < 3; kills++) {
        const workers = descendants(served!.pid).filter((found) => found.command.includes("worker.py"));
        expect(workers.length).toBeGreaterThan(0);
        // The newest are the models; the interpreter that forked them must be replaceable too, so the last round takes all.
        for (const { pid } of kills < 2 ? workers.slice(-1) : workers) process.kill(pid, "SIGKILL");
        const from = [...answered];
        // What was under way is tried once more, not twice: the next kill waits until every asker has its answers.
        await Promise.race([
          until(
            () => allGoOn(from),
            30_000,
            () => `stuck at ${answered}: ${served!.talk()}`,
          ),
          failed,
        ]);
      }
    } finally {
      asking = false;
    }
    await failed;
  },
  60_000,
);

withPython(
  "a second version takes over, and rollback brings the first back",
  async () => {
    const first = (await predict()).probabilities;
    const second = await trimtab(["run", "--param", "rows=40000", "--param", "trees=30"], { cwd: home, env });
    expect([0, 3]).toContain(second.exit);
    expect((await trimtab(["deploy", "2", "--force", "--reason", "test"], { cwd: home })).exit).toBe(0);
    await versionIs(2);
    expect((await trimtab(["rollback"], { cwd: home })).exit).toBe(0);
    await versionIs(1);
    expect((await predict()).probabilities).toEqual(first);
  },
  120_000,
);

async function versionIs(version: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await predict()).version === version) return;
    await Bun.sleep(20);
  }
  throw new Error(`version ${version} does not serve: ${served!.talk()}`);
}
