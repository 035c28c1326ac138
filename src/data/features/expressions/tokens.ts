/** Splits the text of an expression into tokens that know where they stand. */

import { ExpressionProblem } from "./problem.ts";

export type TokenKind = "number" | "text" | "name" | "word" | "sign" | "end";

export interface Token {
  kind: TokenKind;
  /** Text and name without quotes; word in lower case; sign as written. */
  text: string;
  /** Offset of its first character, from 0. */
  at: number;
}

/** Words of the language; a column of such a name is written in double quotes or backquotes. */
const WORDS = new Set(["and", "or", "not", "in", "is", "null", "true", "false"]);
const SIGNS = ["<=", ">=", "==", "!=", "<>", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "<", ">", "="];
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;

/** Throws ExpressionProblem at the first character that belongs to nothing. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    if (/\s/.test(source[at]!)) {
      at++;
      continue;
    }
    const { token, next } = readToken(source, at);
    tokens.push(token);
    at = next;
  }
  tokens.push({ kind: "end", text: "", at: source.length });
  return tokens;
}

function readToken(source: string, at: number): { token: Token; next: number } {
  const first = source[at]!;
  if (first === "'") return readQuoted(source, at, "text");
  if (first === '"' || first === "`") return readQuoted(source, at, "name");
  const number = matchAt(NUMBER, source, at);
  if (number !== undefined) return readNumber(source, number, at);
  const name = matchAt(NAME, source, at);
  if (name !== undefined) {
    const word = name.toLowerCase();
    const token: Token = WORDS.has(word) ? { kind: "word", text: word, at } : { kind: "name", text: name, at };
    return { token, next: at + name.length };
  }
  const sign = SIGNS.find((s) => source.startsWith(s, at));
  if (sign !== undefined) return { token: { kind: "sign", text: sign, at }, next: at + sign.length };
  const mend = first === "&" || first === "|" ? "write and, or" : "remove it";
  throw new ExpressionProblem(`a stray "${String.fromCodePoint(source.codePointAt(at)!)}"`, at, mend);
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function readNumber(source: string, text: string, at: number): { token: Token; next: number } {
  const next = at + text.length;
  if (matchAt(NAME, source, next) !== undefined)
    throw new ExpressionProblem("a number runs into a name", next, "put an operator between them");
  if (!Number.isFinite(Number(text)))
    throw new ExpressionProblem(`the number ${text} is too large`, at, "write a number below 1.8e308");
  return { token: { kind: "number", text, at }, next };
}

/** A quote inside is written twice, as in SQL. */
function readQuoted(source: string, at: number, kind: "text" | "name"): { token: Token; next: number } {
  const quote = source[at]!;
  let text = "";
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] !== quote) text += source[i];
    else if (source[i + 1] === quote) {
      text += quote;
      i++;
    } else return { token: { kind, text, at }, next: i + 1 };
  }
  throw new ExpressionProblem(`a ${quote} that nothing closes`, at, `close it with ${quote}`);
}
