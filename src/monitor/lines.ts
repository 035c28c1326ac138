/**
 * The captured lines, as serving writes them (src/serving/capture.ts). A line that does not parse, or is not of this shape,
 * is skipped: it is the torn end of a killed process's file.
 */

/** One answered request. */
export interface PredictionLine {
  id: string;
  /** Arrival, ms. */
  t: number;
  v: number;
  n: number;
  /** Raw inputs and extra columns, each with n cells. */
  x: Record<string, readonly unknown[]>;
  /** Answers: class labels or numbers. */
  y: readonly unknown[];
  /** P(class 1) a row for two classes; rows × classes, row-major, for more. */
  p?: readonly (number | null)[];
}

/** What came true for some rows (all without `rows`) of a request. */
export interface OutcomeLine {
  t: number;
  id: string;
  rows?: readonly number[];
  y: readonly unknown[];
}

export function parsePrediction(text: string): PredictionLine | undefined {
  const line = parseObject(text) as Partial<PredictionLine> | undefined;
  const whole =
    typeof line?.id === "string" &&
    typeof line.t === "number" &&
    typeof line.v === "number" &&
    typeof line.x === "object" &&
    line.x !== null &&
    Array.isArray(line.y) &&
    line.y.length === line.n;
  return whole ? (line as PredictionLine) : undefined;
}

export function parseOutcome(text: string): OutcomeLine | undefined {
  const line = parseObject(text) as Partial<OutcomeLine> | undefined;
  const whole =
    typeof line?.id === "string" &&
    typeof line.t === "number" &&
    Array.isArray(line.y) &&
    (line.rows === undefined || (Array.isArray(line.rows) && line.rows.length === line.y.length));
  return whole ? (line as OutcomeLine) : undefined;
}

function parseObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** When a request's id was made, ms: ids are UUIDs of version 7, whose first 48 bits are the time. Undefined for any other id. */
export function idTimeMs(id: string): number | undefined {
  if (!/^[0-9a-f]{12}7[0-9a-f]{19}$/.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 12), 16);
}
