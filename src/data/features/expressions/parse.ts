/**
 * Parses an expression into a tree. From loose to tight: or, and, not, comparisons (also `in` and `is null`), + -, * / %,
 * minus. Comparisons do not chain. Names are not looked up here.
 */

import { ExpressionProblem } from "./problem.ts";
import { type Token, tokenize } from "./tokens.ts";

export type BinarySign = "+" | "-" | "*" | "/" | "%" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or";

/** `at` is the offset in the source where the node's own sign or name stands. */
export type Tree = { at: number } & (
  | { kind: "number"; value: number }
  | { kind: "text"; value: string }
  | { kind: "boolean"; value: boolean }
  | { kind: "null" }
  | { kind: "name"; name: string }
  | { kind: "call"; name: string; args: Tree[] }
  | { kind: "unary"; sign: "-" | "not"; arg: Tree }
  | { kind: "binary"; sign: BinarySign; left: Tree; right: Tree }
  | { kind: "in"; arg: Tree; items: Tree[]; negated: boolean }
  | { kind: "is_null"; arg: Tree; negated: boolean }
  | { kind: "list"; items: Tree[] }
);

/** Deeper nesting than this is refused: every level becomes a subquery. */
const DEPTH_MAX = 100;
const LENGTH_MAX = 10_000;
const COMPARISONS: Record<string, BinarySign> = {
  "=": "=",
  "==": "=",
  "!=": "!=",
  "<>": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

/** Throws ExpressionProblem with the offset of the first thing that does not fit. */
export function parseExpression(source: string): Tree {
  if (source.length > LENGTH_MAX)
    throw new ExpressionProblem(`an expression of ${source.length} characters`, 0, `keep it below ${LENGTH_MAX}`);
  const parser = new Parser(tokenize(source));
  const tree = parser.whole();
  if (depthOf(tree) > DEPTH_MAX)
    throw new ExpressionProblem("an expression that is nested too deep", tree.at, "name parts of it under derive");
  return tree;
}

/** The trees directly below one. */
export function children(tree: Tree): Tree[] {
  switch (tree.kind) {
    case "call":
      return tree.args;
    case "unary":
    case "is_null":
      return [tree.arg];
    case "binary":
      return [tree.left, tree.right];
    case "in":
      return [tree.arg, ...tree.items];
    case "list":
      return tree.items;
    default:
      return [];
  }
}

function depthOf(tree: Tree): number {
  let depth = 0;
  for (let level = [tree]; level.length > 0; level = level.flatMap(children)) depth++;
  return depth;
}

class Parser {
  private position = 0;
  private open = 0;
  constructor(private readonly tokens: Token[]) {}

  whole(): Tree {
    const tree = this.or();
    const left = this.peek();
    if (left.kind !== "end") throw this.unexpected(left, "an operator");
    return tree;
  }

  private or(): Tree {
    return this.chain(() => this.and(), ["or"]);
  }

  private and(): Tree {
    return this.chain(() => this.not(), ["and"]);
  }

  private not(): Tree {
    const token = this.peek();
    if (!this.take("word", "not")) return this.comparison();
    return this.nested(token, () => ({ kind: "unary", sign: "not", arg: this.not(), at: token.at }));
  }

  private comparison(): Tree {
    const left = this.sum();
    const token = this.peek();
    const sign = token.kind === "sign" ? COMPARISONS[token.text] : undefined;
    if (sign !== undefined) {
      this.position++;
      const tree: Tree = { kind: "binary", sign, left, right: this.sum(), at: token.at };
      return this.refuseChain(tree);
    }
    if (this.take("word", "is")) return this.isNull(left, token.at);
    const negated = token.text === "not" && token.kind === "word";
    if (negated && this.tokens[this.position + 1]?.text !== "in") return left;
    if (negated) this.position++;
    if (!this.take("word", "in")) return left;
    return { kind: "in", arg: left, items: this.list(), negated, at: token.at };
  }

  private refuseChain(tree: Tree): Tree {
    const next = this.peek();
    if (next.kind === "sign" && COMPARISONS[next.text] !== undefined)
      throw new ExpressionProblem("two comparisons in a row", next.at, "write a < b and b < c");
    return tree;
  }

  private isNull(arg: Tree, at: number): Tree {
    const negated = this.take("word", "not");
    if (!this.take("word", "null")) throw this.unexpected(this.peek(), "null");
    return { kind: "is_null", arg, negated, at };
  }

  private sum(): Tree {
    return this.chain(() => this.product(), ["+", "-"]);
  }

  private product(): Tree {
    return this.chain(() => this.minus(), ["*", "/", "%"]);
  }

  private minus(): Tree {
    const token = this.peek();
    if (!this.take("sign", "-")) return this.atom();
    return this.nested(token, () => {
      const arg = this.minus();
      if (arg.kind === "number") return { kind: "number", value: -arg.value, at: token.at };
      return { kind: "unary", sign: "-", arg, at: token.at };
    });
  }

  private atom(): Tree {
    const token = this.tokens[this.position++]!;
    const at = token.at;
    if (token.kind === "number") return { kind: "number", value: Number(token.text), at };
    if (token.kind === "text") return { kind: "text", value: token.text, at };
    if (token.kind === "name") return this.nameOrCall(token);
    if (token.kind === "word" && (token.text === "true" || token.text === "false"))
      return { kind: "boolean", value: token.text === "true", at };
    if (token.kind === "word" && token.text === "null") return { kind: "null", at };
    this.position--;
    if (token.text === "[") return this.nested(token, () => ({ kind: "list", items: this.list(), at }));
    if (!this.take("sign", "(")) throw this.unexpected(token, "a value");
    return this.nested(token, () => {
      const inner = this.or();
      this.need(")");
      return inner;
    });
  }

  private nameOrCall(token: Token): Tree {
    if (!this.take("sign", "(")) return { kind: "name", name: token.text, at: token.at };
    return this.nested(token, () => {
      const args = this.items(")");
      return { kind: "call", name: token.text, args, at: token.at };
    });
  }

  private list(): Tree[] {
    this.need("[");
    return this.items("]");
  }

  private items(end: string): Tree[] {
    const items: Tree[] = [];
    if (this.take("sign", end)) return items;
    do items.push(this.or());
    while (this.take("sign", ","));
    this.need(end);
    return items;
  }

  private chain(operand: () => Tree, signs: readonly BinarySign[]): Tree {
    let left = operand();
    for (;;) {
      const token = this.peek();
      const sign = signs.find((s) => (token.kind === "sign" || token.kind === "word") && s === token.text);
      if (sign === undefined) return left;
      this.position++;
      left = { kind: "binary", sign, left, right: operand(), at: token.at };
    }
  }

  /** Guards the call stack against thousands of brackets. */
  private nested(token: Token, read: () => Tree): Tree {
    if (++this.open > DEPTH_MAX)
      throw new ExpressionProblem("an expression that is nested too deep", token.at, "name parts of it under derive");
    const tree = read();
    this.open--;
    return tree;
  }

  private peek(): Token {
    return this.tokens[this.position]!;
  }

  private take(kind: Token["kind"], text: string): boolean {
    const token = this.peek();
    if (token.kind !== kind || token.text !== text) return false;
    this.position++;
    return true;
  }

  private need(sign: string): void {
    if (!this.take("sign", sign)) throw this.unexpected(this.peek(), `"${sign}"`);
  }

  private unexpected(token: Token, wanted: string): ExpressionProblem {
    const found = token.kind === "end" ? "the expression ends" : `there is "${token.text}"`;
    const mend = token.text === "not" ? "put brackets around it: (not …)" : `put ${wanted} there`;
    return new ExpressionProblem(`${found} where ${wanted} should stand`, token.at, mend);
  }
}
