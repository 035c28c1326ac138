/**
 * Serving: a pickled scikit-learn model against Flask + gunicorn and as ONNX against FastAPI + uvicorn, JavaScript models, bulk
 * requests, and how long a new version of a Python model takes from the swap of its link to its first answer, under load.
 */

import { join } from "node:path";
import { rollback } from "../../src/serving/deployment.ts";
import { makeVenv } from "../../test/python.ts";
import { onnxModel } from "../../test/serving/onnx-model.ts";
import { type LoadResult, loadFromOutside } from "../load.ts";
import { type Figure, median, print } from "../measure.ts";
import { treeCpuMs } from "./cpu.ts";
import { startPeer } from "./peer.ts";
import { type Bench, deploy, makeBench, makeVersion, numbers, type Server, startServer } from "./workspace.ts";

const NAMES = Array.from({ length: 10 }, (_, k) => `x${k}`);
const ROW = JSON.stringify({ features: NAMES.map((_, k) => Math.round(Math.sin(k) * 100) / 100) });
const SECONDS = 4;
/** Many short rounds, turn about: the speed of a shared machine changes within seconds, and the median round met both alike. */
const RACE = { rounds: 9, seconds: 2 };
const inputs = numbers(NAMES);
const one = { path: "/predict", body: ROW, connections: 32, seconds: SECONDS };

const LOGISTIC = `export function predict(columns, rows) {
  const p = new Float64Array(rows);
  const x = Object.values(columns);
  for (let i = 0; i < rows; i++) {
    let z = 0;
    for (let k = 0; k < x.length; k++) z += x[k][i] * 0.1;
    p[i] = 1 / (1 + Math.exp(-z));
  }
  return p;
}`;

const figures: Figure[] = [];
const requests = (what: string, result: LoadResult, goal?: string): void => {
  figures.push({ what, value: result.requestsPerSecond, unit: "/s", ...(goal && { goal }) });
  figures.push({
    what: `  p50, p99 ${result.p99Ms.toFixed(1)} ms, failed ${result.failed}`,
    value: result.p50Ms,
    unit: "ms",
  });
};

/** Serves what `make` deploys while `work` asks. */
async function serving(
  make: (bench: Bench) => Promise<unknown>,
  work: (server: Server, bench: Bench) => Promise<void>,
  python?: string,
): Promise<void> {
  const bench = makeBench();
  try {
    await make(bench);
    const server = await startServer(bench, python);
    await work(server, bench).finally(() => server.stop());
  } finally {
    bench.remove();
  }
}

const javascript = (bench: Bench) =>
  makeVersion(bench, 1, { runtime: "javascript", entry: "model.js", inputs }, { "model.js": LOGISTIC });
await serving(
  async (bench) => deploy(bench, 1, await javascript(bench)),
  async ({ port }) => {
    requests("JavaScript model, 1 row, 32 connections", await loadFromOutside({ ...one, port }));
    const rows = 1000;
    const columns = Object.fromEntries(
      NAMES.map((name, k) => [
        name,
        Array.from({ length: rows }, (_, i) => Math.round(Math.sin(i * 7 + k) * 1e4) / 10),
      ]),
    );
    const bulk = await loadFromOutside({ ...one, port, connections: 8, body: JSON.stringify({ columns }) });
    figures.push({
      what: "  1000 rows × 10 a request, captured: rows",
      value: bulk.requestsPerSecond * rows,
      unit: "/s",
      goal: "≥ 200k",
    });
    const feedback = JSON.stringify({ id: "bench", outcomes: new Array(rows).fill(1) });
    const told = await loadFromOutside({ ...one, port, connections: 8, path: "/feedback", body: feedback });
    figures.push({ what: "  their outcomes to /feedback: rows", value: told.requestsPerSecond * rows, unit: "/s" });
  },
);

const weights = NAMES.map((_, k) => [k * 0.1, k * -0.1]);
await serving(
  async (bench) => {
    const files = { "model.onnx": onnxModel({ weights, bias: [0, 0], softmax: true }) };
    await deploy(bench, 1, await makeVersion(bench, 1, { runtime: "onnx", entry: "model.onnx", inputs }, files));
  },
  async ({ port }) => requests("ONNX model, 1 row, 32 connections", await loadFromOutside({ ...one, port })),
);

