/** Many file jobs at once: a few small ones here and now, a lot of them on threads that live as long as the call. */

import { availableParallelism } from "node:os";
import { type FileDone, type FileJob, WORK_BUFFER_BYTES, workOn } from "./file-work.ts";

/** About 30 ms of hashing; below it starting threads costs more than it saves. */
const HERE_BYTES = 16 << 20;
const HERE_FILES = 2_000;
/** One message to a thread: enough to amortise it, few enough to spread large files. */
const CHUNK_BYTES = 32 << 20;
const CHUNK_FILES = 256;

let scratch: Uint8Array | undefined;

/** Does all jobs; results in the order of the jobs. */
export async function workOnAll(jobs: readonly FileJob[]): Promise<FileDone[]> {
  const bytes = jobs.reduce((sum, job) => sum + job.sizeBytes, 0);
  if (bytes > HERE_BYTES || jobs.length > HERE_FILES) return onThreads(jobs);
  scratch ??= new Uint8Array(WORK_BUFFER_BYTES);
  const buffer = scratch;
  return jobs.map((job) => workOn(job, buffer));
}

async function onThreads(jobs: readonly FileJob[]): Promise<FileDone[]> {
  const chunks = chunksOf(jobs);
  const results = new Array<FileDone>(jobs.length);
  let next = 0;
  const threads = Math.min(availableParallelism(), chunks.length);
  await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(new URL("./file-worker.ts", import.meta.url).href);
      try {
        while (next < chunks.length) {
          const chunk = chunks[next++]!;
          const done = await ask(
            worker,
            chunk.map((i) => jobs[i]!),
          );
          for (const [k, i] of chunk.entries()) results[i] = done[k]!;
        }
      } finally {
        worker.terminate();
      }
    }),
  );
  return results;
}

function ask(worker: Worker, jobs: FileJob[]): Promise<FileDone[]> {
  return new Promise((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<FileDone[]>) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(`a file thread died: ${event.message}`));
    worker.postMessage(jobs);
  });
}

/** Indexes of jobs in portions, the large files first so that none is left for the end. */
function chunksOf(jobs: readonly FileJob[]): number[][] {
  const order = jobs.map((_, i) => i).sort((a, b) => jobs[b]!.sizeBytes - jobs[a]!.sizeBytes);
  const chunks: number[][] = [];
  let chunk: number[] = [];
  let bytes = 0;
  for (const i of order) {
    if (chunk.length > 0 && (chunk.length >= CHUNK_FILES || bytes + jobs[i]!.sizeBytes > CHUNK_BYTES)) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(i);
    bytes += jobs[i]!.sizeBytes;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}
