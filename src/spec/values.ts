/** Reading of single values: each function takes what YAML gave and returns the value, or what is wrong and the mend. */

import type { Scalar } from "../base/columns.ts";
import type { ErrorCode } from "../base/errors.ts";
import { parseDurationMs, parseShare, parseSizeBytes } from "../base/units.ts";
import { cronProblem } from "./cron.ts";
import { mendName } from "./nearest.ts";
import { isMapping, type Path } from "./path.ts";
import type { Allowance, ParamValue, WindowSize } from "./types.ts";

export interface Wrong {
  what: string;
  mend: string;
  code?: ErrorCode;
  /** Where, below the value, when not the value itself. */
  at?: Path;
}
export type Reading<T> = { value: T } | { wrong: Wrong[] };
export type Reader<T> = (value: unknown) => Reading<T>;

export const wrong = (what: string, mend: string, more: Partial<Wrong> = {}): { wrong: Wrong[] } => ({
  wrong: [{ what, mend, ...more }],
});

/** A value as a complaint shows it: one line, at most 60 characters. */
export function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return text.length > 60 ? `${text.slice(0, 57)}…${text.at(-1)}` : text;
}

const isNot = (value: unknown, kind: string): string => `${show(value)} is not ${kind}`;

export const text: Reader<string> = (value) => {
  if (typeof value !== "string") {
    const quoted = typeof value === "number" || typeof value === "boolean";
    return wrong(isNot(value, "text"), quoted ? `put quotes around it: "${value}"` : "write a text");
  }
  if (value.trim() === "") return wrong("is an empty text", "write a text");
  return value.includes("\0") ? wrong(`${show(value)} holds a NUL character`, "remove it") : { value };
};

/** One text or a list of texts, as a list. */
export const texts: Reader<string[]> = (value) => {
  const readings = (Array.isArray(value) ? value : [value]).map(text);
  const bad = readings.flatMap((r) => ("wrong" in r ? r.wrong : []));
  if (bad.length > 0) return { wrong: bad };
  return readings.length === 0
    ? wrong("is an empty list", "write a text")
    : { value: readings.flatMap((r) => ("value" in r ? [r.value] : [])) };
};

export const anything: Reader<unknown> = (value) => ({ value });

export const boolean: Reader<boolean> = (value) =>
  typeof value === "boolean" ? { value } : wrong(isNot(value, "true or false"), "write true or false");

/** A finite number within bounds; `example` goes into the mend. */
export const number =
  (kind: string, example: string, accept: (value: number) => boolean): Reader<number> =>
  (value) =>
    typeof value === "number" && Number.isFinite(value) && accept(value)
      ? { value }
      : wrong(isNot(value, kind), `write ${kind}, such as ${example}`);

export const anyNumber = number("a number", "0.2", () => true);
export const countFromOne = (example: string): Reader<number> =>
  number("a whole number from 1", example, (n) => Number.isSafeInteger(n) && n >= 1);

export const countUpTo = (most: number, example: string): Reader<number> =>
  number(`a whole number from 1 to ${most}`, example, (n) => Number.isSafeInteger(n) && n >= 1 && n <= most);

export const durationMs: Reader<number> = (value) => {
  const ms = typeof value === "string" ? parseDurationMs(value.replaceAll(" ", "")) : undefined;
  if (ms !== undefined && ms > 0) return { value: ms };
  if (typeof value === "number" && value > 0)
    return wrong(isNot(value, "a duration"), `add a unit: ${value}s, or m, h, d`);
  return wrong(isNot(value, "a duration"), "write a number and a unit, such as 30s, 10m, 6h or 7d");
};

export const sizeBytes: Reader<number> = (value) => {
  const asText = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const bytes = parseSizeBytes(asText.replaceAll(" ", ""));
  if (bytes !== undefined && bytes > 0) return { value: bytes };
  return wrong(isNot(value, "a size"), "write a number and a unit, such as 500Mi, 2Gi or 2G");
};

/** A share strictly between nothing and everything: 0.2 or 20%. */
export const share: Reader<number> = (value) => {
  const part = typeof value === "string" ? parseShare(value.replaceAll(" ", "")) : value;
  if (typeof part === "number" && part > 0 && part < 1) return { value: part };
  return wrong(isNot(value, "a share between 0 and 1"), "write a number such as 0.2, or 20%");
};

/** An absolute amount, or a percentage of the champion's figure; texts with a unit stay texts until the metric is known. */
export type RawAmount = number | string;

export const rawAmount: Reader<RawAmount> = (value) =>
  (typeof value === "number" && Number.isFinite(value)) || typeof value === "string"
    ? { value }
    : wrong(isNot(value, "a number"), "write a number such as 0.7");

/** A bound in the metric's own unit: bytes also as 2Gi, milliseconds also as 200ms. */
export function amountFor(metric: string, raw: RawAmount): Reading<number> {
  if (typeof raw === "number") return { value: raw };
  if (metric.endsWith("_bytes")) return sizeBytes(raw);
  if (metric.startsWith("latency_ms")) return durationMs(raw);
  return anyNumber(raw);
}

