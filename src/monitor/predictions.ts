/** Takes captured predictions into windows: counts, rows, and the answers that outcomes will be compared with. */

import type { MonitorSpec } from "../spec/types.ts";
import { AnswerBuffer, answerBytes, idWords } from "./answers.ts";
import { type Counter, createCounter } from "./counts.ts";
import { probabilitiesOf, type ReadValue, timeOfCell, valueReader } from "./labels.ts";
import { idTimeMs, type PredictionLine } from "./lines.ts";
import type { Slice, Stream } from "./stream.ts";
import type { VersionFacts } from "./versions.ts";
import type { MonitorWindow } from "./window.ts";

/** Rows of one window whose answers are kept: a larger one is measured on its first two million. */
const ANSWER_ROWS_MAX = 2_000_000;

/** One version's part in a round of reading. */
export interface VersionIntake {
  take(line: PredictionLine): void;
  /** Windows that got rows since the last call, with the answers to append to each. */
  changed(): Map<MonitorWindow, AnswerBuffer | undefined>;
}

/** Columns watched for drift: those named, else every input but times, which only ever move on. */
function watchedColumns(spec: MonitorSpec, { flavor }: VersionFacts): string[] {
  if (!spec.drift) return [];
  if (spec.drift.columns.length > 0) return spec.drift.columns;
  const watched = flavor.inputs.filter(({ name, type }) => name !== spec.time && type !== "timestamp");
  return watched.map(({ name }) => name);
}

export function createIntake(spec: MonitorSpec, facts: VersionFacts, stream: Stream<MonitorWindow>): VersionIntake {
  const counter: Counter | undefined = facts.reference && createCounter(facts.reference, watchedColumns(spec, facts));
  const keepAnswers = spec.performance.length > 0;
  const keeper = createKeeper(facts);
  let changed = new Map<MonitorWindow, AnswerBuffer | undefined>();

  return {
    take(line) {
      const times = spec.time === undefined ? undefined : line.x[spec.time];
      for (const slice of stream.place(line.n, (row) => timeOfCell(times?.[row]) ?? line.t)) {
        const { window, from, to } = slice;
        counter?.add(window.counts, line.x, from, to);
        if (!changed.has(window)) changed.set(window, keepAnswers ? keeper.buffer() : undefined);
        const buffer = changed.get(window);
        if (buffer) keeper.keep(line, slice, buffer);
      }
    },
    changed() {
      const result = changed;
      changed = new Map();
      return result;
    },
  };
}

interface Keeper {
  buffer(): AnswerBuffer;
  keep(line: PredictionLine, slice: Slice<MonitorWindow>, buffer: AnswerBuffer): void;
}

function createKeeper({ flavor }: VersionFacts): Keeper {
  const probabilities = probabilitiesOf(flavor);
  const readValue: ReadValue = valueReader(flavor);
  const values = new Float64Array(1 + probabilities);
  return {
    buffer: () => new AnswerBuffer(probabilities),
    keep(line, { window, from, to }, buffer) {
      const madeMs = idTimeMs(line.id);
      const kept = window.answersBytes + buffer.bytes().length;
      if (madeMs === undefined || kept >= ANSWER_ROWS_MAX * answerBytes(probabilities)) return;
      window.idFromMs = Math.min(window.idFromMs ?? madeMs, madeMs);
      window.idToMs = Math.max(window.idToMs ?? madeMs, madeMs);
      const id = idWords(line.id);
      for (let row = from; row < to; row++) {
        values[0] = readValue(line.y[row]);
        for (let k = 0; k < probabilities; k++) values[1 + k] = line.p?.[row * probabilities + k] ?? Number.NaN;
        buffer.add(id, row, values);
      }
    },
  };
}
