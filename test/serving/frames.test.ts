import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Batch, Column } from "../../src/base/columns.ts";
import {
  createFrameReader,
  decodeBatch,
  decodeJson,
  decodePredictions,
  encodeBatch,
  encodeJson,
  encodePredictions,
  FRAME,
  type Frame,
} from "../../src/serving/frames.ts";

const number = fc.double();
const cell = fc.option(fc.string({ unit: "binary" }));
const batches = fc
  .tuple(fc.integer({ min: 0, max: 20 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }))
  .chain(([rows, kinds]) =>
    fc.tuple(
      fc.constant(rows),
      fc.tuple(
        ...kinds.map((isText) =>
          isText
            ? fc.array(cell, { minLength: rows, maxLength: rows })
            : fc.array(number, { minLength: rows, maxLength: rows }).map((a) => Float64Array.from(a)),
        ),
      ),
    ),
  )
  .map(([rows, columns]): Batch => ({ rows, columns: Object.fromEntries(columns.map((c, i) => [`c${i}`, c])) }));

/** With the kind in front; Bun holds two typed arrays with NaN unequal. */
const plain = (column: Column) => [column instanceof Float64Array ? "numbers" : "text", ...column];
const payloadOf = (bytes: Uint8Array) => bytes.subarray(12);

test("a batch reads back as it was written", () => {
  fc.assert(
    fc.property(batches, (batch) => {
      const decoded = decodeBatch(payloadOf(encodeBatch(7, batch, Object.keys(batch.columns))));
      expect(decoded.rows).toBe(batch.rows);
      expect(decoded.columns.map(plain)).toEqual(Object.values(batch.columns).map(plain));
    }),
  );
});

test("predictions read back as they were written", () => {
  const values = fc.oneof(
    fc.array(number).map((a) => Float64Array.from(a)),
    fc.array(cell),
  );
  const probabilities = fc.option(
    fc.array(number, { minLength: 1 }).map((a) => Float64Array.from(a)),
    { nil: undefined },
  );
  fc.assert(
    fc.property(values, probabilities, (v, p) => {
      const decoded = decodePredictions(payloadOf(encodePredictions(1, { values: v, probabilities: p })));
      expect(plain(decoded.values)).toEqual(plain(v));
      expect(decoded.probabilities && plain(decoded.probabilities)).toEqual(p && plain(p));
    }),
  );
});

test("frames come out whole and in order however the stream is cut", () => {
  const texts = fc.array(fc.string(), { maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (values, cuts) => {
      const stream = Buffer.concat(values.map((value, i) => encodeJson(i + 1, value)));
      const frames: Frame[] = [];
      const reader = createFrameReader((frame) => frames.push(frame));
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length]!;
        reader.push(stream.subarray(at, at + size));
        at += size;
      }
      expect(frames.map((frame) => [frame.id, frame.kind, decodeJson(frame.payload)])).toEqual(
        values.map((value, i) => [i + 1, FRAME.JSON, value]),
      );
    }),
  );
});

test("a torn stream is refused, not waited for", () => {
  const reader = createFrameReader(() => {});
  expect(() => reader.push(new Uint8Array([255, 255, 255, 255]))).toThrow("a frame of");
  expect(() => createFrameReader(() => {}).push(new Uint8Array([3, 0, 0, 0]))).toThrow("a frame of");
});
