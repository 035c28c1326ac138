/**
 * What a model answered and what came true, on disk for the monitor, in `predictions/<model>/<YYYY-MM-DD>/`:
 *
 *   <pid>-<n>.jsonl           {"id","t","v","variant","n","x":{column:[…]},"y":[…],"p":[…]}   one line a request
 *   outcomes-<pid>-<n>.jsonl  {"t","id","rows":[…],"y":[…]}                                   one line a request id
 *
 * `id` the request, `t` arrival in ms, `v` version, `n` rows, `x` the raw inputs as sent (times in ms, booleans 0/1, missing
 * null) and the deployment's extra columns, `y` answers, `p` probabilities: P(class 1) a row for two classes, else rows ×
 * classes, row-major. `rows` is absent when `y` covers every row. Predictions are written within 100 ms (what a kill -9 can
 * lose); an outcome is written before its answer. The last line of a killed process's file may be torn: readers skip it.
 */

import type { Clock } from "../base/clock.ts";
import type { Column } from "../base/columns.ts";
import { type Appender, createAppender } from "./append.ts";
import type { Predictions } from "./model.ts";
import { type Label, plainNumbers, valuesForJson } from "./predictions.ts";
import type { Request } from "./schema.ts";

export interface Capture {
  prediction(
    about: { id: string; timeMs: number; version: number; variant: string },
    request: Request,
    answer: Predictions,
  ): void;
  /** Resolves when it is on disk. Groups that cover every row of a request leave `rows` out. */
  outcomes(timeMs: number, groups: readonly OutcomeGroup[]): Promise<void>;
  close(): Promise<void>;
}

export interface OutcomeGroup {
  id: string;
  rows?: number[];
  values: Label[];
}

/** `folder` is predictions/<model>; files are made at the first line. */
export function openCapture(folder: string, clock: Clock, onDropped?: (lines: number) => void): Capture {
  const options = { folder, clock, ...(onDropped && { onDropped }) };
  const predictions: Appender = createAppender(options);
  const outcomes: Appender = createAppender({ ...options, prefix: "outcomes-" });
  return {
    prediction(about, request, answer) {
      predictions.add(predictionLine(about, request, answer));
    },
    async outcomes(timeMs, groups) {
      // First what was predicted: an outcome on disk finds its prediction there.
      await predictions.written().catch(() => undefined);
      // No waiting between the two: a write that another request asked for meanwhile could take the lines, and fail unseen.
      for (const { id, rows, values } of groups) outcomes.add(JSON.stringify({ t: timeMs, id, rows, y: values }));
      await outcomes.written();
    },
    async close() {
      await predictions.close();
      await outcomes.close();
    },
  };
}

function predictionLine(
  about: { id: string; timeMs: number; version: number; variant: string },
  { batch, extra }: Request,
  answer: Predictions,
): string {
  const x: Record<string, unknown> = {};
  for (const name in batch.columns) x[name] = cells(batch.columns[name]!);
  for (const name in extra) x[name] = extra[name];
  return JSON.stringify({
    id: about.id,
    t: about.timeMs,
    v: about.version,
    variant: about.variant,
    n: batch.rows,
    x,
    y: valuesForJson(answer),
    p:
      answer.probabilities &&
      (answer.classes?.length === 2 ? positives(answer.probabilities) : plainNumbers(answer.probabilities)),
  });
}

/** JSON.stringify writes NaN, our missing number, as null. */
const cells = (column: Column): unknown[] => (column instanceof Float64Array ? plainNumbers(column) : column);

function positives(probabilities: Float64Array): number[] {
  const p = new Array<number>(probabilities.length / 2);
  for (let row = 0; row < p.length; row++) p[row] = probabilities[row * 2 + 1]!;
  return p;
}
