/** What the demo shows: progress while it works, and the story with its figures at the end. */

interface Event {
  seq: number;
  timeMs: number;
  kind: string;
  subject: string;
  actor: string;
  reason: string;
  data: Record<string, unknown>;
}
interface Version {
  version: number;
  runId: string;
  gate: string;
  trafficPercent: number;
  metrics: Record<string, number>;
  verdict?: {
    pass: boolean;
    rules: {
      metric: string;
      rule: string;
      candidate: number | null;
      champion: number | null;
      pass: boolean;
      reason: string;
    }[];
  };
}
interface Window {
  fromMs: number;
  toMs: number;
  version: number;
  rows: number;
  drift: Record<string, { score: number; drifted: boolean; unseen: number }>;
  performance: Record<string, number>;
  state: "open" | "closed";
  pass: boolean;
  reason: string;
}

/** Where a version came from. */
interface Lineage {
  version: { version: number };
  run?: {
    runId: string;
    trigger?: string;
    git?: { commit: string; dirty: boolean };
    params: Record<string, string>;
    environment: Record<string, string>;
    datasets: { name: string; digest: string }[];
  };
}

interface Check {
  type: string;
  says: string;
  success: boolean;
  counts?: { unexpected: number };
}

export interface Summary {
  /** What the checks of January and February found. */
  checks: Check[];
  events: { events: Event[] };
  versions: { versions: Version[] };
  lineage: Lineage[];
  windows: { windows: Window[] };
  deployments: { deployments: { id: string; models: { version: number }[]; current: boolean }[] };
  serving: {
    flights: number;
    outcomes: number;
    requests: number;
    rowsPerSecond: number;
    bulkMsP50: number;
    bulkMsP99: number;
    singleMsP50: number;
    singleMsP99: number;
    failed: number;
  };
  readyMs: number;
  seconds: number;
}

const live = process.stderr.isTTY === true;

