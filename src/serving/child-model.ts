/**
 * A model in a process of its own, kept alive:
 *
 *   starting ── loaded ──▶ serving ── process gone ──▶ pausing (0, 100 ms, 200 ms, … 5 s) ──▶ starting
 *      └── cannot load: at first the load is refused; later, tried again after the pause
 *
 * A batch whose process dies rejects with MODEL_CRASHED, one that takes too long with MODEL_TIMEOUT after the process was
 * ended; the batcher decides what is tried again. Batches that come while the process is away wait for it.
 */

import { readFileSync } from "node:fs";
import type { Batch } from "../base/columns.ts";
import { fail, TrimtabError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";
import { decodeJson, decodePredictions, encodeBatch, FRAME, type RawPredictions } from "./frames.ts";
import type { Link } from "./link.ts";
import type { Predictions, Runtime, RuntimeOptions } from "./model.ts";

/** A process that has loaded the model. */
export interface ModelProcess {
  link: Link;
  pid: number;
  kill(): void;
  /** How it ended and its last words, for the error message; waits a moment for the news. */
  obituary(): Promise<string>;
}

export interface ChildModel {
  predict(batch: Batch): Promise<RawPredictions>;
  pid(): number | undefined;
  close(): Promise<void>;
}

export interface ChildOptions {
  /** Names of the columns that are sent, in order. */
  columns: readonly string[];
  place: string;
  timeoutMs?: number;
  onRestart?: (why: string) => void;
}

/** What a runtime knows of its model. */
export interface ChildKind {
  /** Names of the columns that are sent, in order. */
  columns: readonly string[];
  place: string;
  interpret(raw: RawPredictions, rows: number): Predictions;
  /** Gives back what starting takes; called once, when the model is closed or could not be loaded. */
  release(): void;
}

/** A runtime whose model lives in a process; rejects as `start` does when it cannot load the model. */
export async function childRuntime(
  start: () => Promise<ModelProcess>,
  { columns, place, interpret, release }: ChildKind,
  { predictTimeoutMs, onRestart }: RuntimeOptions,
): Promise<Runtime> {
  try {
    const model = await keepAlive(start, {
      columns,
      place,
      ...(predictTimeoutMs !== undefined && { timeoutMs: predictTimeoutMs }),
      ...(onRestart && { onRestart }),
    });
    return {
      takesAhead: true,
      predict: async (batch) => interpret(await model.predict(batch), batch.rows),
      memoryBytes: () => privateBytes(model.pid()),
      async close() {
        await model.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** After this long alive, a death counts as the first one again. */
const HEALTHY_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;

/** Starts the process; rejects as `start` does when it cannot load the model. */
export async function keepAlive(start: () => Promise<ModelProcess>, options: ChildOptions): Promise<ChildModel> {
  const timeoutMs = options.timeoutMs ?? LIMITS.predictMs;
  let isClosed = false;
  let deaths = 0;
  let process: ModelProcess | undefined;
  let ready: Promise<ModelProcess>;

  const startOne = async (): Promise<ModelProcess> => {
    const started = await start();
    if (isClosed) started.kill();
    process = started;
    const startedMs = Date.now();
    void started.link.closed.then(async () => {
      process = undefined;
      if (isClosed) return;
      if (Date.now() - startedMs > HEALTHY_MS) deaths = 0;
      const why = await started.obituary();
      log.warn("a model process died and is started again", { place: options.place, why });
      options.onRestart?.(why);
    });
    return started;
  };

  const restart = async (): Promise<ModelProcess> => {
    for (;;) {
      const pauseMs = deaths === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (deaths - 1), LAST_PAUSE_MS);
      deaths++;
      await Bun.sleep(pauseMs);
      if (isClosed) throw fail("NOT_READY", { what: "the model was closed", place: options.place });
      try {
        return supervise(await startOne());
      } catch (error) {
        log.error("a model process cannot be started again", { place: options.place, error: String(error) });
      }
    }
  };

  const supervise = (started: ModelProcess): ModelProcess => {
    void started.link.closed.then(() => {
      if (isClosed) return;
      ready = restart();
      ready.catch(() => undefined);
    });
    return started;
  };

  ready = Promise.resolve(supervise(await startOne()));
  return {
    async predict(batch) {
      const current = await within(ready, timeoutMs, () =>
        fail("MODEL_CRASHED", {
          what: `the model's process died and was not back after ${timeoutMs} ms`,
          place: options.place,
          mend: "read the model's log; it is started until it comes back",
        }),
      );
      return ask(current, batch, timeoutMs, options);
    },
    pid: () => process?.pid,
    async close() {
      isClosed = true;
      process?.link.close();
      process?.kill();
      await process?.link.closed;
    },
  };
}

async function ask(
  process: ModelProcess,
  batch: Batch,
  timeoutMs: number,
  options: ChildOptions,
): Promise<RawPredictions> {
  const { columns, place } = options;
  const asked = process.link.ask((id) => encodeBatch(id, batch, columns));
  const late = () =>
    fail("MODEL_TIMEOUT", { what: `the model took longer than ${timeoutMs} ms for ${batch.rows} rows`, place });
  const frame = await within(asked, timeoutMs, late).catch(async (error: unknown) => {
    if (error instanceof TrimtabError) {
      process.kill();
      await process.link.closed;
      throw error;
    }
    throw fail("MODEL_CRASHED", { what: `the model's process ${await process.obituary()}`, place, cause: error });
  });
  if (frame.kind !== FRAME.ERROR) return decodePredictions(frame.payload);
  const about = decodeJson(frame.payload) as { type: string; message: string; trace?: string };
  throw fail("MODEL_FAILED", { what: `the model raised ${about.type}: ${about.message}`, place, cause: about.trace });
}

/** The promise's value, or a rejection with `late()` after `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Bytes of memory that only this process holds: what its model costs beyond what it shares. 0 where the system does not tell. */
export function privateBytes(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    let kib = 0;
    for (const match of text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)) kib += Number(match[1]);
    return kib * 1024;
  } catch {
    return 0;
  }
}
