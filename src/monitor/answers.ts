/**
 * The answers of a window and what came true of them, kept apart from the captured lines so that late outcomes find their
 * predictions without reading all lines again. Two files a window, of fixed-size records in the machine's byte order (little
 * on every platform that we run on):
 *
 *   <version>-<seq>.answers    id (4 × u32) · row u32 · 0 u32 · answer f64 · probabilities f64 each
 *   <version>-<seq>.outcomes   place of the answer u32 · 0 u32 · time f64 · truth f64
 *
 * Answer and truth are class indexes, or numbers for regression; NaN is unknown. The database says how many bytes of each are
 * valid: what a crash left beyond is written over.
 */

import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Which window of a model. */
interface WindowFiles {
  version: number;
  seq: number;
}

/** In 32-bit words. */
const ANSWER_HEAD = 8;
export const OUTCOME_BYTES = 24;

export const answerBytes = (probabilities: number): number => (ANSWER_HEAD + 2 * probabilities) * 4;

export const answersPath = (folder: string, { version, seq }: WindowFiles): string =>
  join(folder, `${version}-${seq}.answers`);
export const outcomesPath = (folder: string, { version, seq }: WindowFiles): string =>
  join(folder, `${version}-${seq}.outcomes`);

/** Four words of a request id (32 lower-case hex digits). */
export function idWords(id: string): Uint32Array {
  const words = new Uint32Array(4);
  // By hand: parseInt of four slices took a fifth of the time of taking a request of one row.
  for (let at = 0; at < 32; at++) {
    const code = id.charCodeAt(at);
    words[at >> 3] = (words[at >> 3]! << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return words;
}

/** Answers that wait to be appended to a window's file. */
export class AnswerBuffer {
  private words = new Uint32Array(1024);
  private numbers = new Float64Array(this.words.buffer);
  private used = 0;
  readonly stride: number;
  constructor(readonly probabilities: number) {
    this.stride = ANSWER_HEAD + 2 * probabilities;
  }
  /** `values` is [answer, probabilities…]. */
  add(id: Uint32Array, row: number, values: ArrayLike<number>): void {
    if (this.used + this.stride > this.words.length) this.grow();
    this.words.set(id, this.used);
    this.words[this.used + 4] = row;
    for (let k = 0; k <= this.probabilities; k++) this.numbers[this.used / 2 + 3 + k] = values[k]!;
    this.used += this.stride;
  }
  private grow(): void {
    const larger = new Uint32Array(this.words.length * 2);
    larger.set(this.words);
    this.words = larger;
    this.numbers = new Float64Array(larger.buffer);
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.words.buffer, 0, this.used * 4);
  }
}

/** A window's answers, found by request and row. */
export class Answers {
  private readonly words: Uint32Array;
  private readonly numbers: Float64Array;
  private readonly stride: number;
  /** Open addressing: place + 1, 0 for free. */
  private readonly table: Uint32Array;
  readonly count: number;

  constructor(
    bytes: Uint8Array,
    readonly probabilities: number,
  ) {
    this.stride = ANSWER_HEAD + 2 * probabilities;
    this.count = Math.floor(bytes.length / (this.stride * 4));
    // A copy at an aligned start.
    const buffer = bytes.slice().buffer;
    this.words = new Uint32Array(buffer, 0, this.count * this.stride);
    this.numbers = new Float64Array(buffer, 0, (this.count * this.stride) / 2);
    this.table = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(2, this.count * 2))));
    for (let place = 0; place < this.count; place++) this.insert(place);
  }

  private insert(place: number): void {
    const at = place * this.stride;
    const mask = this.table.length - 1;
    let slot = hash(this.words[at + 2]!, this.words[at + 3]!, this.words[at + 4]!) & mask;
    while (this.table[slot] !== 0) slot = (slot + 1) & mask;
    this.table[slot] = place + 1;
  }

  /** Where the answer to a row of a request is; −1 when it is not here. `likely` is tried first. */
  find(id: Uint32Array, row: number, likely: number): number {
    if (likely >= 0 && likely < this.count && this.is(likely, id, row)) return likely;
    const mask = this.table.length - 1;
    for (let slot = hash(id[2]!, id[3]!, row) & mask; this.table[slot] !== 0; slot = (slot + 1) & mask)
      if (this.is(this.table[slot]! - 1, id, row)) return this.table[slot]! - 1;
    return -1;
  }

  private is(place: number, id: Uint32Array, row: number): boolean {
    const at = place * this.stride;
    const { words } = this;
    return (
      words[at] === id[0] &&
      words[at + 1] === id[1] &&
      words[at + 2] === id[2] &&
      words[at + 3] === id[3] &&
      words[at + 4] === row
    );
  }

  answer(place: number): number {
    return this.numbers[(place * this.stride) / 2 + 3]!;
  }
  probability(place: number, k: number): number {
    return this.numbers[(place * this.stride) / 2 + 4 + k]!;
  }
}

/** The low half of a version-7 id is random, so little mixing is needed; the row spreads those of one request. */
function hash(high: number, low: number, row: number): number {
  let h = Math.imul(high ^ Math.imul(low, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(row + 1, 0xc2b2ae35);
  h ^= h >>> 15;
  return (Math.imul(h, 0x27d4eb2d) ^ (h >>> 13)) >>> 0;
}

export interface Outcome {
  place: number;
  timeMs: number;
  truth: number;
}

export function outcomeBytes(outcomes: readonly Outcome[]): Uint8Array {
  const buffer = new ArrayBuffer(outcomes.length * OUTCOME_BYTES);
  const words = new Uint32Array(buffer);
  const numbers = new Float64Array(buffer);
  outcomes.forEach(({ place, timeMs, truth }, i) => {
    words[i * 6] = place;
    numbers[i * 3 + 1] = timeMs;
    numbers[i * 3 + 2] = truth;
  });
  return new Uint8Array(buffer);
}

/** The truth of each answer: the latest that was sent, NaN where none was. */
export function latestTruths(bytes: Uint8Array, answers: number): Float64Array {
  const buffer = bytes.slice().buffer;
  const words = new Uint32Array(buffer);
  const numbers = new Float64Array(buffer);
  const truths = new Float64Array(answers).fill(Number.NaN);
  const times = new Float64Array(answers).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i * 6 + 5 < words.length; i++) {
    const place = words[i * 6]!;
    if (numbers[i * 3 + 1]! < times[place]!) continue;
    times[place] = numbers[i * 3 + 1]!;
    truths[place] = numbers[i * 3 + 2]!;
  }
  return truths;
}

/**
 * Writes bytes at an offset, over whatever was there. Not synced: rows that a power cut takes have no live performance,
 * which is not worth a sync for every check.
 */
export async function appendAt(path: string, offsetBytes: number, bytes: Uint8Array): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(dirname(path), { recursive: true });
    handle = await open(path, "w+");
  }
  try {
    await handle.write(bytes, 0, bytes.length, offsetBytes);
  } finally {
    await handle.close();
  }
}

/** The first `bytes` of a file; fewer when it is shorter, none when it is gone. */
export async function readStart(path: string, bytes: number): Promise<Uint8Array> {
  const file = Bun.file(path);
  return (await file.exists()) ? new Uint8Array(await file.slice(0, bytes).arrayBuffer()) : new Uint8Array();
}

export async function removeAnswers(folder: string, window: WindowFiles): Promise<void> {
  await rm(answersPath(folder, window), { force: true });
  await rm(outcomesPath(folder, window), { force: true });
}
