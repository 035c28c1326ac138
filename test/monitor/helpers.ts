/** A workspace with a model, captured lines and a clock, for tests of the monitor. */

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { binOf, type ColumnProfile, type Profile } from "../../src/base/profile.ts";
import type { Db } from "../../src/db/db.ts";
import { openDb } from "../../src/db/open.ts";
import type { MonitorDeps } from "../../src/monitor/context.ts";
import { createMonitor, type Monitor } from "../../src/monitor/monitor.ts";
import { type TrimtabFlavor, writeMlmodel } from "../../src/spec/mlmodel.ts";
import type { MonitorSpec, Pipeline } from "../../src/spec/types.ts";

/** 2026-01-05, a Monday. */
export const START_MS = Date.UTC(2026, 0, 5);

/** A profile as training would freeze it: a bin for each twentieth of the numbers, every category. */
export function profileOf(columns: Record<string, readonly (number | string | null)[]>): Profile {
  const rows = Object.values(columns)[0]!.length;
  return { rows, columns: Object.fromEntries(Object.entries(columns).map(([k, v]) => [k, columnProfile(v)])) };
}

function columnProfile(cells: readonly (number | string | null)[]): ColumnProfile {
  const nulls = cells.filter((cell) => cell === null).length;
  const texts = cells.filter((cell): cell is string => typeof cell === "string");
  if (texts.length > 0) {
    const categories = [...new Set(texts)];
    const counts = categories.map((category) => texts.filter((text) => text === category).length);
    return { kind: "categorical", type: "string", nulls, distinct: categories.length, categories, counts, other: 0 };
  }
  const values = cells.filter((cell): cell is number => typeof cell === "number").sort((a, b) => a - b);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const at = (share: number) => values[Math.floor(share * values.length)]!;
  const shares = Array.from({ length: 20 }, (_, k) => k / 20);
  const edges = [...new Set([...shares.map(at), values.at(-1)! + 1e-9])];
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[binOf(edges, value)]! += 1;
  return {
    kind: "numeric",
    type: "number",
    nulls,
    distinct: new Set(values).size,
    mean,
    std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)),
    min: values[0]!,
    max: values.at(-1)!,
    quantiles: {},
    edges,
    counts,
    deciles: [...new Set([...shares.filter((_, k) => k % 2 === 0).map(at), edges.at(-1)!])],
  };
}

export const FLAVOR: TrimtabFlavor = {
  runtime: "javascript",
  entry: "model.js",
  task: "classification",
  target: "late",
  classes: [0, 1],
  inputs: [
    { name: "distance", type: "number", required: true },
    { name: "origin", type: "string", required: true },
  ],
  reference: "reference.json",
};

/** Distances 0 to 999 evenly, half of the origins ATL. */
export const REFERENCE = profileOf({
  distance: Array.from({ length: 2000 }, (_, i) => i % 1000),
  origin: Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? "ATL" : "ORD")),
});

export function pipelineOf(monitor: Partial<MonitorSpec>, more: Partial<Pipeline> = {}): Pipeline {
  return {
    model: "flights",
    file: "pipeline.yaml",
    root: "/nowhere",
    data: {},
    steps: {},
    gate: [],
    deploy: { strategy: "direct", weights: [100], intervalMs: 0, approve: false, line: 1 },
    monitor: { performance: [], minOutcomes: 200, ...monitor },
    retrain: {
      when: { drift: true, performance: true, newData: false, webhook: false, schedules: [] },
      cooldownMs: 0,
      line: 1,
    },
    alerts: [],
    retention: {},
    ...more,
  };
}

export const drift = (more: Partial<NonNullable<MonitorSpec["drift"]>> = {}): NonNullable<MonitorSpec["drift"]> => ({
  test: "psi",
  threshold: 0.2,
  window: { rows: 500 },
  columns: [],
  minColumns: 1,
  line: 1,
  ...more,
});

export interface Row {
  distance: number | null;
  origin: string | null;
  /** P(class 1). */
  p?: number;
  [column: string]: unknown;
}

export interface World {
  db: Db;
  clock: ManualClock;
  monitor: Monitor;
  deps: MonitorDeps;
  predictions: string;
  /** Captures one request; its id. */
  predict(rows: readonly Row[], about?: { t?: number; v?: number; file?: string }): string;
  outcome(id: string, y: readonly unknown[], about?: { t?: number; rows?: number[]; file?: string }): void;
  close(): Promise<void>;
}

/** `serving` names the versions that serve; version 1 when not told. Without `db` it has a SQLite of its own; `close` ends either. */
export async function openWorld(
  options: Partial<MonitorDeps> & { serving?: number[]; flavor?: TrimtabFlavor; known?: number[] } = {},
): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), "trimtab-monitor-"));
  const clock = new ManualClock(START_MS);
  const known = options.known ?? [1, 2];
  for (const version of known) {
    await writeMlmodel(join(root, `v${version}`), { trimtab: options.flavor ?? FLAVOR, flavors: {}, other: {} });
    writeFileSync(join(root, `v${version}`, "reference.json"), JSON.stringify(REFERENCE));
  }
  const db = options.db ?? (await openDb(join(root, "trimtab.db")));
  const { serving = [1], flavor: _, known: __, ...more } = options;
  const deps: MonitorDeps = {
    db,
    clock,
    workspace: { predictions: join(root, "predictions"), state: join(root, "state") },
    versions: async () => known.map((v) => ({ version: v, folder: join(root, `v${v}`), serving: serving.includes(v) })),
    env: {},
    ...more,
  };
  const predictions = join(root, "predictions", "flights");
  const append = (file: string, line: object): void => {
    const path = join(predictions, file);
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, `${JSON.stringify(line)}\n`);
  };
  return {
    db,
    clock,
    deps,
    predictions,
    monitor: createMonitor(deps),
    predict(rows, { t = clock.nowMs(), v = 1, file = "2026-01-05/100-0.jsonl" } = {}) {
      const id = idAt(t);
      const { p: _, ...names } = rows[0]!;
      const x = Object.fromEntries(Object.keys(names).map((name) => [name, rows.map((row) => row[name])]));
      const p = rows.map((row) => row.p ?? 0.5);
      append(file, { id, t, v, variant: "champion", n: rows.length, x, y: p.map((one) => Number(one > 0.5)), p });
      return id;
    },
    outcome(id, y, { t = clock.nowMs(), rows, file = "2026-01-05/outcomes-100-0.jsonl" } = {}) {
      append(file, { t, id, rows, y });
    },
    async close() {
      await db.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A version-7 id made at a time. */
export function idAt(timeMs: number): string {
  const random = crypto.randomUUID().replaceAll("-", "").slice(13);
  return `${Math.floor(timeMs).toString(16).padStart(12, "0")}7${random}`;
}

/** n rows like the reference's, or moved. */
export const rowsLike = (n: number, move: Partial<Row> = {}): Row[] =>
  Array.from({ length: n }, (_, i) => ({
    distance: (i * 37) % 1000,
    origin: i % 2 === 0 ? "ATL" : "ORD",
    p: (i % 10) / 10 + 0.05,
    ...move,
  }));
