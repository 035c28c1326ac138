/** Entry of a thread that works on files: a list of jobs in, the list of their results out. */

import { type FileJob, WORK_BUFFER_BYTES, workOn } from "./file-work.ts";

declare const self: Worker;

const buffer = new Uint8Array(WORK_BUFFER_BYTES);
self.onmessage = (event: MessageEvent<FileJob[]>) => {
  self.postMessage(event.data.map((job) => workOn(job, buffer)));
};