/** How far a metric may be from the champion's: 0.02, or 20% of it. Never negative. */
export function allowanceFor(metric: string, raw: RawAmount): Reading<Allowance> {
  const relative = typeof raw === "string" ? parseShare(raw.replaceAll(" ", "")) : undefined;
  if (relative !== undefined) return { value: { amount: relative, relative: true } };
  const amount = amountFor(metric, raw);
  if ("wrong" in amount) return amount;
  if (amount.value < 0) return wrong(`${show(raw)} is negative`, "write how far it may move: 0 or more");
  return { value: { amount: amount.value, relative: false } };
}

export const windowSize: Reader<WindowSize> = (value) => {
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && value >= 1
      ? { value: { rows: value } }
      : wrong(isNot(value, "a number of rows"), "write a whole number of rows, such as 5000, or a time, such as 7d");
  }
  const ms = durationMs(value);
  return "value" in ms
    ? { value: { ms: ms.value } }
    : wrong(isNot(value, "a window"), "write a number of rows, such as 5000, or a time, such as 7d");
};

export const oneOf =
  <T extends string>(names: readonly T[], kind: string): Reader<T> =>
  (value) =>
    names.includes(value as T)
      ? { value: value as T }
      : wrong(
          `${show(value)} is not one of the ${kind}`,
          mendName(typeof value === "string" ? value : "", names, kind),
        );

export const cron: Reader<string> = (value) => {
  const mend = 'write minute hour day month weekday in UTC, such as "0 2 * * 0"';
  if (typeof value !== "string") return wrong(isNot(value, "a cron expression"), mend);
  const problem = cronProblem(value);
  return problem === undefined ? { value } : wrong(`the cron expression ${show(value)} is wrong: it ${problem}`, mend);
};

export const variableName: Reader<string> = (value) =>
  typeof value === "string" && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value)
    ? { value }
    : wrong(
        isNot(value, "the name of an environment variable"),
        "write its name without $, such as CUDA_VISIBLE_DEVICES",
      );

const isParamValue = (value: unknown): value is ParamValue =>
  typeof value === "number"
    ? Number.isFinite(value)
    : Array.isArray(value)
      ? value.every(isParamValue)
      : value !== undefined && (!isMapping(value) || Object.values(value).every(isParamValue));

/** name → value, where a value is anything YAML can say but NaN and infinity. */
export const params: Reader<Record<string, ParamValue>> = (value) => {
  if (!isMapping(value)) return wrong(isNot(value, "a mapping"), "write name: value pairs");
  const bad = Object.entries(value).filter(([, v]) => !isParamValue(v));
  if (bad.length === 0) return { value: value as Record<string, ParamValue> };
  return {
    wrong: bad.map(([k, v]) => ({ what: `${show(v)} is not a finite number`, mend: "write a finite number", at: [k] })),
  };
};

/** name → values, none of which has parts. */
export const matrix: Reader<Record<string, Scalar[]>> = (value) => {
  if (!isMapping(value) || Object.keys(value).length === 0)
    return wrong(isNot(value, "a mapping with names"), "write name: [values]");
  const isPlain = (v: unknown) => v !== null && ["string", "number", "boolean"].includes(typeof v);
  const bad = Object.entries(value).filter(([, v]) => !Array.isArray(v) || v.length === 0 || !v.every(isPlain));
  if (bad.length === 0) return { value: value as Record<string, Scalar[]> };
  return {
    wrong: bad.map(([k, v]) => ({
      what: isNot(v, "a list of texts, numbers, true or false"),
      mend: "write a list such as [small, large]",
      at: [k],
    })),
  };
};

/** { max: metric } or { min: metric }. */
export const best: Reader<{ metric: string; goal: "max" | "min" }> = (value) => {
  const mend = "write { max: accuracy } or { min: loss }";
  if (!isMapping(value)) return wrong(isNot(value, "a mapping"), mend);
  const [[goal, metric] = [], ...more] = Object.entries(value);
  if ((goal !== "max" && goal !== "min") || more.length > 0 || typeof metric !== "string" || metric === "")
    return wrong(isNot(value, "one metric below max or min"), mend);
  return { value: { metric, goal } };
};

/** name → the values to try. */
export const grid: Reader<Record<string, ParamValue[]>> = (value) => {
  const all = params(value);
  if ("wrong" in all) return all;
  if (Object.keys(all.value).length === 0)
    return wrong("the grid names no param", "write name: [values], or remove it");
  const bad = Object.entries(all.value).filter(([, v]) => !Array.isArray(v) || v.length === 0);
  if (bad.length === 0) return { value: all.value as Record<string, ParamValue[]> };
  return {
    wrong: bad.map(([k, v]) => ({
      what: isNot(v, "a list of values to try"),
      mend: "write a list such as [3, 5, 8]",
      at: [k],
    })),
  };
};
