/**
 * The real MLflow server and ours on the same work, alternating in one run, with 1, 8 and 32 connections; then what only we
 * are asked: search over 100,000 runs. BENCH_SECONDS (3) a measurement, BENCH_PASSES (3); without Python only ours runs.
 */

import { pythonWith } from "../../test/python.ts";
import { type Figure, median, print, treeMemory } from "../measure.ts";
import { artifacts } from "./artifacts.ts";
import { type Filled, fill, type Rate, rateOf } from "./client.ts";
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
async function race(work: Work, connections: number, contestants: readonly Contestant[]): Promise<Rate[]> {
  const seen = contestants.map((): Rate[] => []);
  for (let pass = 0; pass < PASSES; pass++)
    for (const [i, { server, filled }] of contestants.entries())
      seen[i]!.push(await rateOf(connections, SECONDS, (n) => work.ask(server.url, filled, n)));
  return seen.map((rates) => {
    const of = (key: keyof Rate) => median(rates.map((rate) => rate[key]));
    const failed = rates.reduce((sum, rate) => sum + rate.failed, 0);
    return { failed, perSecond: of("perSecond"), p50Ms: of("p50Ms"), p95Ms: of("p95Ms"), p99Ms: of("p99Ms") };
  });
}

function figuresOf(work: Work, connections: number, contestants: readonly Contestant[], rates: Rate[]): Figure[] {
  const figures: Figure[] = contestants.map(({ server }, i) => ({
    what: `${work.name}, ${connections} conn., ${server.name}: p50 ${rates[i]!.p50Ms.toFixed(2)}, p99 ${rates[i]!.p99Ms.toFixed(1)} ms${failedText(rates[i]!)}`,
    value: rates[i]!.perSecond,
    unit: "/s",
    runs: PASSES,
  }));
  if (rates.length === 2)
    figures.push({
      what: "  times MLflow",
      value: rates[0]!.perSecond / rates[1]!.perSecond,
      unit: "×",
      goal: `≥ ${work.goal}×`,
    });
  return figures;
}

const failedText = (rate: Rate): string => (rate.failed > 0 ? `, ${rate.failed} FAILED` : "");

const megabytes = (sizeBytes: number): number => sizeBytes / 1e6;

async function main(): Promise<void> {
  const python = await pythonWith("mlflow3");
  const contestants = [await enter(startTrimtab)];
  try {
    if (python !== undefined) contestants.push(await enter(() => startMlflow(python)));
    const figures: Figure[] = [];
    for (const { server, idle } of contestants) {
      const ours = server.name === "Trimtab";
      figures.push({
        what: `${server.name}: start to ready`,
        value: server.startMs / 1000,
        unit: "s",
        ...(ours && { goal: "≤ 0.5 s" }),
      });
      figures.push({
        what: `${server.name}: resident when idle`,
        value: megabytes(idle.rssBytes),
        unit: "MB",
        ...(ours && { goal: "≤ 120 MB" }),
      });
    }
    for (const work of WORK)
      for (const connections of CONNECTIONS) {
        process.stderr.write(`${work.name}, ${connections} connections\n`);
        figures.push(...figuresOf(work, connections, contestants, await race(work, connections, contestants)));
      }
    figures.push(...(await artifacts(contestants)));
    for (const { server } of contestants)
      figures.push({
        what: `${server.name}: resident after the work`,
        value: megabytes(treeMemory(server.pid).rssBytes),
        unit: "MB",
      });
    print(figures);
    print(await searchMany(contestants[0]!.server.url));
    print([
      {
        what: "Trimtab: resident after 100,000 runs",
        value: megabytes(treeMemory(contestants[0]!.server.pid).rssBytes),
        unit: "MB",
      },
    ]);
  } finally {
    for (const { server } of contestants) await server.stop();
  }
}

await main();
