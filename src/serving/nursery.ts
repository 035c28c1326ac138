/**
 * Python interpreters that fork model workers (python/worker.py). One nursery serves every model of the same interpreter in
 * this process; it lingers a while after its last model, since a run loads candidate and champion one after the other.
 */

import { dirname, join } from "node:path";
import { fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";
import type { ModelProcess } from "./child-model.ts";
import { askJson, type Hub, type Link, LinkClosed, openHub } from "./link.ts";

const WORKER = join(import.meta.dir, "python", "worker.py");
const LINGER_MS = 10_000;
/** Last words of the interpreter that are kept for error messages. */
const TAIL_BYTES = 8_192;
/** How long the news of a death may take after the connection closed. */
const NEWS_MS = 300;

/** One thread for each model process: batches, not threads, share the cores, and forking needs that none was started. */
const ONE_THREAD = {
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
  MKL_NUM_THREADS: "1",
  VECLIB_MAXIMUM_THREADS: "1",
  NUMEXPR_NUM_THREADS: "1",
  LOKY_MAX_CPU_COUNT: "1",
};

export interface Nursery {
  /** Forks a process for the model; it has not loaded it yet. Rejects with MODEL_FAILED when the interpreter is broken. */
  fork(model: { folder: string; entry: string }): Promise<ModelProcess>;
  release(): void;
}

interface Running {
  hub: Hub;
  control: Link;
  child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  tail: Tail;
  deaths: Map<number, string>;
  onDeath: (() => void)[];
}

interface Entry {
  running: Promise<Running>;
  users: number;
  linger: NodeJS.Timeout | undefined;
}

const nurseries = new Map<string, Entry>();

/** The nursery of an interpreter, started when there is none; `release` it once. */
export function nurseryOf(python: string, root: string): Nursery {
  const key = `${python}\0${root}`;
  const entry = nurseries.get(key) ?? { running: start(python, root), users: 0, linger: undefined };
  nurseries.set(key, entry);
  entry.users++;
  clearTimeout(entry.linger);
  entry.running.catch(() => undefined);

  const alive = async (): Promise<Running> => {
    const running = await entry.running.catch(() => undefined);
    if (running !== undefined && running.child.exitCode === null && running.child.signalCode === null) return running;
    entry.running = start(python, root);
    return entry.running;
  };
  return {
    fork: async (model) => fork(await alive(), model),
    release() {
      entry.users--;
      if (entry.users > 0) return;
      entry.linger = setTimeout(() => {
        if (nurseries.get(key) === entry) nurseries.delete(key);
        entry.running.then(stop, () => undefined);
      }, LINGER_MS);
      entry.linger.unref();
    },
  };
}

async function start(python: string, root: string): Promise<Running> {
  const hub = openHub();
  const hello = hub.expect("nursery", LIMITS.modelLoadMs);
  hello.catch(() => undefined);
  const child = spawn(python, root, hub.path);
  if (!(child instanceof Error)) {
    child.unref();
    const tail = keepTail(child.stderr);
    const control = await Promise.race([hello, child.exited.then(() => undefined)]);
    if (control) return watch({ hub, control, child, tail, deaths: new Map(), onDeath: [] });
    hub.close();
    throw cannotStart(python, lastLine(tail.since(0)));
  }
  hub.close();
  throw cannotStart(python, child.message);
}

const cannotStart = (python: string, why: string) =>
  fail("MODEL_FAILED", {
    what: `Python cannot be started: ${why}`,
    place: python,
    mend: "set TRIMTAB_PYTHON to a Python 3.9 or newer, or make .venv beside pipeline.yaml",
  });

function spawn(python: string, root: string, path: string): Running["child"] | Error {
  try {
    return Bun.spawn([python, "-u", WORKER, path], {
      cwd: root,
      env: { ...process.env, ...ONE_THREAD },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
  } catch (error) {
    return error as Error;
  }
}

function watch(running: Running): Running {
  running.control.onNotice = (value) => {
    const { dead, how } = value as { dead: number; how: string };
    running.deaths.set(dead, how);
    for (const wake of running.onDeath.splice(0)) wake();
  };
  void running.child.exited.then(() => {
    running.control.close();
    running.hub.close();
  });
  return running;
}

function stop(running: Running): void {
  // Its end of file is the order to end; the workers are gone already.
  running.control.close();
}

async function fork(running: Running, { folder, entry }: { folder: string; entry: string }): Promise<ModelProcess> {
  const token = randomId();
  const arriving = running.hub.expect(token, LIMITS.modelLoadMs);
  arriving.catch(() => undefined);
  const saidBytes = running.tail.saidBytes();
  try {
    const { pid } = (await askJson(running.control, { token, folder, entry })) as { pid: number };
    const link = await arriving;
    return {
      link,
      pid,
      kill: () => kill(pid),
      obituary: async () => `${await newsOf(running, pid)}${lastWords(running.tail.since(saidBytes))}`,
    };
  } catch (error) {
    if (!(error instanceof LinkClosed)) throw error;
    throw fail("MODEL_FAILED", {
      what: `Python died: ${lastLine(running.tail.since(saidBytes))}`,
      place: dirname(folder),
      cause: error,
    });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

async function newsOf(running: Running, pid: number): Promise<string> {
  const end = Date.now() + NEWS_MS;
  while (!running.deaths.has(pid) && Date.now() < end)
    await Promise.race([new Promise<void>((wake) => running.onDeath.push(wake)), Bun.sleep(NEWS_MS)]);
  return running.deaths.get(pid) ?? "died";
}

function lastWords(tail: string): string {
  const words = readable(tail);
  return words === "" ? "" : `; its last words: ${words}`;
}
const lastLine = (tail: string): string => readable(tail) || "it said nothing";

/** The last line that holds anything to read: what a model prints may be binary. */
const readable = (tail: string): string =>
  tail
    .split("\n")
    .map((line) => line.replace(/[\p{C}\ufffd]+/gu, " ").trim())
    .findLast((line) => line !== "")
    ?.slice(-300) ?? "";

interface Tail {
  /** Bytes that were said in all. */
  saidBytes(): number;
  /** What is kept of that said after so many bytes: the words of one model are not taken for another's. */
  since(bytes: number): string;
}

/** Reads a stream to its end, so that nobody blocks on it, and keeps its last bytes. */
function keepTail(stream: ReadableStream<Uint8Array>): Tail {
  let tail = Buffer.alloc(0);
  let saidBytes = 0;
  void (async () => {
    for await (const chunk of stream) {
      saidBytes += chunk.length;
      tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
      log.debug("a model process said", { text: Buffer.from(chunk.subarray(0, 1000)).toString() });
    }
  })().catch(() => undefined);
  return {
    saidBytes: () => saidBytes,
    since: (bytes) => (saidBytes > bytes ? tail.subarray(-(saidBytes - bytes)).toString() : ""),
  };
}
