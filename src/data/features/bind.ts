/**
 * Looks up names, checks types and turns expression trees into operations. Names under derive: are expanded where they are
 * used; a cycle is refused. A boolean is accepted where a number is wanted (0 or 1); text next to a time is read as a time.
 */

import type { ColumnType, Scalar } from "../../base/columns.ts";
import { mendName } from "../../spec/nearest.ts";
import type { BinarySign, Tree } from "./expressions/parse.ts";
import { ExpressionProblem } from "./expressions/problem.ts";
import type { FeatureFunction, Parameter } from "./functions/define.ts";
import { FUNCTIONS, signatureOf } from "./functions/table.ts";
import type { OpParam, ProgramBuilder } from "./program.ts";

/** Gives the operation behind a name, or undefined; may throw when the name is not allowed here. */
export interface Names {
  find(name: string, at: number): number | undefined;
  all(): string[];
}

/** An operation, or the literal null that still has no type. */
type Bound = { index: number; type: ColumnType } | "null";

const ARITHMETIC: Partial<Record<BinarySign, string>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "remainder",
};
const COMPARISON: Partial<Record<BinarySign, string>> = {
  "=": "equal",
  "!=": "not_equal",
  "<": "less",
  "<=": "less_equal",
  ">": "greater",
  ">=": "greater_equal",
};
const SAID: Record<ColumnType, string> = {
  number: "a number",
  string: "text",
  boolean: "a boolean",
  timestamp: "a time",
};

/** Adds an expression to the program. Throws ExpressionProblem. */
export function bindExpression(tree: Tree, builder: ProgramBuilder, names: Names): number {
  const binder = new Binder(builder, names);
  const bound = binder.bind(tree);
  if (bound === "null") throw new ExpressionProblem("an expression that is always missing", tree.at, "remove it");
  return bound.index;
}

class Binder {
  constructor(
    private readonly builder: ProgramBuilder,
    private readonly names: Names,
  ) {}

  bind(tree: Tree): Bound {
    switch (tree.kind) {
      case "number":
        return this.literal(tree.value, "number");
      case "text":
        return this.literal(tree.value, "string");
      case "boolean":
        return this.literal(tree.value, "boolean");
      case "null":
        return "null";
      case "name":
        return this.name(tree.name, tree.at);
      case "call":
        return this.call(tree.name, tree.args, tree.at);
      case "unary":
        return tree.sign === "-"
          ? this.op("negate", "number", [this.as("number", tree.arg)])
          : this.op("not", "boolean", [this.as("boolean", tree.arg)]);
      case "binary":
        return this.binary(tree.sign, tree.left, tree.right, tree.at);
      case "in":
        return this.negate(this.isIn(tree.arg, tree.items), tree.negated);
      case "is_null":
        return this.negate(this.op("is_null", "boolean", [this.known(tree.arg).index]), tree.negated);
      case "list":
        throw new ExpressionProblem("a list of values", tree.at, "lists stand only after in, or as bucket's edges");
      default:
        return tree satisfies never;
    }
  }

  private op(fn: string, type: ColumnType, args: number[], params?: Record<string, OpParam>) {
    return { index: this.builder.call(fn, type, args, params), type };
  }

  private literal(value: Scalar, type: ColumnType) {
    return { index: this.builder.literal(value, type), type };
  }

  private negate(bound: { index: number }, negated: boolean): Bound {
    return negated ? this.op("not", "boolean", [bound.index]) : { index: bound.index, type: "boolean" };
  }

  private name(name: string, at: number): Bound {
    const index = this.names.find(name, at);
    if (index === undefined)
      throw new ExpressionProblem(`unknown column "${name}"`, at, mendName(name, this.names.all(), "columns"));
    return { index, type: this.builder.typeOf(index) };
  }

  /** A tree whose type is known: not a bare null. */
  private known(tree: Tree): { index: number; type: ColumnType } {
    const bound = this.bind(tree);
    if (bound === "null") throw new ExpressionProblem("null alone has no type", tree.at, "test with is null");
    return bound;
  }

  private as(type: ColumnType, tree: Tree): number {
    return this.coerce(this.bind(tree), type, tree);
  }

  private coerce(bound: Bound, type: ColumnType, tree: Tree): number {
    if (bound === "null") return this.builder.literal(null, type);
    if (bound.type === type) return bound.index;
    if (bound.type === "boolean" && type === "number") return this.op("to_number", "number", [bound.index]).index;
    if (type === "timestamp" && tree.kind === "text") return this.builder.literal(timeOf(tree.value, tree.at), type);
    const mend =
      bound.type === "timestamp" && type === "number" ? "use epoch(…) for the seconds of a time" : `give ${SAID[type]}`;
    throw new ExpressionProblem(`${SAID[bound.type]} where ${SAID[type]} should stand`, tree.at, mend);
  }

