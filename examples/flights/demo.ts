/**
 * `npm run demo`: the main job on real data. January and February train version 1; the server starts; March to June are
 * replayed in time order over HTTP, each week's outcomes are sent afterwards, and whatever the rules and the gate then
 * decide is reported with its figures. Nothing here knows what will happen.
 *
 *   npm run demo                 the story on the terminal
 *   npm run demo -- --json       the same as data on stdout
 *   npm run demo -- --share 0.1  a tenth of the flights
 */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Progress, printSummary, type Summary } from "./demo-report.ts";
import { flightsFile, writeFlights } from "./prepare.ts";
import { percentile, Replay } from "./replay.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    share: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
  },
});

const REPO = join(import.meta.dir, "..", "..");
const TRIMTAB = join(REPO, "bin", "trimtab");
const HOME = join(REPO, ".tmp", "demo");
const FIRST_DAY = Date.UTC(2001, 2, 1);
const LAST_DAY = Date.UTC(2001, 6, 1);
const DAY_MS = 86_400_000;
const started = performance.now();
const progress = new Progress();

if (!flightsFile()) throw new Error("vega-datasets is missing: run npm install");
rmSync(HOME, { recursive: true, force: true });

progress.chapter("January and February become a dataset, a model and a deployment");
await trimtab(["init", HOME, "--template", "flights", "--quiet"], REPO);
await trimtab(["run"], HOME);
const checks = await checksOf(["validate", "--json", "--quiet"]);

progress.chapter("The server starts");
const control = freePort();
const serving = freePort();
const server = Bun.spawn([TRIMTAB, "up", "--port", String(control), "--serve-port", String(serving)], {
  cwd: HOME,
  stdin: "ignore",
  stdout: "ignore",
  stderr: values.json ? "ignore" : "inherit",
});
const api = `http://127.0.0.1:${control}/api/v1`;
const readyMs = await ready([`http://127.0.0.1:${serving}/ready`, `http://127.0.0.1:${control}/health`]);
progress.say(`ready after ${Math.round(readyMs)} ms`);

let summary: Summary;
try {
  progress.chapter("March to June are replayed as live traffic");
  const replay = new Replay(`http://127.0.0.1:${serving}`, flightsFile()!, Number(values.share));
  for (let day = FIRST_DAY; day < LAST_DAY; day += 7 * DAY_MS) {
    const [from, to] = [isoDay(day), isoDay(Math.min(day + 7 * DAY_MS, LAST_DAY))];
    const week = await replay.week(from, to, (rows) =>
      progress.update(`week of ${from}: ${rows.toLocaleString("en")} flights`),
    );
    progress.update(`week of ${from}: ${week.rows.toLocaleString("en")} flights, the outcomes arrive`);
    await replay.outcomes(week);
    // What the warehouse gets that night; a retraining reads it.
    await writeFlights(join(HOME, "data", "flights"), from, to);
    await post("/monitor/check", {});
    await jobsDone(from);
  }
  // Captured rows count once they have settled on disk.
  await Bun.sleep(1500);
  await post("/monitor/check", {});
  summary = await collect(replay);
} finally {
  server.kill("SIGTERM");
  await server.exited;
}
if (values.json) console.log(JSON.stringify(summary, null, 2));
else printSummary(summary);
if (!values.keep) rmSync(HOME, { recursive: true, force: true });

async function trimtab(args: string[], cwd: string): Promise<void> {
  const child = Bun.spawn([TRIMTAB, ...args], {
    cwd,
    stdin: "ignore",
    stdout: values.json ? "ignore" : "inherit",
    stderr: "inherit",
  });
  const exit = await child.exited;
  // 3: the gate said no. That is an answer, not a failure of the demo; but then there is nothing to serve.
  if (exit !== 0) throw new Error(`trimtab ${args[0]} ended with exit code ${exit}`);
}

async function checksOf(args: string[]): Promise<Summary["checks"]> {
  const child = Bun.spawn([TRIMTAB, ...args], { cwd: HOME, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const { reports } = (await new Response(child.stdout).json()) as {
    reports: { report: { results: Summary["checks"] } }[];
  };
  return reports.flatMap(({ report }) => report.results);
}

async function jobsDone(week: string): Promise<void> {
  for (;;) {
    const { jobs } = (await get("/jobs?limit=20")) as { jobs: { state: string; trigger: string; reason: string }[] };
    const open = jobs.find((job) => job.state === "queued" || job.state === "running");
    if (!open) return;
    progress.update(
      `week of ${week}: ${open.trigger} fired, retraining on the data seen so far (the replay's clock stands still)`,
    );
    await Bun.sleep(150);
  }
}

async function lineageOf({ versions }: Summary["versions"]): Promise<Summary["lineage"]> {
  const one = ({ version }: { version: number }) => get(`/models/flight-delay/versions/${version}/lineage`);
  return (await Promise.all(versions.toSorted((a, b) => a.version - b.version).map(one))) as Summary["lineage"];
}

async function collect(replay: Replay): Promise<Summary> {
  const [events, versions, windows, deployments] = await Promise.all([
    get("/events?limit=1000"),
    get("/models/flight-delay/versions"),
    get("/models/flight-delay/windows?limit=1000"),
    get("/models/flight-delay/deployments"),
  ]);
  return {
    checks,
    events,
    versions,
    lineage: await lineageOf(versions as Summary["versions"]),
    windows,
    deployments,
    serving: {
      flights: replay.rows,
      outcomes: replay.outcomesSent,
      requests: replay.latenciesMs.length,
      rowsPerSecond: Math.round(replay.rows / (replay.busyMs / 1000)),
      bulkMsP50: percentile(replay.latenciesMs, 0.5),
      bulkMsP99: percentile(replay.latenciesMs, 0.99),
      singleMsP50: percentile(replay.singleMs, 0.5),
      singleMsP99: percentile(replay.singleMs, 0.99),
      failed: replay.failed,
    },
    readyMs: Math.round(readyMs),
    seconds: Math.round((performance.now() - started) / 100) / 10,
  } as Summary;
}

async function get(path: string): Promise<unknown> {
  const response = await fetch(api + path);
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function post(path: string, body: unknown): Promise<unknown> {
  const response = await fetch(api + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Milliseconds until all of them answer; a busy machine may start one process well before another. */
async function ready(urls: readonly string[]): Promise<number> {
  const from = performance.now();
  const answers = (url: string) =>
    fetch(url).then(
      (r) => r.ok,
      () => false,
    );
  while (performance.now() - from < 20_000) {
    if ((await Promise.all(urls.map(answers))).every(Boolean)) return performance.now() - from;
    await Bun.sleep(10);
  }
  server.kill("SIGTERM");
  throw new Error(`the server is not ready after 20 s; look in ${existsSync(HOME) ? HOME : "the folder"}`);
}

function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = probe;
  probe.stop(true);
  return port!;
}

function isoDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
