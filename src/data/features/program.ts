/**
 * The small language that every features.yaml is compiled to: a flat list of operations, each over earlier ones. Equal
 * operations are stored once. It is plain JSON, holds every fitted constant, and is all that the two engines (SQL for
 * training, columns in TypeScript for serving) know. A missing value is null in SQL and NaN or null in columns; a number
 * that is not finite is a missing value.
 */

import type { ColumnType, Scalar } from "../../base/columns.ts";

export interface Op {
  /** A key of OPS (ops.ts). */
  fn: string;
  type: ColumnType;
  /** Indexes of earlier operations. */
  args: number[];
  /** Constants: a column's name, a literal, edges, a table of categories, … */
  params?: Record<string, OpParam>;
}

export type OpParam = Scalar | (string | number | null)[];
export type Program = Op[];

/** Adds operations; the same operation twice gives the same index. */
export class ProgramBuilder {
  readonly ops: Program = [];
  private readonly known = new Map<string, number>();

  add(op: Op): number {
    const key = JSON.stringify([op.fn, op.type, op.args, op.params ?? null]);
    const before = this.known.get(key);
    if (before !== undefined) return before;
    const index = this.ops.push(op) - 1;
    this.known.set(key, index);
    return index;
  }

  call(fn: string, type: ColumnType, args: number[], params?: Record<string, OpParam>): number {
    return this.add(params === undefined ? { fn, type, args } : { fn, type, args, params });
  }

  literal(value: Scalar, type: ColumnType): number {
    return this.call("literal", type, [], { value });
  }

  typeOf(index: number): ColumnType {
    return this.ops[index]!.type;
  }
}

/** The operations that the roots need, ascending, which is an order in which they can be computed. */
export function reachable(
  program: Program,
  roots: Iterable<number>,
  argsOf: (index: number, op: Op) => readonly number[] = (_, op) => op.args,
): number[] {
  const seen = new Set<number>();
  const open = [...roots];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const op = program[index]!;
    open.push(...argsOf(index, op));
  }
  return [...seen].sort((a, b) => a - b);
}
