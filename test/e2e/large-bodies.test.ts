/** Bodies far over the limit, to the real serving process: refused in JSON, never held in memory, and it goes on answering. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { descendants } from "../processes.ts";
import { freshFolder, post, type Served, startUp, trimtab } from "../program.ts";
import { ROW, writeProject } from "./project.ts";

const HUGE_BYTES = 100 << 20;
const { t: _, ...INPUT } = ROW;
const folder = freshFolder("large-bodies");
let served: Served;
beforeAll(async () => {
  writeProject(folder.path);
  expect((await trimtab(["run"], { cwd: folder.path })).exit).toBe(0);
  served = await startUp(folder.path, { processes: 1 });
}, 60_000);
afterAll(async () => {
  await served.stop();
  folder.remove();
});

/** The largest that a process has been so far. */
const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;

async function peakBytes(): Promise<number> {
  const { pid } = (await (await fetch(`${served.serving}/health`)).json()) as { pid: number };
  return peakOf(pid);
}

/** A megabyte at a time, so that its length is not known before. */
function spaces(): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(1 << 20).fill(32);
  let sentBytes = 0;
  return new ReadableStream({
    pull(controller) {
      if (sentBytes >= HUGE_BYTES) return controller.close();
      sentBytes += piece.length;
      controller.enqueue(piece.slice());
    },
  });
}

const BODIES: [name: string, body: () => NonNullable<RequestInit["body"]>, headers: Record<string, string>][] = [
  ["100 MB", () => new Uint8Array(HUGE_BYTES).fill(32), {}],
  ["100 MB that come bit by bit", spaces, {}],
  ["a megabyte that unpacks to a gigabyte", () => gzipSync(Buffer.alloc(1 << 30, 32)), { "content-encoding": "gzip" }],
];

for (const [name, body, headers] of BODIES)
  test(`a body of ${name}`, async () => {
    const beforeBytes = await peakBytes();
    for (const path of ["/predict", "/feedback"]) {
      const answer = await fetch(`${served.serving}${path}`, { method: "POST", headers, body: body() });
      expect({ status: answer.status, says: await answer.json() }).toEqual({
        status: 413,
        says: { error: expect.objectContaining({ code: "REQUEST_TOO_LARGE", place: "body" }) },
      });
    }
    expect((await peakBytes()) - beforeBytes).toBeLessThan(HUGE_BYTES);
    expect((await post(`${served.serving}/predict`, { inputs: [INPUT] })).status).toBe(200);
  }, 60_000);

test("a body of 100 MB to the API, announced and bit by bit", async () => {
  const { pid } = descendants(served.pid).find((one) => one.command.includes("__control"))!;
  const beforeBytes = peakOf(pid);
  for (const body of [new Uint8Array(HUGE_BYTES).fill(32), spaces()]) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${served.control}/api/v1/models/tiny/retrain`, { method: "POST", headers, body });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: "REQUEST_TOO_LARGE", place: "body" } });
  }
  expect(peakOf(pid) - beforeBytes).toBeLessThan(HUGE_BYTES);
  expect((await fetch(`${served.control}/health`)).status).toBe(200);
}, 60_000);
