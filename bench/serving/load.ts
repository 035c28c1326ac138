/**
 * A closed-loop load generator: N connections, each sends its next request when its answer is whole. Plain sockets, because
 * fetch costs more per request than the servers that are measured. As a program: `bun load.ts '<json>'` prints the result.
 */

export interface LoadOptions {
  port: number;
  path: string;
  body: string;
  connections: number;
  seconds: number;
}

export interface LoadResult {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
}

type Client = (
  options: LoadOptions,
  request: Uint8Array,
  endMs: number,
  latencies: number[],
  onFailed: () => void,
) => Promise<void>;

/** One client: a connection for as long as the server keeps it (gunicorn's plain workers close it after each answer). */
const client: Client = async (options, request, endMs, latencies, onFailed) => {
  while (performance.now() < endMs) await connection(options, request, endMs, latencies, onFailed);
};

/** Where the status begins in "HTTP/1.1 200", and what a good one begins with. */
const STATUS_AT = 9;
const TWO = "2".charCodeAt(0);
const LENGTH = /content-length: (\d+)/i;

/** Size of the answer that `bytes` begins with; undefined while its head is not whole. */
function sizeOf(bytes: Buffer): number | undefined {
  const head = bytes.indexOf("\r\n\r\n");
  return head < 0 ? undefined : head + 4 + Number(LENGTH.exec(bytes.toString("latin1", 0, head))?.[1] ?? 0);
}

/** Resolves when the connection is closed: by the server, or by us when `endMs` has passed and the answer has come. */
const connection: Client = (options, request, endMs, latencies, onFailed) =>
  new Promise<void>((resolve) => {
    let rest: Buffer = Buffer.alloc(0);
    let sentMs = 0;
    let unsent: Uint8Array = new Uint8Array(0);
    const write = (socket: { write(bytes: Uint8Array): number }, bytes: Uint8Array) => {
      unsent = bytes.subarray(Math.max(0, socket.write(bytes)));
    };
    void Bun.connect({
      hostname: "127.0.0.1",
      port: options.port,
      socket: {
        open(socket) {
          sentMs = performance.now();
          write(socket, request);
        },
        drain(socket) {
          if (unsent.length > 0) write(socket, unsent);
        },
        data(socket, chunk) {
          rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
          const sizeBytes = sizeOf(rest);
          if (sizeBytes === undefined || rest.length < sizeBytes) return;
          if (rest[STATUS_AT] !== TWO) onFailed();
          rest = rest.subarray(sizeBytes);
          const now = performance.now();
          latencies.push(now - sentMs);
          if (now >= endMs) {
            socket.end();
            return;
          }
          sentMs = now;
          write(socket, request);
        },
        close: () => resolve(),
        error: () => onFailed(),
        connectError() {
          onFailed();
          resolve();
        },
      },
    });
  });

export async function load(options: LoadOptions): Promise<LoadResult> {
  const { path, body, connections, seconds } = options;
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const request = Buffer.from(head + body);
  const latencies: number[] = [];
  let failed = 0;
  const startedMs = performance.now();
  const clients = Array.from({ length: connections }, () =>
    client(options, request, startedMs + seconds * 1000, latencies, () => failed++),
  );
  await Promise.all(clients);
  const tookMs = performance.now() - startedMs;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
  return { requestsPerSecond: (latencies.length / tookMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99), failed };
}

/** The same in a process of its own, so that it shares no event loop with what it measures. */
export async function loadFromOutside(options: LoadOptions): Promise<LoadResult> {
  const child = Bun.spawn([process.execPath, import.meta.path, JSON.stringify(options)], { stdout: "pipe" });
  return JSON.parse(await new Response(child.stdout).text()) as LoadResult;
}

if (import.meta.main) process.stdout.write(JSON.stringify(await load(JSON.parse(process.argv[2]!) as LoadOptions)));
