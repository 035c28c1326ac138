import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ManualClock } from "../../src/base/clock.ts";
import {
  AnswerBuffer,
  Answers,
  appendAt,
  idWords,
  latestTruths,
  outcomeBytes,
  readStart,
} from "../../src/monitor/answers.ts";
import { listCaptureFiles } from "../../src/monitor/capture-files.ts";
import { timeOfCell } from "../../src/monitor/labels.ts";
import { idTimeMs, type PredictionLine, parseOutcome, parsePrediction } from "../../src/monitor/lines.ts";
import { readInOrder } from "../../src/monitor/merge.ts";
import { RangeIndex } from "../../src/monitor/outcomes.ts";
import { openTail } from "../../src/monitor/tail.ts";
import { openCapture } from "../../src/serving/capture.ts";
import { idAt, START_MS } from "./helpers.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trimtab-tail-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function linesFrom(path: string, from: number, end: number): Promise<{ lines: string[]; offset: number }> {
  const reader = openTail(path, from, end);
  const lines: string[] = [];
  for (let line = await reader.next(); line !== undefined; line = await reader.next()) lines.push(line);
  const offset = reader.offset();
  await reader.close();
  return { lines, offset };
}

describe("tail", () => {
  test("reads whole lines, leaves the one that is being written, goes on from there", async () => {
    const path = join(folder, "a.jsonl");
    writeFileSync(path, "one\nzwölf\n\nhal");
    const first = await linesFrom(path, 0, 1000);
    expect(first.lines).toEqual(["one", "zwölf", ""]);
    appendFileSync(path, "f\n");
    expect((await linesFrom(path, first.offset, 1000)).lines).toEqual(["half"]);
  });
  test("lines longer than a chunk come whole, and nothing beyond the given end is seen", async () => {
    const path = join(folder, "b.jsonl");
    const long = "x".repeat(2_500_000);
    writeFileSync(path, `a\n${long}\nb\n`);
    expect((await linesFrom(path, 0, 1e9)).lines).toEqual(["a", long, "b"]);
    expect((await linesFrom(path, 0, 100)).lines).toEqual(["a"]);
  });
  test("any text, cut at any places, gives its lines once", async () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " "));
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 20 }),
        fc.array(fc.nat(400), { maxLength: 5 }),
        async (lines, cuts) => {
          const path = join(folder, `p${n++}`);
          const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
          writeFileSync(path, bytes);
          const read: string[] = [];
          let offset = 0;
          for (const end of [...cuts.sort((a, b) => a - b), bytes.length]) {
            const part = await linesFrom(path, offset, Math.min(end, bytes.length));
            read.push(...part.lines);
            offset = part.offset;
          }
          expect(read).toEqual(lines);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("capture files", () => {
  test("what serving writes is read back, by arrival over all files, once", async () => {
    const clock = new ManualClock(START_MS);
    const about = (t: number) => ({ id: idAt(t), timeMs: t, version: 3, variant: "champion" });
    const request = (distance: number) => ({
      batch: { rows: 2, columns: { distance: Float64Array.of(distance, Number.NaN), origin: ["ATL", null] } },
      extra: { date: [START_MS, START_MS + 1] },
      single: false,
    });
    const answer = {
      values: Float64Array.of(1, 0),
      classes: [0, 1],
      probabilities: Float64Array.of(0.25, 0.75, 0.5, 0.5),
    };
    // Two processes: the second has another folder here, and its file is moved beside the first one's.
    for (const [k, times] of [[0, [5, 20]] as const, [1, [1, 9, 30]] as const]) {
      const capture = openCapture(join(folder, `process${k}`), clock);
      for (const t of times) capture.prediction(about(START_MS + t), request(t), answer);
      await capture.outcomes(START_MS + 50, [{ id: idAt(START_MS), rows: [1], values: [0] }]);
      await capture.close();
      mkdirSync(join(folder, "all", "2026-01-05"), { recursive: true });
      const found = await listCaptureFiles(join(folder, `process${k}`));
      expect([found.predictions.length, found.outcomes.length]).toEqual([1, 1]);
      const text = await Bun.file(join(folder, `process${k}`, found.predictions[0]!.path)).text();
      writeFileSync(join(folder, "all", "2026-01-05", `${k}-0.jsonl`), `${text}{"id":"torn`);
      const outcome = await Bun.file(join(folder, `process${k}`, found.outcomes[0]!.path)).text();
      expect(parseOutcome(outcome.trim())).toMatchObject({ t: START_MS + 50, rows: [1], y: [0] });
    }
    const { predictions } = await listCaptureFiles(join(folder, "all"));
    const taken: PredictionLine[] = [];
    const take = (line: PredictionLine) => {
      taken.push(line);
      return undefined;
    };
    const moved = await readInOrder(join(folder, "all"), predictions, new Map(), 7, take);
    // Rounds end after enough rows; the next goes on from there.
    const offsets = new Map(moved.map(({ path, toBytes }) => [path, toBytes]));
    expect(taken.length).toBe(4);
    await readInOrder(join(folder, "all"), predictions, offsets, 100, take);
    expect(taken.map((line) => line.t - START_MS)).toEqual([1, 5, 9, 20, 30]);
    expect(taken[1]).toMatchObject({
      v: 3,
      n: 2,
      x: { distance: [5, null], origin: ["ATL", null], date: [START_MS, START_MS + 1] },
      y: [1, 0],
      p: [0.75, 0.5],
    });
  });
  test("torn, foreign and misshapen lines are passed over", async () => {
    const whole = `{"id":"x","t":1,"v":1,"n":1,"x":{},"y":[1]}`;
    for (const text of ["", "{", "null", "7", whole.replace('"n":1', '"n":2'), whole.replace('"t":1,', "")])
      expect(parsePrediction(text)).toBeUndefined();
    expect(parsePrediction(whole)).toBeDefined();
    expect(parseOutcome(`{"id":"x","t":1,"rows":[1,2],"y":[1]}`)).toBeUndefined();
    mkdirSync(join(folder, "2026-01-05"));
    writeFileSync(join(folder, "2026-01-05", "1-0.jsonl"), `{"torn":\n${whole}\n[]\n`);
    mkdirSync(join(folder, "notes"));
    const { predictions } = await listCaptureFiles(folder);
    let count = 0;
    const moved = await readInOrder(folder, predictions, new Map(), 100, () => {
      count++;
      return undefined;
    });
    expect([count, moved[0]!.toBytes]).toEqual([1, predictions[0]!.sizeBytes]);
    expect(await listCaptureFiles(join(folder, "nowhere"))).toEqual({ predictions: [], outcomes: [] });
  });
  test("ids of version 7 tell their time, cells of time are read as serving takes them", () => {
    expect(idTimeMs(idAt(START_MS))).toBe(START_MS);
    expect(idTimeMs(Bun.randomUUIDv7().replaceAll("-", ""))).toBeGreaterThan(START_MS - 1e12);
    expect(idTimeMs(crypto.randomUUID().replaceAll("-", ""))).toBeUndefined();
    expect(timeOfCell("2026-01-05")).toBe(START_MS);
    expect(timeOfCell("2026-01-05T01:00:00")).toBe(START_MS + 3_600_000);
    expect(timeOfCell("2026-01-05T01:00:00+01:00")).toBe(START_MS);
    expect(timeOfCell(START_MS)).toBe(START_MS);
    for (const cell of [null, undefined, "soon", Number.NaN, true, 1e300, -8.64e15])
      expect(timeOfCell(cell)).toBeUndefined();
  });
});

describe("answers", () => {
  test("every answer is found by its request and row, and no other", () => {
    const request = fc.record({ time: fc.nat(1000), rows: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 30 }), fc.integer({ min: 0, max: 3 }), (requests, k) => {
        const buffer = new AnswerBuffer(k);
        const known = requests.map(({ time, rows }) => ({ id: idWords(idAt(START_MS + time)), rows }));
        let place = 0;
        for (const { id, rows } of known)
          for (let row = 0; row < rows; row++) buffer.add(id, row, [place++, ...Array(k).fill(row / 32)]);
        const answers = new Answers(buffer.bytes(), k);
        expect(answers.count).toBe(place);
        place = 0;
        for (const { id, rows } of known) {
          for (let row = 0; row < rows; row++) {
            expect(answers.find(id, row, row % 2 === 0 ? place : -1)).toBe(place);
            expect(answers.answer(place)).toBe(place);
            for (let one = 0; one < k; one++) expect(answers.probability(place, one)).toBe(row / 32);
            place++;
          }
          expect(answers.find(id, rows, place)).toBe(-1);
        }
        expect(answers.find(idWords(idAt(START_MS)), 0, 0)).toBe(-1);
      }),
      { numRuns: 50 },
    );
  });
  test("files grow from where the database says, over what a crash left", async () => {
    const path = join(folder, "deep", "1-1.outcomes");
    const outcome = (place: number, timeMs: number, truth: number) => ({ place, timeMs, truth });
    const first = outcomeBytes([outcome(0, 10, 1), outcome(2, 20, 0)]);
    await appendAt(path, 0, first);
    await appendAt(path, first.length, outcomeBytes([outcome(1, 30, 1)]));
    await appendAt(path, first.length, outcomeBytes([outcome(2, 25, 1), outcome(0, 5, 0)]));
    const bytes = await readStart(path, first.length + 48);
    // The latest outcome of a row counts, whatever the order of writing.
    expect([...latestTruths(bytes, 4)]).toEqual([1, Number.NaN, 1, Number.NaN]);
    expect((await readStart(path, 24)).length).toBe(24);
    expect((await readStart(join(folder, "none"), 24)).length).toBe(0);
  });
});

test("ranges that span a time are all found", () => {
  const range = fc.record({ id_from_ms: fc.nat(100), length: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), fc.nat(140), (given, timeMs) => {
      const ranges = given
        .map(({ id_from_ms, length }) => ({ id_from_ms, id_to_ms: id_from_ms + length }))
        .sort((a, b) => a.id_from_ms - b.id_from_ms);
      const want = ranges.filter(({ id_from_ms, id_to_ms }) => id_from_ms <= timeMs && id_to_ms >= timeMs);
      expect(new Set(new RangeIndex(ranges).at(timeMs))).toEqual(new Set(want));
    }),
  );
});
