/**
 * The conditions of pandas' DataFrame.query as SQL: comparisons (also chained), in, not in, and, or, not, & | ~, + - * /, lists,
 * `back-ticked names`, name.isnull(). A parser, not a replacing of words: SQL's own precedence and its unknown differ from pandas'.
 */

import { ident, literal } from "../sql.ts";

export class BadCondition extends Error {}

export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "IN" | "NOT IN";

/** A comparison that is never unknown: beside a missing value only `!=` and NOT IN are true, as pandas has it. */
export const comparedSql = (left: string, operator: Operator, right: string): string =>
  `coalesce(${left} ${operator} ${right}, ${operator === "!=" || operator === "NOT IN" ? "TRUE" : "FALSE"})`;

const TOKEN =
  /\s*(?:(`[^`]+`)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(\.\s*(?:not_?null|is_?null|notna|isna)\(\))|(==|!=|<=|>=|[<>()[\],&|~+\-*/])|([A-Za-z_]\w*))/iy;

type Kind = "column" | "text" | "number" | "test" | "sign" | "word";
interface Token {
  kind: Kind;
  text: string;
}

const KINDS: readonly Kind[] = ["column", "text", "number", "test", "sign", "word"];
const COMPARISONS: Record<string, Operator> = { "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=" };

/** The SQL of a condition; throws BadCondition with what cannot be read. */
export function querySql(condition: string): string {
  const tokens = tokensOf(condition);
  if (tokens.length === 0) throw new BadCondition("the condition is empty");
  const parser = new Parser(tokens);
  const sql = parser.either();
  parser.end();
  return sql;
}

function tokensOf(condition: string): Token[] {
  const text = condition.trimEnd();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw cannotRead(text.slice(at, at + 20));
    const group = match.slice(1).findIndex((part) => part !== undefined);
    tokens.push({ kind: KINDS[group]!, text: match[group + 1]! });
  }
  return tokens;
}

const cannotRead = (text: string) => new BadCondition(`cannot read ${JSON.stringify(text)} in the condition`);

class Parser {
  private at = 0;
  constructor(private readonly tokens: readonly Token[]) {}

  /** From loose to tight: or, and, not, comparisons, + -, * /, minus. */
  either(): string {
    const parts = [this.both()];
    while (this.takes("or", "|")) parts.push(this.both());
    return parts.length === 1 ? parts[0]! : `(${parts.join(" OR ")})`;
  }
  end(): void {
    if (this.at < this.tokens.length) throw cannotRead(this.tokens[this.at]!.text);
  }
  private both(): string {
    const parts = [this.negated()];
    while (this.takes("and", "&")) parts.push(this.negated());
    return parts.length === 1 ? parts[0]! : `(${parts.join(" AND ")})`;
  }
  private negated(): string {
    return this.takes("not", "~") ? `(NOT ${this.negated()})` : this.compared();
  }

  /** `1 < x <= 3` is both comparisons; `x == [1, 2]` is `x in [1, 2]`. */
  private compared(): string {
    let left = this.sum();
    const parts: string[] = [];
    for (let operator = this.operator(); operator !== undefined; operator = this.operator()) {
      const isList = this.next?.text === "[" || (this.next?.text === "(" && operator.endsWith("IN"));
      if (operator.endsWith("IN") && !isList) throw cannotRead(this.next?.text ?? "in");
      const among = operator === "=" ? "IN" : operator === "!=" ? "NOT IN" : operator;
      const right = isList ? this.list() : this.sum();
      parts.push(comparedSql(left, isList ? among : operator, right));
      left = right;
    }
    return parts.length === 0 ? left : parts.length === 1 ? parts[0]! : `(${parts.join(" AND ")})`;
  }
  private operator(): Operator | undefined {
    if (this.takes("in")) return "IN";
    if (this.next?.text === "not" && this.tokens[this.at + 1]?.text === "in") {
      this.at += 2;
      return "NOT IN";
    }
    const known = this.next?.kind === "sign" ? COMPARISONS[this.next.text] : undefined;
    if (known !== undefined) this.at++;
    return known;
  }

  private sum(): string {
    let sql = this.product();
    for (let sign = this.takes("+", "-"); sign !== undefined; sign = this.takes("+", "-"))
      sql = `(${sql} ${sign} ${this.product()})`;
    return sql;
  }
  private product(): string {
    let sql = this.unary();
    for (let sign = this.takes("*", "/"); sign !== undefined; sign = this.takes("*", "/"))
      sql = `(${sql} ${sign} ${this.unary()})`;
    return sql;
  }
  private unary(): string {
    return this.takes("-") ? `(-${this.unary()})` : this.tested(this.value());
  }
  /** name.isnull(), name.notnull() and their other spellings. */
  private tested(sql: string): string {
    if (this.next?.kind !== "test") return sql;
    return `(${sql} ${/^\.\s*not/i.test(this.take().text) ? "IS NOT NULL" : "IS NULL"})`;
  }
  private value(): string {
    const { kind, text } = this.take();
    if (kind === "column") return ident(text.slice(1, -1));
    if (kind === "text") return literal(text.slice(1, -1).replace(/\\(.)/g, "$1"));
    if (kind === "number") return text;
    if (kind === "word" && !["and", "or", "not", "in"].includes(text))
      return text === "True" ? "TRUE" : text === "False" ? "FALSE" : ident(text);
    if (text !== "(") throw cannotRead(text);
    const inner = this.either();
    if (!this.takes(")")) throw cannotRead(this.next?.text ?? "(");
    return `(${inner})`;
  }
  private list(): string {
    const close = this.take().text === "[" ? "]" : ")";
    const items: string[] = [];
    while (!this.takes(close)) {
      items.push(this.sum());
      if (!this.takes(",") && this.next?.text !== close) throw cannotRead(this.next?.text ?? close);
    }
    return `(${items.join(", ") || "NULL"})`;
  }

  private get next(): Token | undefined {
    return this.tokens[this.at];
  }
  /** The token, when it is one of these words or signs. */
  private takes(...texts: string[]): string | undefined {
    const { next } = this;
    if (!next || (next.kind !== "word" && next.kind !== "sign") || !texts.includes(next.text)) return undefined;
    this.at++;
    return next.text;
  }
  private take(): Token {
    const { next } = this;
    if (!next) throw new BadCondition("the condition ends too soon");
    this.at++;
    return next;
  }
}
