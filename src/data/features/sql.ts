/**
 * A program as one SELECT for DuckDB. Every operation becomes a column of a subquery, one layer a level, so that its SQL may
 * mention an argument several times and nothing is computed twice. The text grows with the program, not with its paths.
 */

import type { ColumnType } from "../../base/columns.ts";
import { fail } from "../../base/errors.ts";
import { columnTypeOf, type DuckColumn, ident } from "../sql.ts";
import { findOp } from "./functions/table.ts";
import { constantSql } from "./literals.ts";
import type { Op, Program } from "./program.ts";
import { reachable } from "./program.ts";
import { ENTITY, TIME, VALUE, type WindowFrame, windowSql } from "./windows.ts";

/** What of DuckDB this folder uses. */
export interface Sql {
  rows<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  run(sql: string): Promise<void>;
  columns(sql: string): Promise<DuckColumn[]>;
}

export interface Source {
  /** What stands after FROM: "read_parquet('x')", "(SELECT …)". */
  scan: string;
  /** Undefined: taken on trust; DuckDB then complains about what is not there. */
  columns?: readonly DuckColumn[];
  /** Windows that the scan already holds: the window's name → the scan's column. */
  windows?: ReadonlyMap<string, string>;
}

/** A column of the answer: an operation, or a column of the source as it is. */
export type Selected = { as: string; node: number; integer?: boolean } | { as: string; raw: string };

export interface SelectOptions {
  /** A boolean operation that must be true; windows see only such rows. */
  where?: number | undefined;
  /** Boolean operations that must be true of the rows in the answer; windows also see the others. */
  only?: readonly number[];
}

/** The SELECT. Throws DATA_COLUMN when the source lacks a column or holds it as another kind. */
export function programSql(
  program: Program,
  source: Source,
  selected: readonly Selected[],
  options: SelectOptions = {},
): string {
  return new SelectWriter(program, source, options).write(selected);
}

const ROW = "tt_row";

class SelectWriter {
  private readonly levels = new Map<number, number>();

  constructor(
    private readonly program: Program,
    private readonly source: Source,
    private readonly options: SelectOptions,
  ) {}

  write(selected: readonly Selected[]): string {
    const { where, only = [] } = this.options;
    const whereNodes = where === undefined ? [] : this.needed([where]);
    for (const node of whereNodes) this.place(node, 1);
    const whereLevel = where === undefined ? 0 : this.levels.get(where)!;
    const nodes = this.needed([...selected.flatMap((s) => ("node" in s ? [s.node] : [])), ...whereNodes, ...only]);
    for (const node of nodes) this.place(node, whereLevel + 1);
    let sql = this.base(nodes, selected);
    const depth = Math.max(whereLevel, ...nodes.map((n) => this.levels.get(n)!));
    for (let level = 0; level <= depth; level++) {
      if (level > 0) sql = this.layer(sql, nodes, level);
      if (level === whereLevel && where !== undefined) sql = `SELECT * FROM (${sql}) WHERE ${this.atom(where)}`;
    }
    const items = selected.map((s, i) => `${this.selectedSql(s, i)} AS ${ident(s.as)}`);
    const rest = only.length > 0 ? ` WHERE ${only.map((n) => this.atom(n)).join(" AND ")}` : "";
    // Windows leave the rows sorted by entity; the order of the source is part of the answer.
    return `SELECT ${items.join(", ")} FROM (${sql})${rest}${this.hasWindows(nodes) ? ` ORDER BY ${ROW}` : ""}`;
  }

  private needed(roots: readonly number[]): number[] {
    return reachable(this.program, roots, (index, op) => (this.isGiven(index) ? [] : op.args));
  }

  private givenName(node: number): string | undefined {
    const op = this.program[node]!;
    return op.fn === "window" ? this.source.windows?.get(op.params!.name as string) : undefined;
  }

  private isGiven(node: number): boolean {
    return this.givenName(node) !== undefined;
  }

  private hasWindows(nodes: readonly number[]): boolean {
    return nodes.some((n) => this.program[n]!.fn === "window" && !this.isGiven(n));
  }

  private layer(sql: string, nodes: readonly number[], level: number): string {
    const columns = nodes.filter((n) => this.levels.get(n) === level).map((n) => `${this.opSql(n)} AS ${this.atom(n)}`);
    return columns.length > 0 ? `SELECT *, ${columns.join(", ")} FROM (${sql})` : sql;
  }

