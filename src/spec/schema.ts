/**
 * The shape of pipeline.yaml, and the one door to zod in spec: which keys there are and what each value must look like.
 * What keys must be to one another is for build.ts and lint.ts to say. Every key is optional here, so that a missing one
 * hides no other complaint.
 */

import * as z from "zod";
import { LIMITS } from "../base/limits.ts";
import type { Complaint, Complaints } from "./complaints.ts";
import { expectation } from "./expectations.ts";
import * as files from "./files.ts";
import { STEP_HINTS, TOP_HINTS } from "./hints.ts";
import { mendName } from "./nearest.ts";
import { isMapping, type Path, valueAt, withoutKey } from "./path.ts";
import { alertUrl, trigger } from "./triggers.ts";
import { DRIFT_TESTS } from "./types.ts";
import * as v from "./values.ts";

/** A value that one of our readers reads; its complaints travel as zod issues. */
const required = <T>(read: v.Reader<T>) =>
  z.unknown().transform((value, context): T => {
    const reading = value === null ? v.wrong("is empty", "give it a value, or remove the key") : read(value);
    if ("value" in reading) return reading.value;
    for (const w of reading.wrong) {
      context.issues.push({ code: "custom", input: value, message: w.what, path: [...(w.at ?? [])], params: { ...w } });
    }
    return z.NEVER;
  });
const leaf = <T>(read: v.Reader<T>) => required(read).optional();
const list = <T>(read: v.Reader<T>) => z.array(required(read)).optional();
const keys = <S extends z.core.$ZodLooseShape>(shape: S) => z.strictObject(shape).optional();
const named = <S extends z.core.$ZodLooseShape>(shape: S) => z.record(z.string(), z.strictObject(shape)).optional();

const STRATEGIES = ["direct", "shadow", "canary", "ab"] as const;
const RUNNERS = ["local", "docker", "ray", "kubernetes"] as const;
const ENGINES = ["duckdb", "spark"] as const;

const percent = v.number("a percentage from 1 to 100", "25", (n) => n > 0 && n <= 100);

const step = {
  validate: leaf(files.readPath),
  transform: leaf(files.readPath),
  cmd: leaf(v.texts),
  evaluate: leaf(files.readPath),
  expect: list(expectation),
  suite: leaf(files.readPath),
  spec: leaf(files.readPath),
  split: keys({ holdout: leaf(v.share), by: leaf(v.text) }),
  on: leaf(files.readPath),
  target: leaf(v.text),
  metrics: list(files.output),
  deps: list(files.readPath),
  outs: list(files.output),
  plots: list(files.output),
  wdir: leaf(files.workFolder),
  params: leaf(v.params),
  grid: leaf(v.grid),
  matrix: leaf(v.matrix),
  best: leaf(v.best),
  env: list(v.variableName),
  retry: keys({
    attempts: leaf(v.countFromOne("3")),
    delay: leaf(v.durationMs),
    backoff: leaf(v.number("a number from 1", "2", (n) => n >= 1)),
  }),
  resources: keys({
    cpus: leaf(v.number("a number above 0", "2", (n) => n > 0)),
    memory: leaf(v.sizeBytes),
    timeout: leaf(v.durationMs),
  }),
  cache: leaf(v.boolean),
  always_changed: leaf(v.boolean),
  runner: leaf(v.oneOf(RUNNERS, "runners")),
  engine: leaf(v.oneOf(ENGINES, "engines")),
  desc: leaf(v.text),
  meta: leaf(v.anything),
};

const pipeline = z.strictObject({
  model: leaf(v.text),
  data: z.record(z.string(), required(files.readPath)).optional(),
  steps: named(step),
  gate: named({
    min: leaf(v.rawAmount),
    max: leaf(v.rawAmount),
    max_drop: leaf(v.rawAmount),
    max_rise: leaf(v.rawAmount),
    unless_better: leaf(v.text),
  }),
  deploy: keys({
    strategy: leaf(v.oneOf(STRATEGIES, "strategies")),
    weights: list(percent),
    interval: leaf(v.durationMs),
    approve: leaf(v.boolean),
    replicas: leaf(v.countUpTo(LIMITS.servingProcesses, "2")),
  }),
  monitor: keys({
    time: leaf(v.text),
    drift: keys({
      test: leaf(v.oneOf(DRIFT_TESTS, "drift tests")),
      threshold: leaf(v.number("a number above 0", "0.2", (n) => n > 0)),
      window: leaf(v.windowSize),
      columns: list(v.text),
      min_columns: leaf(v.countFromOne("1")),
    }),
    performance: named({ min: leaf(v.anyNumber), max: leaf(v.anyNumber) }),
    min_outcomes: leaf(v.countFromOne("200")),
  }),
  retrain: keys({ when: list(trigger), cooldown: leaf(v.durationMs) }),
  alerts: z.array(z.strictObject({ slack: leaf(alertUrl), webhook: leaf(alertUrl) })).optional(),
  retention: keys({ predictions: leaf(v.durationMs), runs: leaf(v.durationMs), bytes: leaf(v.sizeBytes) }),
});

