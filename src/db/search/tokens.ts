/**
 * The words of MLflow's filter and order_by language: names with dots, back-ticked names, quoted text, numbers,
 * comparators, brackets. A quote inside quoted text is written twice.
 */

import { invalid } from "../../base/keys.ts";

export type TokenKind = "name" | "quoted" | "text" | "number" | "comparator" | "dot" | "open" | "close" | "comma";

export interface Token {
  /** "quoted": in back-ticks, only ever a name; "text": in ' or ", a value or (after a dot) a name. */
  kind: TokenKind;
  /** Without its quotes. */
  text: string;
  /** Where it starts and ends in the source. */
  from: number;
  to: number;
}

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ["number", /-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_])/uy],
  ["name", /[\p{L}_][\p{L}\p{N}\p{M}_]*/uy],
  ["quoted", /`[^`]*`/y],
  ["text", /'(?:[^']|'')*'|"(?:[^"]|"")*"/y],
  ["comparator", />=|<=|!=|=|<|>/y],
  ["dot", /\./y],
  ["open", /\(/y],
  ["close", /\)/y],
  ["comma", /,/y],
];

function unquoted(kind: TokenKind, text: string): string {
  if (kind === "quoted") return text.slice(1, -1);
  if (kind !== "text") return text;
  const quote = text[0]!;
  return text.slice(1, -1).replaceAll(quote + quote, quote);
}

/** INVALID where no word of the language stands. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const space = /\s*/y;
  let at = 0;
  const skipSpace = () => {
    space.lastIndex = at;
    at += space.exec(source)![0].length;
  };
  for (skipSpace(); at < source.length; skipSpace()) {
    const token = tokenAt(source, at, tokens.at(-1));
    if (!token) throw invalid(`Invalid clause(s) in filter string: '${source.slice(at, at + 100)}'`);
    tokens.push(token);
    at = token.to;
  }
  return tokens;
}

function tokenAt(source: string, from: number, before: Token | undefined): Token | undefined {
  // After a dot stands a name: `metrics.2021` and `params.1e3` are keys, not numbers.
  const afterDot = before?.kind === "dot" && before.to === from;
  for (const [kind, pattern] of afterDot ? AFTER_DOT : PATTERNS) {
    pattern.lastIndex = from;
    const found = pattern.exec(source);
    if (found) return { kind, text: unquoted(kind, found[0]), from, to: pattern.lastIndex };
  }
  return undefined;
}

const AFTER_DOT: typeof PATTERNS = [
  ["name", /[\p{L}\p{N}_][\p{L}\p{N}\p{M}_]*/uy],
  ["quoted", /`[^`]*`/y],
  ["text", /"[^"]*"|'[^']*'/y],
];