  /** Leaves stand at level 0; a window not below `windowLevel`. */
  private place(node: number, windowLevel: number): void {
    if (this.levels.has(node)) return;
    const op = this.program[node]!;
    const leaf = op.fn === "column" || op.fn === "literal" || this.isGiven(node);
    const above = leaf ? 0 : 1 + Math.max(0, ...op.args.map((arg) => this.levels.get(arg)!));
    this.levels.set(node, op.fn === "window" && !leaf ? Math.max(above, windowLevel) : above);
  }

  private base(nodes: readonly number[], selected: readonly Selected[]): string {
    const items = nodes
      .filter((n) => this.levels.get(n) === 0 && this.program[n]!.fn !== "literal")
      .map((n) => `${this.leafSql(n)} AS ${this.atom(n)}`);
    for (const [i, s] of selected.entries()) if ("raw" in s) items.push(`${ident(s.raw)} AS tt_raw${i}`);
    if (this.hasWindows(nodes)) items.push(`row_number() OVER () AS ${ROW}`);
    return `SELECT ${items.length > 0 ? items.join(", ") : "1 AS tt_one"} FROM ${this.source.scan}`;
  }

  private leafSql(node: number): string {
    const given = this.givenName(node);
    const op = this.program[node]!;
    return given === undefined ? columnSql(op, this.source.columns) : ident(given);
  }

  private opSql(node: number): string {
    const op = this.program[node]!;
    const args = op.args.map((arg) => this.atom(arg));
    if (op.fn !== "window") return opOf(op).sql(args, op);
    return windowSql(op.params as unknown as WindowFrame, args[VALUE]!, args[TIME]!, args.slice(ENTITY), ROW);
  }

  private selectedSql(selected: Selected, i: number): string {
    if ("raw" in selected) return `tt_raw${i}`;
    const type = this.program[selected.node]!.type;
    const atom = this.atom(selected.node);
    if (selected.integer) return `CAST(${atom} AS INTEGER)`;
    if (type === "boolean") return `CAST(${atom} AS DOUBLE)`;
    return atom;
  }

  private atom(node: number): string {
    const op = this.program[node]!;
    if (op.fn !== "literal") return `tt${node}`;
    return op.params!.value === null ? `CAST(NULL AS ${SQL_TYPE[op.type]})` : constantSql(op.params!.value as string);
  }
}

const SQL_TYPE: Record<ColumnType, string> = {
  number: "DOUBLE",
  string: "VARCHAR",
  boolean: "BOOLEAN",
  timestamp: "DOUBLE",
};

/** The definition behind an operation; refuses what this Trimtab does not know. */
export function opOf(op: Op) {
  const found = findOp(op.fn);
  if (found === undefined)
    throw fail("MODEL_INVALID", {
      what: `the fitted features use the operation "${op.fn}", which this Trimtab does not know`,
      mend: "upgrade Trimtab, or train again with this one",
    });
  return found;
}

function columnSql(op: Op, columns: readonly DuckColumn[] | undefined): string {
  const name = op.params!.name as string;
  if (columns === undefined) return cleanSql(ident(name), "DOUBLE", op.type);
  const column = columns.find((c) => c.name === name);
  if (column === undefined)
    throw fail("DATA_COLUMN", {
      what: `the data has no column "${name}"`,
      mend: `the columns are ${columns.map((c) => c.name).join(", ")}`,
    });
  const type = columnTypeOf(column.type);
  if (type !== op.type)
    throw fail("DATA_COLUMN", {
      what: `column "${name}" is ${column.type}, a ${type}, where training had a ${op.type}`,
      mend: "give the column the kind that it had in training, or train again",
    });
  return cleanSql(ident(name), column.type, type);
}

/** A raw column as the program's value: NaN and infinities are missing, times are ms. */
function cleanSql(name: string, duckType: string, type: ColumnType): string {
  if (type === "timestamp") return `CASE WHEN isfinite(${name}) THEN CAST(epoch_ms(${name}) AS DOUBLE) END`;
  if (type === "string") return `CAST(${name} AS VARCHAR)`;
  if (type === "boolean") return name;
  const double = `CAST(${name} AS DOUBLE)`;
  return duckType === "FLOAT" || duckType === "DOUBLE" ? `CASE WHEN isfinite(${double}) THEN ${double} END` : double;
}