  private binary(sign: BinarySign, left: Tree, right: Tree, at: number): Bound {
    const fn = ARITHMETIC[sign];
    if (fn !== undefined) return this.op(fn, "number", [this.as("number", left), this.as("number", right)]);
    if (sign === "and" || sign === "or")
      return this.op(sign, "boolean", [this.as("boolean", left), this.as("boolean", right)]);
    const [type, [x, y]] = this.common([left, right], at);
    if (type === "boolean" && sign !== "=" && sign !== "!=")
      throw new ExpressionProblem(`booleans have no order for ${sign}`, at, "use = or !=");
    return this.op(COMPARISON[sign]!, "boolean", [x!, y!]);
  }

  /** Brings trees to one type: the first that is not null, text that stands beside a time, a boolean beside a number. */
  private common(trees: Tree[], at: number): [ColumnType, number[]] {
    const bound = trees.map((tree) => this.bind(tree));
    const types = bound.flatMap((b) => (b === "null" ? [] : [b.type]));
    const type = (["timestamp", "number"] as const).find((t) => types.includes(t)) ?? types[0];
    if (type === undefined) throw new ExpressionProblem("only nulls, so nothing has a type", at, "give a value");
    return [type, bound.map((b, i) => this.coerce(b, type, trees[i]!))];
  }

  private isIn(arg: Tree, items: Tree[]): { index: number } {
    const known = this.known(arg);
    const { index, type } = known.type === "boolean" ? this.op("to_number", "number", [known.index]) : known;
    if (type !== "number" && type !== "string")
      throw new ExpressionProblem(`${SAID[type]} before in`, arg.at, "in takes a number or text");
    if (items.length === 0) throw new ExpressionProblem("an empty list after in", arg.at, "name at least one value");
    const values = items.map((item) => {
      const wanted = type === "number" ? "number" : "text";
      if (item.kind !== wanted) throw new ExpressionProblem(`not a constant ${wanted}`, item.at, `write a ${wanted}`);
      return (item as { value: string | number }).value;
    });
    return this.op("in", "boolean", [index], { values: [...new Set(values)] });
  }

  private call(name: string, args: Tree[], at: number): Bound {
    const f = FUNCTIONS.get(name);
    if (f === undefined)
      throw new ExpressionProblem(`unknown function "${name}"`, at, mendName(name, FUNCTIONS.keys(), "functions"));
    checkCount(f, args.length, at);
    const paired = args.map((arg, i) => [f.takes[Math.min(i, f.takes.length - 1)]!, arg] as const);
    const params: Record<string, OpParam> = {};
    for (const [p, arg] of paired) if (isConstant(p)) params[p.name] = constant(p, arg);
    const wrong = Object.keys(params).length > 0 ? f.check?.(params) : undefined;
    if (wrong) throw new ExpressionProblem(`${name}: ${wrong}`, at, `see ${signatureOf(f)} in docs/features.md`);
    const same = paired.filter(([p]) => p.type === "same").map(([, arg]) => arg);
    const [type, sameArgs] = same.length > 0 ? this.common(same, at) : [undefined, []];
    let next = 0;
    const values = paired
      .filter(([p]) => !isConstant(p))
      .map(([p, arg]) => (p.type === "same" ? sameArgs[next++]! : this.as(p.type as ColumnType, arg)));
    const gives = f.gives === "same" ? type! : f.gives;
    return this.op(name, gives, values, Object.keys(params).length > 0 ? params : undefined);
  }
}

const isConstant = (p: Parameter): boolean => p.constant === true || p.type === "numbers";

/** Throws ExpressionProblem when the function takes fewer or more. */
function checkCount(f: FeatureFunction, count: number, at: number): void {
  const least = f.takes.filter((p) => !p.optional).length;
  const most = f.takes.at(-1)?.rest ? Number.POSITIVE_INFINITY : f.takes.length;
  if (count >= least && count <= most) return;
  const said =
    least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
  throw new ExpressionProblem(`${f.name} takes ${said}, not ${count}`, at, `write ${signatureOf(f)}`);
}

function constant(p: Parameter, tree: Tree): OpParam {
  if (p.type === "numbers") {
    if (tree.kind !== "list" || tree.items.some((item) => item.kind !== "number"))
      throw new ExpressionProblem(`${p.name} is not a list of numbers`, tree.at, "write it as [1, 2, 3]");
    return tree.items.map((item) => (item as { value: number }).value);
  }
  const wanted = p.type === "string" ? "text" : "number";
  if (tree.kind !== wanted)
    throw new ExpressionProblem(
      `${p.name} is not a constant ${wanted}`,
      tree.at,
      `write a ${wanted}, not an expression`,
    );
  return (tree as { value: string | number }).value;
}

/** ISO 8601; without a zone it is UTC. */
function timeOf(text: string, at: number): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  const timeMs = match ? Date.parse(`${match[1]}T${match[2] ?? "00:00"}${match[3] ?? "Z"}`) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new ExpressionProblem(`'${text}' is not a time`, at, "write it as '2001-02-28' or '2001-02-28 13:30:00'");
  return timeMs;
}
