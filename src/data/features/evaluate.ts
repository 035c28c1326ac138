/**
 * A program over columns in TypeScript: the serving path. Each operation is one loop that a closure holds; rows pass in
 * chunks through buffers that are made once, so a request of one row allocates little and a million rows stay in the
 * processor's cache. Not reentrant, but synchronous, so nothing can enter twice.
 */

import type { Batch, Column, ColumnType } from "../../base/columns.ts";
import { fail } from "../../base/errors.ts";
import type { Op, Program } from "./program.ts";
import { reachable } from "./program.ts";
import { opOf } from "./sql.ts";
import { askedArgs } from "./windows.ts";

const CHUNK_ROWS = 2048;

/** Fills a window's column for the rows of a chunk; the arguments that were not computed are undefined. */
export type WindowReader = (op: Op, args: readonly (Column | undefined)[], out: Float64Array, rows: number) => void;

export interface EvaluateOptions {
  readWindow?: WindowReader;
  /** Also compute the windows' values, for rows that are observed while they are read. */
  windowValues?: boolean;
}

/** Computes the roots for any number of rows; the answer has one column a root, in their order. */
export type Evaluate = (batch: Batch) => Column[];

/** Throws MODEL_INVALID for an operation that this Trimtab does not know. */
export function compileProgram(program: Program, roots: readonly number[], options: EvaluateOptions = {}): Evaluate {
  const argsOf = (op: Op) => (op.fn === "window" && !options.windowValues ? askedArgs(op) : op.args);
  const order = reachable(program, roots, (_, op) => argsOf(op));
  const slots: Column[] = [];
  for (const node of order) slots[node] = newColumn(program[node]!.type, CHUNK_ROWS);
  const steps = order.map((node) => makeStep(program[node]!, node, slots, options));
  return (batch) => {
    const answers = roots.map((root) => newColumn(program[root]!.type, batch.rows));
    for (let start = 0; start < batch.rows; start += CHUNK_ROWS) {
      const rows = Math.min(CHUNK_ROWS, batch.rows - start);
      for (const step of steps) step(batch, start, rows);
      for (const [i, root] of roots.entries()) copyInto(answers[i]!, slots[root]!, start, rows);
    }
    return answers;
  };
}

type Step = (batch: Batch, start: number, rows: number) => void;

const newColumn = (type: ColumnType, rows: number): Column =>
  type === "string" ? new Array<string | null>(rows).fill(null) : new Float64Array(rows);

function copyInto(answer: Column, slot: Column, start: number, rows: number): void {
  if (answer instanceof Float64Array) {
    const from = slot as Float64Array;
    if (rows === 1) answer[start] = from[0]!;
    else answer.set(rows === CHUNK_ROWS ? from : from.subarray(0, rows), start);
  } else for (let i = 0; i < rows; i++) answer[start + i] = slot[i] as string | null;
}

function makeStep(op: Op, node: number, slots: Column[], options: EvaluateOptions): Step {
  const out = slots[node]!;
  if (op.fn === "column") return columnStep(op, out);
  if (op.fn === "literal") return literalStep(op, out);
  const args = op.args.map((arg) => slots[arg]!);
  if (op.fn === "window") {
    const read = options.readWindow;
    if (read === undefined) throw new TypeError("a window without its history");
    return (_, __, rows) => read(op, args, out as Float64Array, rows);
  }
  const kernel = opOf(op).kernel(op);
  return (_, __, rows) => kernel(args, out, rows);
}

function literalStep(op: Op, out: Column): Step {
  const value = op.params!.value ?? null;
  if (out instanceof Float64Array) out.fill(value === null ? Number.NaN : Number(value));
  else out.fill(value as string | null);
  return () => {};
}

function columnStep(op: Op, out: Column): Step {
  const name = op.params!.name as string;
  if (!(out instanceof Float64Array)) {
    return (batch, start, rows) => {
      const column = inputOf(batch, name, op.type) as (string | null)[];
      for (let i = 0; i < rows; i++) out[i] = column[start + i] ?? null;
    };
  }
  const clean = CLEAN[op.type as "number"];
  return (batch, start, rows) => {
    const column = inputOf(batch, name, op.type) as Float64Array;
    for (let i = 0; i < rows; i++) {
      const value = column[start + i]!;
      out[i] = value - value === 0 ? clean(value) : Number.NaN;
    }
  };
}

const CLEAN: Record<Exclude<ColumnType, "string">, (value: number) => number> = {
  number: (value) => value,
  boolean: (value) => (value === 0 ? 0 : 1),
  timestamp: Math.floor,
};

function inputOf(batch: Batch, name: string, type: ColumnType): Column {
  const column = batch.columns[name];
  if (column === undefined)
    throw fail("REQUEST_INVALID", { what: `the field "${name}" is missing`, place: name, mend: `send "${name}"` });
  if (column instanceof Float64Array !== (type !== "string"))
    throw fail("REQUEST_INVALID", {
      what: `the field "${name}" is ${type === "string" ? "numbers" : "text"} where a ${type} should stand`,
      place: name,
      mend: `send "${name}" as the ${type} that training had`,
    });
  return column;
}
