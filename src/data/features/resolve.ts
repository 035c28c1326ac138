/**
 * A FeatureSpec meets the columns of a data source: every name becomes an operation, or a complaint. All complaints at once.
 */

import { fail, type TrimtabError, TrimtabErrors } from "../../base/errors.ts";
import { mendName } from "../../spec/nearest.ts";
import { columnTypeOf, type DuckColumn } from "../sql.ts";
import { bindExpression } from "./bind.ts";
import { ExpressionProblem } from "./expressions/problem.ts";
import { expressionError } from "./place.ts";
import { type OpParam, ProgramBuilder, reachable } from "./program.ts";
import type { Expression, FeatureSpec, GroupSpec, Named, WindowSpec } from "./spec.ts";
import type { Piece } from "./transforms/define.ts";
import { askedArgs } from "./windows.ts";

export interface Resolved {
  builder: ProgramBuilder;
  groups: { group: GroupSpec; pieces: Piece[] }[];
  target?: { name: string; node: number; place: string; column: boolean };
  where: number | undefined;
}

/** Columns that an operation reads; with `serving`, only those that a request must bring. */
export function columnsRead(builder: ProgramBuilder, roots: readonly number[], serving: boolean): string[] {
  const nodes = reachable(builder.ops, roots, (_, op) => (serving && op.fn === "window" ? askedArgs(op) : op.args));
  return nodes.flatMap((n) => (builder.ops[n]!.fn === "column" ? [builder.ops[n]!.params!.name as string] : []));
}

/** Throws TrimtabErrors (FEATURES_INVALID). */
export function resolveSpec(spec: FeatureSpec, columns: readonly DuckColumn[]): Resolved {
  const resolver = new Resolver(spec, columns);
  const resolved = resolver.resolve();
  if (resolver.errors.length > 0) throw new TrimtabErrors(resolver.errors.toSorted((a, b) => lineOf(a) - lineOf(b)));
  return resolved;
}

const lineOf = (error: TrimtabError): number => Number(/:(\d+) /.exec(`${error.place} `)?.[1] ?? 0);

/** Something that this name is made of is already complained about. */
class Broken extends Error {}

class Resolver {
  readonly errors: TrimtabError[] = [];
  private readonly builder = new ProgramBuilder();
  private readonly known = new Map<string, number | "open" | "broken">();
  private readonly types: Map<string, string>;
  private filter: { node: number | undefined } | undefined;

  constructor(
    private readonly spec: FeatureSpec,
    columns: readonly DuckColumn[],
  ) {
    this.types = new Map(columns.map((c) => [c.name, c.type]));
  }

  resolve(): Resolved {
    this.refuseShadows();
    const { spec, builder } = this;
    const where = this.where();
    for (const name of [...spec.derive.keys(), ...spec.windows.keys()]) this.attempt(() => this.find(name));
    const target = this.target();
    for (const named of [...(spec.time ? [spec.time] : []), ...spec.keep]) this.attempt(() => this.column(named));
    const groups = spec.groups.map((group) => ({ group, pieces: group.columns.flatMap((c) => this.piece(c) ?? []) }));
    if (spec.remainder === "passthrough") groups.push(this.remainder(target?.node));
    if (target) this.refuseLeaks(groups, target.node);
    return { builder, groups, ...(target && { target }), where };
  }

  private complain(place: string, what: string, mend: string): void {
    this.errors.push(fail("FEATURES_INVALID", { what, place, mend }));
  }

  private refuseShadows(): void {
    for (const [name, { place }] of [...this.spec.derive, ...this.spec.windows])
      if (this.types.has(name)) this.complain(place, `${name} is already a column of the data`, "choose another name");
    for (const [name, { place }] of this.spec.windows)
      if (this.spec.derive.has(name)) this.complain(place, `${name} is also under derive`, "choose another name");
  }

