/**
 * The real MLflow server and ours on the same work, alternating in one run, with 1, 8 and 32 connections; then what only we
 * are asked: search over 100,000 runs. BENCH_SECONDS (3) a measurement, BENCH_PASSES (3); without Python only ours runs.
 * `bun bench/tracking/run.ts race` or `many` runs one half.
 */

import { pythonWith } from "../../test/python.ts";
import { type LoadResult, load } from "../load.ts";
import { type Figure, median, print, treeMemory } from "../measure.ts";
import { artifacts } from "./artifacts.ts";
import { type Filled, fill } from "./client.ts";
import { searchMany } from "./many.ts";
import { type Measured, startMlflow, startTrimtab } from "./servers.ts";
import { WORK, type Work } from "./work.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const PASSES = Number(process.env.BENCH_PASSES ?? 3);
const CONNECTIONS = [1, 8, 32];
const SEARCHED_RUNS = 200;

interface Contestant {
  server: Measured;
  filled: Filled;
  idle: { rssBytes: number; pssBytes: number };
}

async function enter(start: () => Promise<Measured>): Promise<Contestant> {
  const server = await start();
  await Bun.sleep(5000);
  const idle = treeMemory(server.pid);
  process.stderr.write(`${server.name} is up\n`);
  return { server, idle, filled: await fill(server.url, SEARCHED_RUNS) };
}

/** Median over the passes, for every contestant, alternating. */
async function race(work: Work, connections: number, contestants: readonly Contestant[]): Promise<LoadResult[]> {
  const seen = contestants.map((): LoadResult[] => []);
  for (let pass = 0; pass < PASSES; pass++)
    for (const [i, { server, filled }] of contestants.entries()) {
      const port = Number(new URL(server.url).port);
      seen[i]!.push(await load({ port, connections, seconds: SECONDS, request: () => work.request(filled) }));
    }
  return seen.map((results) => {
    const of = (key: keyof LoadResult) => median(results.map((result) => result[key]));
    const failed = results.reduce((sum, result) => sum + result.failed, 0);
    const requestsPerSecond = of("requestsPerSecond");
    return { failed, requestsPerSecond, p50Ms: of("p50Ms"), p95Ms: of("p95Ms"), p99Ms: of("p99Ms") };
  });
}

function figuresOf(work: Work, connections: number, contestants: readonly Contestant[], results: LoadResult[]) {
  const figures: Figure[] = contestants.map(({ server }, i) => ({
    what: `${work.name}, ${connections} conn., ${server.name}: p50 ${results[i]!.p50Ms.toFixed(2)}, p99 ${results[i]!.p99Ms.toFixed(1)} ms${failedText(results[i]!)}`,
    value: results[i]!.requestsPerSecond,
    unit: "/s",
    runs: PASSES,
  }));
  if (results.length === 2)
    figures.push({
      what: "  times MLflow",
      value: results[0]!.requestsPerSecond / results[1]!.requestsPerSecond,
      unit: "×",
      goal: `≥ ${work.goal}×`,
    });
  return figures;
}

const failedText = (result: LoadResult): string => (result.failed > 0 ? `, ${result.failed} FAILED` : "");

const megabytes = (sizeBytes: number): number => sizeBytes / 1e6;

const memory = (what: string, pid: number): Figure => ({
  what,
  value: megabytes(treeMemory(pid).rssBytes),
  unit: "MB",
});

/** Both servers, turn about. */
async function compare(): Promise<void> {
  const python = await pythonWith("mlflow3");
  const contestants = [await enter(startTrimtab)];
  try {
    if (python !== undefined) contestants.push(await enter(() => startMlflow(python)));
    const figures = contestants.flatMap(atRest);
    for (const work of WORK)
      for (const connections of CONNECTIONS) {
        process.stderr.write(`${work.name}, ${connections} connections\n`);
        figures.push(...figuresOf(work, connections, contestants, await race(work, connections, contestants)));
      }
    figures.push(...(await artifacts(contestants)));
    for (const { server } of contestants) figures.push(memory(`${server.name}: resident after the work`, server.pid));
    print(figures);
  } finally {
    for (const { server } of contestants) await server.stop();
  }
}

function atRest({ server, idle }: Contestant): Figure[] {
  const ours = server.name === "Trimtab";
  const start: Figure = { what: `${server.name}: start to ready`, value: server.startMs / 1000, unit: "s" };
  const rest: Figure = { what: `${server.name}: resident when idle`, value: megabytes(idle.rssBytes), unit: "MB" };
  return ours
    ? [
        { ...start, goal: "≤ 0.5 s" },
        { ...rest, goal: "≤ 120 MB" },
      ]
    : [start, rest];
}

/** What only ours is asked: the reference would need hours to be filled. */
async function alone(): Promise<void> {
  const server = await startTrimtab();
  try {
    const figures = await searchMany(server.url);
    print([...figures, memory("resident afterwards", server.pid)]);
  } finally {
    await server.stop();
  }
}

const [part] = process.argv.slice(2);
if (part !== "many") await compare();
if (part !== "race") await alone();
