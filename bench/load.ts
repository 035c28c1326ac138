/**
 * A closed-loop load generator: N connections, each sends its next request when its answer is whole. Plain sockets, because
 * fetch costs more per request than the servers that are measured, and on two cores they pay for it. Answers are read by
 * their Content-Length or in chunks, on connections that are kept for as long as the server keeps them (gunicorn's plain
 * workers close them after each answer). As a program, `bun load.ts '<json>'` sends one request over and over and prints the result.
 */

export interface Work {
  port: number;
  connections: number;
  seconds: number;
  /** The bytes of the request with that number, from 0. */
  request(n: number): Uint8Array;
}

export interface LoadResult {
  requestsPerSecond: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** Requests that were refused or broken; they do not count in the rest. */
  failed: number;
}

/** An HTTP/1.1 request as bytes; an object is sent as JSON. */
export function requestBytes(method: "GET" | "POST", path: string, body?: string): Uint8Array {
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const type = "Content-Type: application/json\r\n";
  return Buffer.from(`${head}${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** What the lanes of one load share. */
interface Tally {
  latencies: number[];
  failed: number;
  next: number;
  endMs: number;
}

/** Where the status begins in "HTTP/1.1 200", and what a good one begins with. */
const STATUS_AT = 9;
const TWO = "2".charCodeAt(0);
const LENGTH = /content-length: (\d+)/i;
const CHUNKED = /transfer-encoding: chunked/i;
const CLOSES = /connection: close/i;
const LAST_CHUNK = "\r\n0\r\n\r\n";

interface Answer {
  sizeBytes: number;
  /** The server closes the connection after it. */
  closes: boolean;
}

/** The answer that `bytes` begins with; undefined while it is not whole. */
function answerIn(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  const closes = CLOSES.test(head);
  if (CHUNKED.test(head)) {
    const last = bytes.indexOf(LAST_CHUNK, end + 2);
    return last < 0 ? undefined : { sizeBytes: last + LAST_CHUNK.length, closes };
  }
  const sizeBytes = end + 4 + Number(LENGTH.exec(head)?.[1] ?? 0);
  return bytes.length < sizeBytes ? undefined : { sizeBytes, closes };
}

/** One lane: a connection, and another when the server closed it, until the time is over; at least one request. */
async function lane(work: Work, tally: Tally): Promise<void> {
  do await connection(work, tally);
  while (performance.now() < tally.endMs);
}

/** Resolves when the connection is closed: by the server, or by us when the time is over and the answer has come. */
const connection = (work: Work, tally: Tally): Promise<void> =>
  new Promise((resolve) => {
    let rest: Buffer = Buffer.alloc(0);
    let sentMs: number | undefined;
    let unsent: Uint8Array = new Uint8Array(0);
    const write = (socket: { write(bytes: Uint8Array): number }, bytes: Uint8Array) => {
      unsent = bytes.subarray(Math.max(0, socket.write(bytes)));
    };
    const send = (socket: { write(bytes: Uint8Array): number }) => {
      const request = work.request(tally.next++);
      sentMs = performance.now();
      write(socket, request);
    };
    const fail = () => {
      tally.failed++;
      sentMs = undefined;
    };
    void Bun.connect({
      hostname: "127.0.0.1",
      port: work.port,
      socket: {
        open: send,
        drain(socket) {
          if (unsent.length > 0) write(socket, unsent);
        },
        data(socket, chunk) {
          rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
          const answer = answerIn(rest);
          if (answer === undefined || sentMs === undefined) return;
          const now = performance.now();
          if (rest[STATUS_AT] === TWO) tally.latencies.push(now - sentMs);
          else fail();
          rest = rest.subarray(answer.sizeBytes);
          sentMs = undefined;
          if (answer.closes || now >= tally.endMs) socket.end();
          else send(socket);
        },
        close() {
          // Closed with a request under way: it has no answer.
          if (sentMs !== undefined) fail();
          resolve();
        },
        error: () => {},
        connectError() {
          fail();
          resolve();
        },
      },
    });
  });

export async function load(work: Work): Promise<LoadResult> {
  const startedMs = performance.now();
  const tally: Tally = { latencies: [], failed: 0, next: 0, endMs: startedMs + work.seconds * 1000 };
  await Promise.all(Array.from({ length: work.connections }, () => lane(work, tally)));
  const tookMs = performance.now() - startedMs;
  const sorted = tally.latencies.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  const requestsPerSecond = (sorted.length / tookMs) * 1000;
  return { requestsPerSecond, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), failed: tally.failed };
}

/** One POST, sent over and over. */
export interface LoadOptions {
  port: number;
  path: string;
  body: string;
  connections: number;
  seconds: number;
}

/** `load` in a process of its own, so that it shares no event loop with what it measures. */
export async function loadFromOutside(options: LoadOptions): Promise<LoadResult> {
  const child = Bun.spawn([process.execPath, import.meta.path, JSON.stringify(options)], { stdout: "pipe" });
  return JSON.parse(await new Response(child.stdout).text()) as LoadResult;
}

if (import.meta.main) {
  const { path, body, ...rest } = JSON.parse(process.argv[2]!) as LoadOptions;
  const request = requestBytes("POST", path, body);
  process.stdout.write(JSON.stringify(await load({ ...rest, request: () => request })));
}