export type RawPipeline = z.output<typeof pipeline>;
export type RawStep = NonNullable<RawPipeline["steps"]>[string];

/**
 * Checks the shape of a document. What is wrong is added to `complaints` and left out of the result, so that the rest can
 * still be checked.
 */
export function readShape(document: unknown, complaints: Complaints): RawPipeline {
  let left = document;
  for (let round = 0; ; round++) {
    const parsed = pipeline.safeParse(left);
    if (parsed.success) return parsed.data;
    const found = parsed.error.issues.flatMap((issue) => complaintsOf(issue, left));
    // Only the first round speaks: later ones see what the pruning left behind.
    if (round === 0) for (const complaint of found) complaints.add(complaint);
    const before = left;
    for (const { path } of found) left = prune(left, path);
    if (left === before || round > 20) return {};
  }
}

function complaintsOf(issue: z.core.$ZodIssue, document: unknown): Complaint[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], path));
  if (issue.code === "custom") {
    const { what, mend, code } = issue.params as v.Wrong;
    return [{ path, what, mend, ...(code && { code }) }];
  }
  const value = valueAt(document, path);
  if (value === null) return [{ path, what: "is empty", mend: "give it a value, or remove the key" }];
  const wantsList = issue.code === "invalid_type" && issue.expected === "array";
  const mend = wantsList
    ? isMapping(value)
      ? "write a list"
      : `write [${String(value)}]`
    : "write key: value pairs below it";
  return [{ path, what: `${v.show(value)} is not a ${wantsList ? "list" : "mapping"}`, mend }];
}

function unknownKey(path: Path, parent: Path): Complaint {
  const key = String(path.at(-1));
  const hints = parent.length === 0 ? TOP_HINTS : parent.length === 2 && parent[0] === "steps" ? STEP_HINTS : {};
  const known = shapeAt(parent);
  const names = known.kind === "keys" ? Object.keys(known.keys) : [];
  const mend = Object.hasOwn(hints, key) ? hints[key]! : mendName(key, names, "keys here");
  return { path, what: `there is no key ${key} here`, mend, code: "SPEC_UNKNOWN_KEY" };
}

/** Cuts a wrong value out; an item of a list with the whole list, so that no item changes its number. */
function prune(document: unknown, path: Path): unknown {
  const isKey = typeof path.at(-1) === "string" && shapeAt(path.slice(0, -1)).kind !== "value";
  const index = path.findIndex((part) => typeof part === "number");
  return withoutKey(document, isKey || index < 0 ? path : path.slice(0, index));
}

/** The language's keys as data, for overrides and for the reference page. */
export type Shape =
  | { kind: "keys"; keys: Record<string, Shape> }
  | { kind: "named"; each: Shape }
  | { kind: "list"; each: Shape }
  | { kind: "value" };

function describe(schema: unknown): Shape {
  if (schema instanceof z.ZodOptional) return describe(schema.unwrap());
  if (schema instanceof z.ZodObject) {
    return { kind: "keys", keys: Object.fromEntries(Object.entries(schema.shape).map(([k, s]) => [k, describe(s)])) };
  }
  if (schema instanceof z.ZodRecord) return { kind: "named", each: describe(schema.valueType) };
  if (schema instanceof z.ZodArray) return { kind: "list", each: describe(schema.element) };
  return { kind: "value" };
}

export const SHAPE: Shape = describe(pipeline);

/** The shape at a path of a document; a value when the path leaves the language. */
export function shapeAt(path: Path): Shape {
  let shape = SHAPE;
  for (const part of path) {
    if (shape.kind === "keys") {
      const key = String(part);
      shape = Object.hasOwn(shape.keys, key) ? shape.keys[key]! : { kind: "value" };
    } else if (shape.kind !== "value") shape = shape.each;
  }
  return shape;
}