/** Talk on stderr; one line is rewritten on a terminal. */
export class Progress {
  private lastPlainMs = 0;
  private lastPlain = "";
  chapter(title: string): void {
    this.say(`\n── ${title}`);
  }
  say(line: string): void {
    process.stderr.write(`${live ? "\r\x1b[K" : ""}${line}\n`);
  }
  update(line: string): void {
    if (live) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 100) - 1)}`);
    else if (line !== this.lastPlain && Date.now() - this.lastPlainMs > 3000) {
      [this.lastPlainMs, this.lastPlain] = [Date.now(), line];
      process.stderr.write(`${line}\n`);
    }
  }
}

const show = (value: number | null | undefined): string =>
  value === undefined || value === null ? "" : Number(value.toPrecision(4)).toString();
const day = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);

function table(head: string[], body: (string | number)[][]): string {
  const all = [head, ...body].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const TOLD = /^(version\.|gate\.|deployment\.|drift\.|performance\.|window\.|job\.|automation\.|monitor\.|trigger\.)/;

function lineageTable(lineage: readonly Lineage[]): string {
  const pairs = (values: Record<string, string>) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ");
  return table(
    ["version", "trigger", "run", "data", "params", "commit", "environment"],
    lineage.map(({ version, run }) => [
      version.version,
      run?.trigger ?? "",
      run?.runId.slice(0, 8) ?? "",
      run?.datasets.map(({ name, digest }) => `${name} ${digest.slice(0, 8)}`).join(" ") ?? "",
      pairs(run?.params ?? {}),
      run?.git ? `${run.git.commit.slice(0, 8)}${run.git.dirty ? " and changes" : ""}` : "",
      pairs(run?.environment ?? {}),
    ]),
  );
}

/** What became of the values that a version never saw, over the weeks that it served; undefined when there were none. */
function unseenLine(windows: readonly Window[], version: number, column: string): string | undefined {
  const weeks = windows
    .map((window) => ({
      from: day(window.fromMs),
      flights: Math.round((window.drift[column]?.unseen ?? 0) * window.rows),
    }))
    .filter((week) => week.flights > 0);
  if (weeks.length === 0) return undefined;
  const flights = weeks.reduce((sum, week) => sum + week.flights, 0);
  const most = weeks.reduce((a, b) => (b.flights > a.flights ? b : a));
  return `- ${column}: ${flights} flights of ${weeks.length} weeks name one that version ${version} never saw, most in the week of ${most.from} (${most.flights}); it answers them with the mean of all`;
}

export function printSummary(summary: Summary): void {
  const { serving } = summary;
  const events = summary.events.events.filter((event) => TOLD.test(event.kind));
  const windows = [...summary.windows.windows].sort((a, b) => a.fromMs - b.fromMs || a.version - b.version);
  const columns = [...new Set(windows.flatMap((w) => Object.keys(w.drift)))];
  const metrics = ["accuracy", "roc_auc", "log_loss"].filter((name) => windows.some((w) => name in w.performance));
  const versions = [...summary.versions.versions].sort((a, b) => a.version - b.version);
  const measured = [...new Set(versions.flatMap((v) => v.verdict?.rules.map((rule) => rule.metric) ?? []))];
  const start = events[0]?.timeMs ?? 0;

  console.log(
    `\nTimeline\n${table(
      ["after", "what", "to", "by", "why"],
      events.map((e) => [
        `${((e.timeMs - start) / 1000).toFixed(1)} s`,
        e.kind,
        e.subject,
        e.actor,
        e.reason.slice(0, 110),
      ]),
    )}`,
  );
  console.log(
    `\nVersions\n${table(
      ["version", "gate", "traffic", ...measured],
      versions.map((v) => [v.version, v.gate, `${v.trafficPercent}%`, ...measured.map((m) => show(v.metrics[m]))]),
    )}`,
  );
  console.log(`\nWhere they came from\n${lineageTable(summary.lineage)}`);
  for (const version of versions) {
    if (!version.verdict) continue;
    console.log(
      `\nGate of version ${version.version}: ${version.verdict.pass ? "passed" : "refused"}\n${table(
        ["rule", "candidate", "champion", "", "reason"],
        version.verdict.rules.map((r) => [
          `${r.metric} ${r.rule}`,
          show(r.candidate),
          show(r.champion),
          r.pass ? "ok" : "no",
          r.reason,
        ]),
      )}`,
    );
  }
  console.log(
    `\nWeeks\n${table(
      ["from", "version", "flights", ...columns.map((c) => `psi ${c}`), ...metrics.map((m) => `live ${m}`), "verdict"],
      windows.map((w) => [
        day(w.fromMs),
        w.version,
        w.rows.toLocaleString("en"),
        ...columns.map((c) => w.drift[c]?.score.toFixed(3) ?? ""),
        ...metrics.map((m) => show(w.performance[m])),
        w.state === "open" ? "open" : w.pass ? "ok" : w.reason,
      ]),
    )}`,
  );
  const allowed = summary.checks.filter((check) => check.success && (check.counts?.unexpected ?? 0) > 0);
  console.log(`\nTrouble in the data, and what became of it`);
  for (const check of allowed) console.log(`- ${check.says}: within what ${check.type} allows, so the run went on`);
  for (const { version } of versions)
    for (const column of ["origin", "destination"]) {
      const line = unseenLine(
        windows.filter((window) => window.version === version),
        version,
        column,
      );
      if (line) console.log(line);
    }

  console.log(`
Serving
${serving.flights.toLocaleString("en")} flights and ${serving.outcomes.toLocaleString("en")} outcomes over HTTP, ${serving.failed} requests failed
${serving.rowsPerSecond.toLocaleString("en")} flights/s while replaying; 500 flights a request: p50 ${serving.bulkMsP50.toFixed(1)} ms, p99 ${serving.bulkMsP99.toFixed(1)} ms; one flight beside them: p50 ${serving.singleMsP50.toFixed(1)} ms, p99 ${serving.singleMsP99.toFixed(1)} ms
server ready after ${summary.readyMs} ms; the whole demo took ${summary.seconds} s`);
}
