/**
 * Runs of a pipeline, attempts of its steps, and the records that successful steps leave behind. A record is written in
 * the transaction that ends its step, so it exists only when everything it says is true.
 */

import type { Db, Sql } from "./db.ts";

/** One file or folder by content. */
export interface OutputRecord {
  digest: string;
  sizeBytes: number;
  files?: number;
}

/** The parts of a cache key by name ("param.max_depth", "file.train.py"), each as text that a person can compare. */
export type Parts = Record<string, string>;

export interface StepRecord {
  step: string;
  /** SHA-256 of `parts`. */
  key: string;
  parts: Parts;
  /** By path relative to the pipeline's root. */
  outputs: Record<string, OutputRecord>;
  /** What the step's runner reported: metrics, check reports. */
  result: Record<string, unknown>;
  /** False: never stands in for a run (cache: false, or an input changed while the step ran). */
  reusable: boolean;
  runId: string;
  endedMs: number;
  durationMs: number;
  cpuMs: number;
  memoryBytesPeak: number;
}

/** Older records of one step are dropped beyond this many. */
const RECORDS_KEPT = 20;

interface RecordRow {
  step: string;
  step_key: string;
  parts: string;
  outputs: string;
  result: string;
  reusable: number;
  run_id: string;
  ended_ms: number;
  duration_ms: number;
  cpu_ms: number;
  memory_bytes_peak: number;
}

const toRecord = (row: RecordRow): StepRecord => ({
  step: row.step,
  key: row.step_key,
  parts: JSON.parse(row.parts) as Parts,
  outputs: JSON.parse(row.outputs) as Record<string, OutputRecord>,
  result: JSON.parse(row.result) as Record<string, unknown>,
  reusable: row.reusable === 1,
  runId: row.run_id,
  endedMs: Number(row.ended_ms),
  durationMs: Number(row.duration_ms),
  cpuMs: Number(row.cpu_ms),
  memoryBytesPeak: Number(row.memory_bytes_peak),
});

/** The records of a pipeline's steps, read once; parsed when looked at. */
class StepRecords {
  private readonly rows = new Map<string, RecordRow>();
  private readonly newestRow = new Map<string, RecordRow>();
  private readonly parsed = new Map<RecordRow, StepRecord>();

  /** `rows` newest first. */
  constructor(rows: readonly RecordRow[]) {
    for (const row of rows) {
      this.rows.set(`${row.step}\n${row.step_key}`, row);
      if (!this.newestRow.has(row.step)) this.newestRow.set(row.step, row);
    }
  }
  /** The record last made or restored. */
  newest(step: string): StepRecord | undefined {
    return this.parse(this.newestRow.get(step));
  }
  find(step: string, key: string): StepRecord | undefined {
    return this.parse(this.rows.get(`${step}\n${key}`));
  }
  private parse(row: RecordRow | undefined): StepRecord | undefined {
    if (row === undefined) return undefined;
    let record = this.parsed.get(row);
    if (record === undefined) {
      record = toRecord(row);
      this.parsed.set(row, record);
    }
    return record;
  }
}

export async function loadRecords(sql: Sql, pipeline: string): Promise<StepRecords> {
  return new StepRecords(
    await sql.all<RecordRow>("SELECT * FROM step_records WHERE pipeline = ? ORDER BY used_ms DESC", [pipeline]),
  );
}

/** Writes or replaces the record of one key and drops the step's oldest. */
export async function writeRecord(sql: Sql, pipeline: string, record: StepRecord): Promise<void> {
  await sql.run("DELETE FROM step_records WHERE pipeline = ? AND step = ? AND step_key = ?", [
    pipeline,
    record.step,
    record.key,
  ]);
  await sql.run(
    `INSERT INTO step_records (pipeline, step, step_key, parts, outputs, result, reusable, run_id, used_ms, ended_ms,
       duration_ms, cpu_ms, memory_bytes_peak) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      pipeline,
      record.step,
      record.key,
      JSON.stringify(record.parts),
      JSON.stringify(record.outputs),
      JSON.stringify(record.result),
      record.reusable ? 1 : 0,
      record.runId,
      record.endedMs,
      record.endedMs,
      record.durationMs,
      record.cpuMs,
      record.memoryBytesPeak,
    ],
  );
  await sql.run(
    `DELETE FROM step_records WHERE pipeline = ? AND step = ? AND step_key NOT IN (
       SELECT step_key FROM step_records WHERE pipeline = ? AND step = ? ORDER BY used_ms DESC LIMIT ${RECORDS_KEPT})`,
    [pipeline, record.step, pipeline, record.step],
  );
}

/** Makes a record the newest of its step: its outputs are the ones in place now. */
export async function useRecord(sql: Sql, pipeline: string, step: string, key: string, timeMs: number): Promise<void> {
  await sql.run("UPDATE step_records SET used_ms = ? WHERE pipeline = ? AND step = ? AND step_key = ?", [
    timeMs,
    pipeline,
    step,
    key,
  ]);
}

/** The version of an interpreter asked earlier; `identity` names one state of its file. */
export async function findInterpreter(sql: Sql, identity: string): Promise<string | undefined> {
  const row = await sql.get<{ version: string }>("SELECT version FROM interpreters WHERE identity = ?", [identity]);
  return row?.version;
}

export async function rememberInterpreter(db: Db, identity: string, version: string): Promise<void> {
  await db.write(async (sql) => {
    await sql.run("DELETE FROM interpreters WHERE identity = ?", [identity]);
    await sql.run("INSERT INTO interpreters (identity, version) VALUES (?, ?)", [identity, version]);
  }, "logged");
}

/** Digests of every output that a record stands on; a cache must keep them. */
export async function recordedDigests(sql: Sql): Promise<Set<string>> {
  const rows = await sql.all<{ outputs: string }>("SELECT outputs FROM step_records");
  const records = rows.flatMap((row) => Object.values(JSON.parse(row.outputs) as Record<string, OutputRecord>));
  return new Set(records.map((output) => output.digest));
}
