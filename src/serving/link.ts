/**
 * Connections from model processes: a Unix socket in a private folder, to which each process connects and says by a token
 * who it is. A Link asks one question at a time or several, and gets each answer by its id.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFrameReader, decodeJson, encodeJson, FRAME, type Frame } from "./frames.ts";

export interface Link {
  /** What the process said of itself when it connected. */
  hello: Record<string, unknown>;
  /** Sends a frame made for the given id; resolves with the answer, rejects with LinkClosed when the process goes first. */
  ask(make: (id: number) => Uint8Array): Promise<Frame>;
  /** Frames that answer nothing (id 0). */
  onNotice: (value: unknown) => void;
  closed: Promise<void>;
  close(): void;
}

export class LinkClosed extends Error {}

export interface Hub {
  path: string;
  /** The link of the process that will connect with this token; rejects after `timeoutMs`. */
  expect(token: string, timeoutMs: number): Promise<Link>;
  close(): void;
}

type Socket = Bun.Socket<Connection>;
interface Connection {
  push(chunk: Uint8Array): void;
  drain(): void;
  end(): void;
}

/** Folders of open hubs. A program that ends without closing its hubs removes them; after kill -9 its children do. */
const folders = new Set<string>();
let cleansUp = false;

function makeFolder(): string {
  // In the system's temporary folder, not in the workspace: a socket's path must stay under 108 bytes.
  const folder = mkdtempSync(join(tmpdir(), "trimtab-"));
  folders.add(folder);
  if (!cleansUp) process.on("exit", () => folders.forEach(removeFolder));
  cleansUp = true;
  return folder;
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Opens a socket to which only this user's processes can connect. */
export function openHub(): Hub {
  const folder = makeFolder();
  const path = join(folder, "s");
  const waiting = new Map<string, (link: Link) => void>();
  const arrive = (link: Link): void => {
    const token = String(link.hello.token ?? link.hello.role);
    const take = waiting.get(token);
    waiting.delete(token);
    if (take) take(link);
    else link.close();
  };
  const server = Bun.listen<Connection>({
    unix: path,
    socket: {
      open: (socket) => {
        socket.data = connect(socket, arrive);
      },
      data: (socket, chunk) => socket.data.push(chunk),
      drain: (socket) => socket.data.drain(),
      close: (socket) => socket.data.end(),
      error: (socket) => socket.data.end(),
    },
  });
  server.unref();
  return {
    path,
    expect(token, timeoutMs) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(token);
          reject(new LinkClosed(`no connection within ${timeoutMs} ms`));
        }, timeoutMs);
        waiting.set(token, (link) => {
          clearTimeout(timer);
          resolve(link);
        });
      });
    },
    close() {
      server.stop(true);
      removeFolder(folder);
    },
  };
}

function connect(socket: Socket, arrive: (link: Link) => void): Connection {
  const asked = new Map<number, { resolve(frame: Frame): void; reject(error: Error): void }>();
  const write = createWriter(socket);
  socket.unref();
  let nextId = 1;
  let isOpen = true;
  let link: Link | undefined;
  const closing = Promise.withResolvers<void>();

  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    for (const { reject } of asked.values()) reject(new LinkClosed("the process closed its connection"));
    asked.clear();
    closing.resolve();
  };

  const reader = createFrameReader((frame) => {
    if (link === undefined) {
      link = makeLink(decodeJson(frame.payload) as Record<string, unknown>);
      arrive(link);
    } else if (frame.id === 0) link.onNotice(decodeJson(frame.payload));
    else {
      asked.get(frame.id)?.resolve(frame);
      if (asked.delete(frame.id) && asked.size === 0) socket.unref();
    }
  });

  const makeLink = (hello: Record<string, unknown>): Link => ({
    hello,
    ask(make) {
      return new Promise((resolve, reject) => {
        if (!isOpen) return reject(new LinkClosed("the process is gone"));
        const id = nextId;
        nextId = (nextId % 0xffff_ffff) + 1;
        // Only an open question keeps the program running, so that a command ends though a nursery still lingers.
        if (asked.size === 0) socket.ref();
        asked.set(id, { resolve, reject });
        write.push(make(id));
      });
    },
    onNotice: () => {},
    closed: closing.promise,
    close: () => void socket.end(),
  });

  return {
    push(chunk) {
      try {
        reader.push(chunk);
      } catch {
        socket.terminate();
        end();
      }
    },
    drain: () => write.flush(),
    end,
  };
}

/** A socket takes what fits; the rest waits for its `drain`. */
export function createWriter(socket: { write(bytes: Uint8Array): number }): {
  push(bytes: Uint8Array): void;
  flush(): void;
} {
  const waiting: Uint8Array[] = [];
  const flush = (): void => {
    while (waiting.length > 0) {
      const bytes = waiting[0]!;
      const written = Math.max(0, socket.write(bytes));
      if (written < bytes.length) {
        waiting[0] = bytes.subarray(written);
        return;
      }
      waiting.shift();
    }
  };
  return {
    push(bytes) {
      waiting.push(bytes);
      if (waiting.length === 1) flush();
    },
    flush,
  };
}

/** Asks in JSON and reads the answer; a failure that the process tells becomes an Error with its message. */
export async function askJson(link: Link, value: unknown): Promise<Record<string, unknown>> {
  const frame = await link.ask((id) => encodeJson(id, value));
  const answer = decodeJson(frame.payload) as Record<string, unknown>;
  if (frame.kind === FRAME.ERROR) throw new Error(`${answer.type}: ${answer.message}`);
  return answer;
}
