/**
 * A program as one SELECT for DuckDB. Every operation becomes a column of a subquery, one layer a level, so that its SQL may
 * mention an argument several times and nothing is computed twice. The text grows with the program, not with its paths.
 */

import type { ColumnType } from "../../base/columns.ts";
import { fail } from "../../base/errors.ts";
import { columnTypeOf, type DuckColumn, epochMsSql, ident } from "../sql.ts";
import { findOp } from "./functions/table.ts";
import { constantSql } from "./literals.ts";
import type { Op, Program } from "./program.ts";
import { reachable } from "./program.ts";
import { ENTITY, placeSql, TIME, VALUE, type WindowFrame, type WindowNames, windowSql } from "./windows.ts";

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
    const nodes = this.needed([...selected.flatMap((s) => ("node" in s ? [s.node] : [])), ...only]);
    const windows = nodes.filter((n) => this.isWindow(n));
    // In this order, so that what refuses a value (an unknown category) never sees a row that does not belong.
    const whereLevel = where === undefined ? 0 : this.placeAll([where], 1);
    const onlyLevel = Math.max(this.placeAll(windows, whereLevel + 1), this.placeAll(only, whereLevel + 1), whereLevel);
    const depth = Math.max(this.placeAll(nodes, onlyLevel + 1), onlyLevel);
    const all = this.needed([...nodes, ...(where === undefined ? [] : [where])]);
    let sql = this.base(all, selected);
    for (let level = 0; level <= depth; level++) {
      if (level > 0) sql = this.layer(sql, all, level);
      if (level === whereLevel && where !== undefined) sql = this.filtered(sql, [where]);
      if (level === onlyLevel) sql = this.filtered(sql, only);
    }
    const items = selected.map((s, i) => `${this.selectedSql(s, i)} AS ${ident(s.as)}`);
    // Windows leave the rows sorted by entity; the order of the source is part of the answer.
    return `SELECT ${items.join(", ")} FROM (${sql})${windows.length > 0 ? ` ORDER BY ${ROW}` : ""}`;
  }

  private needed(roots: readonly number[]): number[] {
    return reachable(this.program, roots, (index, op) => (this.isGiven(index) ? [] : op.args));
  }

  private givenName(node: number): string | undefined {
    const op = this.program[node]!;
    return op.fn === "window" ? this.source.windows?.get(op.params!.name as string) : undefined;
  }

  private isWindow(node: number): boolean {
    return this.program[node]!.fn === "window" && !this.isGiven(node);
  }

  private isGiven(node: number): boolean {
    return this.givenName(node) !== undefined;
  }

  private layer(sql: string, nodes: readonly number[], level: number): string {
    const here = nodes.filter((n) => this.levels.get(n) === level);
    if (here.length === 0) return sql;
    const places = here.flatMap((n) => {
      const place = this.isWindow(n) ? placeSql(frameOf(this.program[n]!), this.windowNames(n)) : undefined;
      return place === undefined ? [] : [`${place} AS ${placeName(n)}`];
    });
    const from = places.length > 0 ? `SELECT *, ${places.join(", ")} FROM (${sql})` : sql;
    return `SELECT *, ${here.map((n) => `${this.opSql(n)} AS ${this.atom(n)}`).join(", ")} FROM (${from})`;
  }

  private windowNames(node: number): WindowNames {
    const args = this.program[node]!.args.map((arg) => this.atom(arg));
    return { value: args[VALUE]!, time: args[TIME]!, entity: args.slice(ENTITY), row: ROW };
  }

  private filtered(sql: string, conditions: readonly number[]): string {
    if (conditions.length === 0) return sql;
    return `SELECT * FROM (${sql}) WHERE ${conditions.map((n) => this.atom(n)).join(" AND ")}`;
  }

  /** Gives levels to what is not placed yet, none but leaves below `lowest`. The highest level among them. */
  private placeAll(roots: readonly number[], lowest: number): number {
    const nodes = this.needed(roots);
    for (const node of nodes) if (!this.levels.has(node)) this.levels.set(node, this.levelOf(node, lowest));
    return Math.max(0, ...nodes.map((n) => this.levels.get(n)!));
  }

  /** Leaves stand at level 0, the rest above their arguments. */
  private levelOf(node: number, lowest: number): number {
    const op = this.program[node]!;
    if (op.fn === "column" || op.fn === "literal" || this.isGiven(node)) return 0;
    return Math.max(lowest, ...op.args.map((arg) => 1 + this.levels.get(arg)!));
  }

  private base(nodes: readonly number[], selected: readonly Selected[]): string {
    const items = nodes
      .filter((n) => this.levels.get(n) === 0 && this.program[n]!.fn !== "literal")
      .map((n) => `${this.leafSql(n)} AS ${this.atom(n)}`);
    for (const [i, s] of selected.entries()) if ("raw" in s) items.push(`${ident(s.raw)} AS tt_raw${i}`);
    if (nodes.some((n) => this.isWindow(n))) items.push(`row_number() OVER () AS ${ROW}`);
    return `SELECT ${items.length > 0 ? items.join(", ") : "1 AS tt_one"} FROM ${this.source.scan}`;
  }

  private leafSql(node: number): string {
    const given = this.givenName(node);
    const op = this.program[node]!;
    return given === undefined ? columnSql(op, this.source.columns) : ident(given);
  }

  private opSql(node: number): string {
    const op = this.program[node]!;
    if (op.fn === "window") return windowSql(frameOf(op), this.windowNames(node), placeName(node));
    return opOf(op).sql(
      op.args.map((arg) => this.atom(arg)),
      op,
    );
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

const frameOf = (op: Op): WindowFrame => op.params as unknown as WindowFrame;
const placeName = (node: number): string => `tt_place${node}`;

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
  if (type === "timestamp") return epochMsSql(name);
  if (type === "string") return `CAST(${name} AS VARCHAR)`;
  if (type === "boolean") return name;
  const double = `CAST(${name} AS DOUBLE)`;
  return duckType === "FLOAT" || duckType === "DOUBLE" ? `CASE WHEN isfinite(${double}) THEN ${double} END` : double;
}
