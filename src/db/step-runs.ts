/** Runs of a pipeline and attempts of its steps: who runs what now, and how each ended. */

import type { Sql } from "./db.ts";

export type PipelineRunState = "running" | "done" | "failed" | "cancelled" | "interrupted";
export type StepRunState = "running" | "done" | "restored" | "failed" | "cancelled" | "interrupted";

/** Names a process for good: pids are reused, a pid with its start time within one boot is not. */
export interface ProcessIdentity {
  host: string;
  pid: number;
  /** Opaque: equal for the same process only. */
  processStart: string;
  bootId: string;
}

export interface PipelineRun extends ProcessIdentity {
  id: string;
  pipeline: string;
  trigger: string;
  reason: string;
  state: PipelineRunState;
  params: Record<string, string>;
  /** When its process last said that it lives. */
  seenMs: number;
  startedMs: number;
  endedMs: number | undefined;
  error: string | undefined;
}

interface PipelineRunRow {
  id: string;
  pipeline: string;
  trigger_name: string;
  reason: string;
  state: PipelineRunState;
  params: string;
  host: string;
  pid: number;
  process_start: string;
  boot_id: string;
  seen_ms: number;
  started_ms: number;
  ended_ms: number | null;
  error: string | null;
}

const toRun = (row: PipelineRunRow): PipelineRun => ({
  id: row.id,
  pipeline: row.pipeline,
  trigger: row.trigger_name,
  reason: row.reason,
  state: row.state,
  params: JSON.parse(row.params) as Record<string, string>,
  host: row.host,
  pid: Number(row.pid),
  processStart: row.process_start,
  bootId: row.boot_id,
  seenMs: Number(row.seen_ms),
  startedMs: Number(row.started_ms),
  endedMs: row.ended_ms === null ? undefined : Number(row.ended_ms),
  error: row.error ?? undefined,
});

/** Inserts a run in state `running`; a partial unique index refuses a second one of the same pipeline. */
export async function insertPipelineRun(
  sql: Sql,
  run: Omit<PipelineRun, "state" | "seenMs" | "endedMs" | "error">,
): Promise<void> {
  await sql.run(
    `INSERT INTO pipeline_runs (id, pipeline, trigger_name, reason, state, params, host, pid, process_start, boot_id,
       seen_ms, started_ms) VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?)`,
    [
      run.id,
      run.pipeline,
      run.trigger,
      run.reason,
      JSON.stringify(run.params),
      run.host,
      run.pid,
      run.processStart,
      run.bootId,
      run.startedMs,
      run.startedMs,
    ],
  );
}

/** The run of this pipeline whose row says `running`; whether its process lives is another question. */
export async function runningPipelineRun(sql: Sql, pipeline: string): Promise<PipelineRun | undefined> {
  const row = await sql.get<PipelineRunRow>("SELECT * FROM pipeline_runs WHERE pipeline = ? AND state = 'running'", [
    pipeline,
  ]);
  return row && toRun(row);
}

/** The same of every pipeline. */
export async function runningPipelineRuns(sql: Sql): Promise<PipelineRun[]> {
  const rows = await sql.all<PipelineRunRow>("SELECT * FROM pipeline_runs WHERE state = 'running'");
  return rows.map(toRun);
}

/** Newest first; of one pipeline, or of all. */
export async function listPipelineRuns(sql: Sql, pipeline?: string, limit = 100): Promise<PipelineRun[]> {
  const [where, params] = pipeline === undefined ? ["", []] : ["WHERE pipeline = ?", [pipeline]];
  const rows = await sql.all<PipelineRunRow>(
    `SELECT * FROM pipeline_runs ${where} ORDER BY started_ms DESC LIMIT ${limit}`,
    params,
  );
  return rows.map(toRun);
}

export async function endPipelineRun(
  sql: Sql,
  id: string,
  state: PipelineRunState,
  endedMs: number,
  error?: string,
): Promise<void> {
  await sql.run("UPDATE pipeline_runs SET state = ?, ended_ms = ?, error = ? WHERE id = ? AND state = 'running'", [
    state,
    endedMs,
    error ?? null,
    id,
  ]);
}

/** The id of a tracking run becomes known only after the lock is held. */
export async function renamePipelineRun(sql: Sql, id: string, newId: string): Promise<void> {
  await sql.run("UPDATE pipeline_runs SET id = ? WHERE id = ?", [newId, id]);
}

export async function pipelineRunState(sql: Sql, id: string): Promise<PipelineRunState | undefined> {
  const row = await sql.get<{ state: PipelineRunState }>("SELECT state FROM pipeline_runs WHERE id = ?", [id]);
  return row?.state;
}

export async function touchPipelineRun(sql: Sql, id: string, timeMs: number): Promise<void> {
  await sql.run("UPDATE pipeline_runs SET seen_ms = ? WHERE id = ?", [timeMs, id]);
}

export interface StepRun {
  runId: string;
  pipeline: string;
  step: string;
  attempt: number;
  state: StepRunState;
  reason: string;
  outs: string[];
  /** Log file, relative to the root. */
  log: string;
  startedMs: number;
  endedMs: number | undefined;
  durationMs: number | undefined;
  cpuMs: number | undefined;
  memoryBytesPeak: number | undefined;
  outputBytes: number | undefined;
  exitCode: number | undefined;
  error: string | undefined;
}