const python = await makeVenv(
  "serving-peer",
  join(import.meta.dir, "peer.txt"),
  join(import.meta.dir, "..", "..", ".tmp"),
);
const trained = makeBench();
try {
  const made = Bun.spawnSync([python, join(import.meta.dir, "train.py")], { cwd: trained.dir, stderr: "inherit" });
  if (!made.success) throw new Error("the model could not be trained");
  const pickle = await Bun.file(join(trained.dir, "model.pkl")).bytes();
  const version = (bench: Bench, n: number) =>
    makeVersion(bench, n, { runtime: "python", entry: "model.pkl", inputs }, { "model.pkl": pickle });

  const peer = await startPeer("flask", python, trained.dir);
  const theirs: LoadResult[] = [];
  const ours: LoadResult[] = [];
  const alone: LoadResult[] = [];
  const theirCpu: number[] = [];
  const ourCpu: number[] = [];
  await serving(
    async (bench) => deploy(bench, 1, await version(bench, 1)),
    async (server, bench) => {
      // Neither is measured while its interpreter warms up.
      for (const { port } of [peer, server]) await loadFromOutside({ ...one, port, seconds: 2 });
      for (let round = 0; round < RACE.rounds; round++) {
        theirs.push(await measured(peer, theirCpu));
        ours.push(await measured(server, ourCpu));
      }
      alone.push(await loadFromOutside({ ...one, port: peer.port, connections: 1 }));
      alone.push(await loadFromOutside({ ...one, port: server.port, connections: 1 }));
      await peer.stop();
      await swaps(server, bench, version);
    },
    python,
  );
  const middle = (results: LoadResult[]): LoadResult =>
    [...results].sort((a, b) => a.requestsPerSecond - b.requestsPerSecond)[results.length >> 1]!;
  requests("pickle behind Flask + gunicorn, 2 workers, 32 connections", middle(theirs));
  requests("pickle behind Trimtab, 1 serving process", middle(ours));
  const ratios = ours.map((result, i) => result.requestsPerSecond / theirs[i]!.requestsPerSecond);
  figures.push({
    what: "  times as many requests",
    value: median(ratios),
    unit: "×",
    goal: "≥ 10 ×",
    runs: ratios.length,
  });
  const cpu = theirCpu.map((ms, i) => ms / ourCpu[i]!);
  figures.push({ what: "  times less CPU a request", value: median(cpu), unit: "×", runs: cpu.length });
  requests("pickle behind Flask + gunicorn, 1 connection", alone[0]!);
  requests("pickle behind Trimtab, 1 connection", alone[1]!);
  await onnxRace(python, trained.dir, middle);
} finally {
  trained.remove();
}
print(figures);

/** The same trees as ONNX on our server and as a pickle behind FastAPI, turn about. */
async function onnxRace(python: string, folder: string, middle: (results: LoadResult[]) => LoadResult): Promise<void> {
  const peer = await startPeer("fastapi", python, folder);
  const files = { "model.onnx": await Bun.file(join(folder, "model.onnx")).bytes() };
  const theirs: LoadResult[] = [];
  const ours: LoadResult[] = [];
  await serving(
    async (bench) =>
      deploy(bench, 1, await makeVersion(bench, 1, { runtime: "onnx", entry: "model.onnx", inputs }, files)),
    async (server) => {
      for (let round = 0; round < RACE.rounds; round++) {
        theirs.push(await loadFromOutside({ ...one, port: peer.port, seconds: RACE.seconds }));
        ours.push(await loadFromOutside({ ...one, port: server.port, seconds: RACE.seconds }));
      }
    },
  ).finally(() => peer.stop());
  requests("pickle behind FastAPI + uvicorn, 2 workers, 32 connections", middle(theirs));
  requests("the same trees as ONNX behind Trimtab, 1 serving process", middle(ours));
  const ratios = ours.map((result, i) => result.requestsPerSecond / theirs[i]!.requestsPerSecond);
  figures.push({
    what: "  times as many requests",
    value: median(ratios),
    unit: "×",
    goal: "≥ 20 ×",
    runs: ratios.length,
  });
}

/** Loads a server and notes the CPU that a request took, in milliseconds. */
async function measured({ port, pid }: { port: number; pid: number }, cpuMs: number[]): Promise<LoadResult> {
  const before = treeCpuMs(pid);
  const result = await loadFromOutside({ ...one, port, seconds: RACE.seconds });
  cpuMs.push((treeCpuMs(pid) - before) / (result.requestsPerSecond * RACE.seconds));
  return result;
}

/** A new version of the Python model, and back, while requests come. */
async function swaps(
  server: Server,
  bench: Bench,
  version: (bench: Bench, n: number) => Promise<string>,
): Promise<void> {
  const answered = async (wanted: number): Promise<void> => {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${server.port}/predict`, { method: "POST", body: ROW });
      if (((await response.json()) as { version: number }).version === wanted) return;
    }
  };
  const folder = await version(bench, 2);
  const load = loadFromOutside({ ...one, port: server.port, connections: 4, seconds: 4 });
  await Bun.sleep(500);
  const timed = async (act: () => Promise<unknown>, wanted: number): Promise<number> => {
    await act();
    const from = performance.now();
    await answered(wanted);
    return performance.now() - from;
  };
  const live = await timed(() => deploy(bench, 2, folder), 2);
  const back = await timed(() => rollback({ deployDir: bench.deployDir, model: "m" }), 1);
  const { failed } = await load;
  figures.push({
    what: "new pickle: swap of the link to its first answer",
    value: live,
    unit: "ms",
    goal: "≤ 1000 ms",
  });
  figures.push({ what: `  rollback; failed requests ${failed}`, value: back, unit: "ms", goal: "≤ 200 ms" });
}
