/**
 * The captured output of one attempt of a step: a file with the head and the tail of it, within a cap. The head is
 * written as it comes, so that it can be followed; the tail is kept in memory and written at the end. Memory stays
 * bounded whatever a step prints. Secrets are masked line by line.
 */

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { LIMITS } from "../base/limits.ts";
import { redact } from "../base/log.ts";
import { showBytes } from "../base/units.ts";
import type { StepLog } from "./types.ts";

const RECENT_BYTES = 4096;
/** A longer line is written in parts, each holding back enough for a secret to be seen whole. */
const LINE_CHARS = 1 << 16;
const HELD_CHARS = 1 << 12;

export class CappedLog implements StepLog {
  private readonly decoder = new TextDecoder();
  private readonly fd: number;
  private readonly half: number;
  private headBytes = 0;
  private partial = "";
  /** The last `half` bytes beyond the head, written round and round: chunks that are kept would outlive young garbage. */
  private ring: Uint8Array | undefined;
  private tailBytes = 0;
  private recent: Uint8Array = new Uint8Array(0);
  private totalBytes = 0;
  private failed = false;

  constructor(
    readonly path: string,
    private readonly onText: (text: string) => void = () => {},
    capBytes: number = LIMITS.stepOutputBytes,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.fd = openSync(path, "w");
    this.half = Math.floor(capBytes / 2);
  }

  /** Bytes that came in, kept or not. */
  get outputBytes(): number {
    return this.totalBytes;
  }

  write(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    this.totalBytes += bytes.length;
    this.remember(bytes);
    const room = this.half - this.headBytes;
    if (room > 0) this.writeHead(bytes.subarray(0, room));
    if (bytes.length > room) this.keepTail(bytes.subarray(Math.max(room, 0)));
  }

  private remember(bytes: Uint8Array): void {
    if (bytes.length >= RECENT_BYTES) {
      this.recent = bytes.subarray(-RECENT_BYTES);
      return;
    }
    const kept = this.recent.subarray(Math.max(0, this.recent.length + bytes.length - RECENT_BYTES));
    const joined = new Uint8Array(kept.length + bytes.length);
    joined.set(kept);
    joined.set(bytes, kept.length);
    this.recent = joined;
  }

  /** Whole lines, so that a secret is not missed because a chunk ends inside it; of a line without end all but its last part. */
  private writeHead(bytes: Uint8Array): void {
    this.headBytes += bytes.length;
    const text = this.partial + this.decoder.decode(bytes, { stream: true });
    let end = text.lastIndexOf("\n") + 1;
    if (text.length - end > LINE_CHARS) end = text.length - HELD_CHARS;
    this.partial = text.slice(end);
    if (end > 0) this.put(text.slice(0, end));
  }

  private keepTail(bytes: Uint8Array): void {
    this.ring ??= new Uint8Array(this.half);
    const last = bytes.subarray(Math.max(0, bytes.length - this.half));
    const at = (this.tailBytes + bytes.length - last.length) % this.half;
    const first = last.subarray(0, this.half - at);
    this.ring.set(first, at);
    this.ring.set(last.subarray(first.length), 0);
    this.tailBytes += bytes.length;
  }

  private put(text: string): void {
    const clean = redact(text);
    this.onText(clean);
    this.toFile(clean);
  }

  private toFile(text: string): void {
    if (this.failed) return;
    try {
      writeSync(this.fd, text);
    } catch {
      // A full disk: the step's own writes will say so; its output alone is no reason to end it.
      this.failed = true;
    }
  }

  tail(): string {
    return redact(new TextDecoder().decode(this.recent)).trimEnd();
  }

  close(): void {
    // A line that goes on behind the cap is masked as a whole, unless the middle of it is gone.
    if (this.partial !== "" && (this.ring === undefined || this.tailBytes > this.half)) {
      this.put(this.partial);
      this.partial = "";
    }
    if (this.ring !== undefined) this.writeTail();
    closeSync(this.fd);
  }

  private writeTail(): void {
    const ring = this.ring!;
    const left = this.tailBytes - this.half;
    const turn = this.tailBytes % this.half;
    const tail =
      left > 0 ? Buffer.concat([ring.subarray(turn), ring.subarray(0, turn)]) : ring.subarray(0, this.tailBytes);
    this.ring = undefined;
    const note = left > 0 ? `\n… ${showBytes(left)} of output left out …\n` : "";
    this.toFile(note + redact(this.partial + new TextDecoder().decode(tail)));
  }
}