interface StepRunRow {
  run_id: string;
  pipeline: string;
  step: string;
  attempt: number;
  state: StepRunState;
  reason: string;
  outs: string;
  log: string;
  started_ms: number;
  ended_ms: number | null;
  duration_ms: number | null;
  cpu_ms: number | null;
  memory_bytes_peak: number | null;
  output_bytes: number | null;
  exit_code: number | null;
  error: string | null;
}

const orUndefined = (value: number | null): number | undefined => (value === null ? undefined : Number(value));

const toStepRun = (row: StepRunRow): StepRun => ({
  runId: row.run_id,
  pipeline: row.pipeline,
  step: row.step,
  attempt: Number(row.attempt),
  state: row.state,
  reason: row.reason,
  outs: JSON.parse(row.outs) as string[],
  log: row.log,
  startedMs: Number(row.started_ms),
  endedMs: orUndefined(row.ended_ms),
  durationMs: orUndefined(row.duration_ms),
  cpuMs: orUndefined(row.cpu_ms),
  memoryBytesPeak: orUndefined(row.memory_bytes_peak),
  outputBytes: orUndefined(row.output_bytes),
  exitCode: orUndefined(row.exit_code),
  error: row.error ?? undefined,
});

export type StepRunStart = Pick<
  StepRun,
  "runId" | "pipeline" | "step" | "attempt" | "reason" | "outs" | "log" | "startedMs"
>;

export async function insertStepRun(sql: Sql, run: StepRunStart): Promise<void> {
  await sql.run(
    `INSERT INTO step_runs (run_id, pipeline, step, attempt, state, reason, outs, log, started_ms)
     VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?)`,
    [run.runId, run.pipeline, run.step, run.attempt, run.reason, JSON.stringify(run.outs), run.log, run.startedMs],
  );
}

export type StepRunEnd = Pick<StepRun, "runId" | "step" | "attempt"> & {
  state: StepRunState;
  endedMs: number;
} & Partial<Pick<StepRun, "durationMs" | "cpuMs" | "memoryBytesPeak" | "outputBytes" | "exitCode" | "error">>;

export async function endStepRun(sql: Sql, end: StepRunEnd): Promise<void> {
  await sql.run(
    `UPDATE step_runs SET state = ?, ended_ms = ?, duration_ms = ?, cpu_ms = ?, memory_bytes_peak = ?,
       output_bytes = ?, exit_code = ?, error = ? WHERE run_id = ? AND step = ? AND attempt = ?`,
    [
      end.state,
      end.endedMs,
      end.durationMs ?? null,
      end.cpuMs ?? null,
      end.memoryBytesPeak ?? null,
      end.outputBytes ?? null,
      end.exitCode ?? null,
      end.error ?? null,
      end.runId,
      end.step,
      end.attempt,
    ],
  );
}

/** Attempts of earlier runs that never ended: their process died. */
export async function unfinishedStepRuns(sql: Sql, pipeline: string, currentRunId?: string): Promise<StepRun[]> {
  const rows = await sql.all<StepRunRow>(
    "SELECT * FROM step_runs WHERE state = 'running' AND pipeline = ? AND run_id <> ? ORDER BY started_ms",
    [pipeline, currentRunId ?? ""],
  );
  return rows.map(toStepRun);
}

/** Every attempt of one run, in order. */
export async function listStepRuns(sql: Sql, runId: string): Promise<StepRun[]> {
  const rows = await sql.all<StepRunRow>(
    "SELECT * FROM step_runs WHERE run_id = ? ORDER BY started_ms, step, attempt",
    [runId],
  );
  return rows.map(toStepRun);
}

/** How the last attempt of a step ended; undefined when there was none. */
export async function lastStepState(sql: Sql, pipeline: string, step: string): Promise<StepRunState | undefined> {
  const row = await sql.get<{ state: StepRunState }>(
    "SELECT state FROM step_runs WHERE pipeline = ? AND step = ? ORDER BY started_ms DESC, attempt DESC LIMIT 1",
    [pipeline, step],
  );
  return row?.state;
}

/** Ids of ended runs that began before `beforeMs` or are not among the newest `keep`, with the others' rows left alone. */
export async function oldPipelineRuns(sql: Sql, pipeline: string, beforeMs: number, keep: number): Promise<string[]> {
  const rows = await sql.all<{ id: string; started_ms: number }>(
    "SELECT id, started_ms FROM pipeline_runs WHERE pipeline = ? AND state <> 'running' ORDER BY started_ms DESC",
    [pipeline],
  );
  return rows.filter((row, i) => i >= keep || Number(row.started_ms) < beforeMs).map((row) => row.id);
}

/** Forgets runs and their attempts; the records that they made stay. */
export async function deletePipelineRuns(sql: Sql, ids: readonly string[]): Promise<void> {
  const params = ids.map((id) => [id]);
  await sql.runMany("DELETE FROM step_runs WHERE run_id = ?", params);
  await sql.runMany("DELETE FROM pipeline_runs WHERE id = ?", params);
}