  private attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (error instanceof Broken) return undefined;
      throw error;
    }
  }

  private names = { find: (name: string, at: number) => this.find(name, at), all: () => this.allNames() };

  private allNames(): string[] {
    return [...this.types.keys(), ...this.spec.derive.keys(), ...this.spec.windows.keys()];
  }

  private find(name: string, at = 0): number | undefined {
    const known = this.known.get(name);
    if (known === "open") throw new ExpressionProblem(`${name} is made of itself`, at, "break the circle");
    if (known === "broken") throw new Broken();
    if (known !== undefined) return known;
    if (this.types.has(name)) return this.columnNode(name);
    const derived = this.spec.derive.get(name);
    const window = this.spec.windows.get(name);
    if (!derived && !window) return undefined;
    this.known.set(name, "open");
    const node = derived ? this.bind(derived) : this.windowNode(window!);
    this.known.set(name, node ?? "broken");
    if (node === undefined) throw new Broken();
    return node;
  }

  /** Undefined after a complaint. */
  private bind(expression: Expression): number | undefined {
    try {
      return bindExpression(expression.tree, this.builder, this.names);
    } catch (error) {
      if (error instanceof ExpressionProblem)
        this.errors.push(expressionError(error, expression.text, expression.place));
      else if (!(error instanceof Broken)) throw error;
      return undefined;
    }
  }

  private columnNode(name: string): number {
    return this.builder.call("column", columnTypeOf(this.types.get(name)!), [], { name });
  }

  private column({ name, place }: Named): number {
    if (this.types.has(name)) return this.columnNode(name);
    const what = this.allNames().includes(name) ? `${name} is not a column of the data` : `unknown column "${name}"`;
    this.complain(place, what, mendName(name, this.types.keys(), "columns"));
    throw new Broken();
  }

  private hasWindow(node: number): boolean {
    return reachable(this.builder.ops, [node]).some((n) => this.builder.ops[n]!.fn === "window");
  }

  private where(): number | undefined {
    const { where } = this.spec;
    this.filter ??= { node: where && this.attempt(() => this.row(where, "boolean")) };
    return this.filter.node;
  }

  /** An expression of one row alone: windows are refused, since they are made of rows that pass `where`. */
  private row(expression: Expression, type?: "boolean"): number {
    const node = this.bind(expression);
    if (node === undefined) throw new Broken();
    const { place } = expression;
    if (this.hasWindow(node)) this.complain(place, "a window cannot stand here", "use columns of the row only");
    const found = this.builder.typeOf(node);
    if (type && found !== type)
      this.complain(place, `a ${found} where a condition should stand`, "compare it: delay > 0");
    return node;
  }

  private windowNode(window: WindowSpec): number | undefined {
    const value = this.attempt(() => this.row(window.of));
    const order = this.attempt(() => this.column(window.order));
    const entity = window.entity.map((e) => this.attempt(() => this.entity(e)));
    const number = value === undefined ? undefined : this.aggregated(value, window);
    if (order !== undefined) this.checkOrder(order, window);
    if (number === undefined || order === undefined || entity.includes(undefined)) return undefined;
    const counts = this.where() ?? this.builder.literal(true, "boolean");
    const args = [number, order, counts, ...(entity as number[])];
    return this.builder.call("window", "number", args, { ...window.frame, name: window.name } as Record<
      string,
      OpParam
    >);
  }

  private checkOrder(order: number, window: WindowSpec): void {
    const type = this.builder.typeOf(order);
    const timed = type === "timestamp" || (type === "number" && window.frame.rangeMs === undefined);
    if (!timed) this.complain(window.order.place, `${window.order.name} is a ${type}`, "order by a time column");
  }

  private entity(named: Named): number {
    const node = this.spec.derive.has(named.name) ? this.find(named.name)! : this.column(named);
    if (this.hasWindow(node) || this.builder.typeOf(node) === "timestamp")
      this.complain(named.place, `${named.name} cannot be an entity`, "use a column of text, numbers or booleans");
    return node;
  }

  /** Aggregates take numbers; count takes anything. */
  private aggregated(value: number, window: WindowSpec): number | undefined {
    const type = this.builder.typeOf(value);
    if (type === "number") return value;
    if (type === "boolean") return this.builder.call("to_number", "number", [value]);
    if (window.frame.aggregate === "count") {
      const missing = this.builder.call("is_null", "boolean", [value]);
      const args = [missing, this.builder.literal(null, "number"), this.builder.literal(1, "number")];
      return this.builder.call("if", "number", args);
    }
    this.complain(window.of.place, `${window.frame.aggregate} of a ${type}`, "aggregate a number or boolean");
    return undefined;
  }

  private target(): Resolved["target"] {
    const { target } = this.spec;
    if (!target) return undefined;
    const node = this.attempt(() => this.row(target.expression));
    if (node === undefined) return undefined;
    const { name, expression } = target;
    const column = this.types.has(name);
    if (column && expression.tree.kind !== "name")
      this.complain(expression.place, `${name} is already a column of the data`, "choose another name for the target");
    return { name, node, place: expression.place, column };
  }

  private piece(named: Named): Piece | undefined {
    const known = this.allNames().includes(named.name);
    if (!known)
      this.complain(named.place, `unknown column "${named.name}"`, mendName(named.name, this.allNames(), "columns"));
    const node = known ? this.attempt(() => this.find(named.name)) : undefined;
    if (node === undefined) return undefined;
    const float = /^(FLOAT|DOUBLE|DECIMAL)/.test(this.types.get(named.name) ?? "");
    return { node, name: named.name, float };
  }

  /** Columns that nothing else names, in the order of the data; those that the target is made of are not features. */
  private remainder(target: number | undefined): Resolved["groups"][number] {
    const { spec } = this;
    const used = new Set([...spec.groups.flatMap((g) => g.columns), ...spec.keep].map((c) => c.name));
    for (const name of target === undefined ? [] : columnsRead(this.builder, [target], false)) used.add(name);
    if (spec.time) used.add(spec.time.name);
    const place = spec.file;
    const columns = [...this.types.keys()].filter((name) => !used.has(name)).map((name) => ({ name, place }));
    const group: GroupSpec = { name: "remainder", place, columns, transforms: [] };
    return { group, pieces: columns.flatMap((c) => this.piece(c) ?? []) };
  }

  /** A target made of one column: nothing else may read that column, except through windows of earlier rows. */
  private refuseLeaks(groups: Resolved["groups"], target: number): void {
    const [only, ...others] = columnsRead(this.builder, [target], false);
    if (only === undefined || others.length > 0) return;
    for (const { group, pieces } of groups)
      for (const piece of pieces)
        if (columnsRead(this.builder, [piece.node], true).includes(only)) {
          const place = group.columns.find((c) => c.name === piece.name)?.place ?? group.place;
          this.complain(
            place,
            `${piece.name} reads ${only}, which the target is made of`,
            "use a window of earlier rows",
          );
        }
  }
}
