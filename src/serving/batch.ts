/**
 * Batching without a timer. A lone request goes straight to the model; requests that arrive while a batch runs wait and
 * form the next one (Triton's rule). So an idle model answers at its own speed, and batches are as large as contention
 * makes them; a waiting window would cost every lone request its length and win nothing (measured: 9-13 ms for a 5 ms window).
 *
 * A quick model in a process of its own would wait for us while we write its answers and read new requests, so under
 * contention one batch is sent ahead (a pickle at 32 connections: 26,000 → 29,000 requests/s). Not behind a slow model:
 * there, the larger batch that forms meanwhile is worth more. And not into a model of this process, whose code need not stand
 * being called again before it has answered.
 *
 * The queue is bounded: beyond it requests are shed with OVERLOADED. A batch that fails is taken apart, so that the
 * request at fault fails alone: halved when the model raised, one by one when its process died or hung (each death costs a
 * restart, and one by one the culprit causes only one more). A request whose process died is tried once more, never twice.
 */

import type { Batch, Column } from "../base/columns.ts";
import { asTrimtabError, fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Predictions } from "./model.ts";
import { slicePredictions } from "./predictions.ts";

/** A model whose last batch took less is quick. */
const QUICK_MS = 2;
/** Rows worth being sent ahead: with fewer, the cost of a call is not shared by enough of them. */
const AHEAD_ROWS = 16;

interface Job {
  batch: Batch;
  resolve(predictions: Predictions): void;
  reject(error: unknown): void;
}

export interface BatcherOptions {
  /** The model takes batches one after the other by itself, so that one may be sent ahead; false unless given. */
  ahead?: boolean;
  batchRowsMax?: number;
  queueRowsMax?: number;
  onBatch?: (rows: number) => void;
}

export interface Batcher {
  /** Rejects with OVERLOADED, REQUEST_TOO_LARGE or the model's error. */
  submit(batch: Batch): Promise<Predictions>;
  waitingRows(): number;
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>;
}

/** `predict` gets batches whose columns are all those of its model. */
export function createBatcher(predict: (batch: Batch) => Promise<Predictions>, options: BatcherOptions = {}): Batcher {
  const { ahead = false, batchRowsMax = LIMITS.batchRows, queueRowsMax = LIMITS.queueRows, onBatch } = options;
  const queue: Job[] = [];
  let queuedRows = 0;
  let running = 0;
  let isQuick = false;
  let idleWaiters: (() => void)[] = [];

  const mayStart = (): boolean => running === 0 || (ahead && running === 1 && isQuick && queuedRows >= AHEAD_ROWS);

  const take = (): Job[] => {
    let count = 0;
    let rows = 0;
    while (count < queue.length && (count === 0 || rows + queue[count]!.batch.rows <= batchRowsMax))
      rows += queue[count++]!.batch.rows;
    queuedRows -= rows;
    onBatch?.(rows);
    return queue.splice(0, count);
  };

  const work = async (jobs: Job[]): Promise<void> => {
    running++;
    const startedMs = performance.now();
    await runJobs(jobs, predict);
    isQuick = performance.now() - startedMs < QUICK_MS;
    // Under contention, requests that have arrived meanwhile are read first: they make the next batch larger and cost it
    // nothing (a pickle at 32 connections: 14,300 → 17,000 requests/s). A lone request does not wait.
    if (jobs.length > 1 || queue.length > 0) await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (queue.length > 0 && mayStart()) void work(take());
    else if (running === 0) {
      for (const wake of idleWaiters) wake();
      idleWaiters = [];
    }
  };

  return {
    submit(batch) {
      if (batch.rows > queueRowsMax)
        return Promise.reject(
          fail("REQUEST_TOO_LARGE", { what: `the request has ${batch.rows} rows, the most is ${queueRowsMax}` }),
        );
      if (queuedRows > 0 && queuedRows + batch.rows > queueRowsMax)
        return Promise.reject(fail("OVERLOADED", { what: `${queuedRows} rows wait already` }));
      return new Promise((resolve, reject) => {
        queue.push({ batch, resolve, reject });
        queuedRows += batch.rows;
        if (mayStart()) void work(take());
      });
    },
    waitingRows: () => queuedRows,
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
  };
}

type Predict = (batch: Batch) => Promise<Predictions>;

/** Runs jobs as one batch and settles every one of them; never rejects. */
async function runJobs(jobs: readonly Job[], predict: Predict): Promise<void> {
  try {
    settle(jobs, await predict(merge(jobs)));
  } catch (error) {
    await takeApart(jobs, error, predict);
  }
}

function settle(jobs: readonly Job[], predictions: Predictions): void {
  let from = 0;
  for (const job of jobs) {
    job.resolve(slicePredictions(predictions, from, job.batch.rows));
    from += job.batch.rows;
  }
}

async function takeApart(jobs: readonly Job[], error: unknown, predict: Predict): Promise<void> {
  const { code } = asTrimtabError(error);
  if (code === "MODEL_CRASHED" || (code === "MODEL_TIMEOUT" && jobs.length > 1)) {
    for (const job of jobs) await predict(job.batch).then(job.resolve, job.reject);
  } else if (jobs.length === 1) {
    jobs[0]!.reject(error);
  } else {
    const half = jobs.length >> 1;
    await runJobs(jobs.slice(0, half), predict);
    await runJobs(jobs.slice(half), predict);
  }
}

function merge(jobs: readonly Job[]): Batch {
  if (jobs.length === 1) return jobs[0]!.batch;
  const rows = jobs.reduce((sum, job) => sum + job.batch.rows, 0);
  const columns: Record<string, Column> = {};
  for (const name of Object.keys(jobs[0]!.batch.columns)) columns[name] = concatenate(jobs, name, rows);
  return { rows, columns };
}

function concatenate(jobs: readonly Job[], name: string, rows: number): Column {
  if (!(jobs[0]!.batch.columns[name] instanceof Float64Array))
    return jobs.flatMap((job) => job.batch.columns[name] as (string | null)[]);
  const all = new Float64Array(rows);
  let at = 0;
  for (const job of jobs) {
    const column = job.batch.columns[name] as Float64Array;
    if (column.length === 1) all[at] = column[0]!;
    else all.set(column, at);
    at += column.length;
  }
  return all;
}
