/**
 * Filter and order_by texts into what they say, before anything is known of what is searched: comparisons joined by AND;
 * a name with an optional direction. There is no OR, no NOT and no nesting in the language.
 */

import { invalid } from "../../base/keys.ts";
import { type Token, tokenize } from "./tokens.ts";

const COMPARATORS = [
  "=",
  "!=",
  ">",
  ">=",
  "<",
  "<=",
  "LIKE",
  "ILIKE",
  "RLIKE",
  "IN",
  "NOT IN",
  "IS NULL",
  "IS NOT NULL",
] as const;
export type Comparator = (typeof COMPARATORS)[number];

/** "metrics.`a b`" is { prefix: "metrics", key: "a b" }; a bare name has no prefix. */
export interface Name {
  prefix?: string;
  key: string;
}

export interface RawClause {
  name: Name;
  comparator: Comparator;
  /** As written: text was quoted, number was not; none after IS NULL. */
  value:
    | { kind: "text"; text: string }
    | { kind: "number"; number: number }
    | { kind: "list"; items: string[] }
    | { kind: "none" };
  /** The clause's own text, for messages. */
  source: string;
}

export interface RawOrder {
  name: Name;
  descending: boolean;
  source: string;
}

class Reader {
  private at = 0;
  constructor(
    private readonly source: string,
    private readonly tokens: readonly Token[],
  ) {}
  get done(): boolean {
    return this.at >= this.tokens.length;
  }
  get position(): number {
    return this.tokens[this.at]?.from ?? this.source.length;
  }
  textSince(from: number): string {
    return this.source.slice(from, this.tokens[this.at - 1]?.to ?? from).trim();
  }
  peek(): Token | undefined {
    return this.tokens[this.at];
  }
  /** The next token when it is of that kind. */
  take(kind: Token["kind"]): Token | undefined {
    const token = this.tokens[this.at];
    if (token?.kind !== kind) return undefined;
    this.at++;
    return token;
  }
  /** True, and past it, when the next tokens are these keywords in any case. */
  keywords(...words: string[]): boolean {
    const match = words.every((word, i) => {
      const token = this.tokens[this.at + i];
      return token?.kind === "name" && token.text.toUpperCase() === word;
    });
    if (match) this.at += words.length;
    return match;
  }
  /** From `from` to the next AND: what a message calls the clause. */
  wrong(from: number): Error {
    const rest = this.source
      .slice(from)
      .split(/\sAND\s/i)[0]!
      .trim();
    return invalid(`Invalid clause(s) in filter string: '${rest.slice(0, 200)}'`);
  }
}

function readName(reader: Reader): Name | undefined {
  const quoted = reader.take("quoted");
  if (quoted) return { key: quoted.text };
  const first = reader.take("name");
  if (!first) return undefined;
  if (!reader.take("dot")) return { key: first.text };
  const exact = reader.take("quoted") ?? reader.take("text");
  if (exact) return { prefix: first.text, key: exact.text };
  const parts: string[] = [];
  do {
    // "span.attributes.`a.b`"
    const part = reader.take("name") ?? reader.take("quoted");
    if (!part) return undefined;
    parts.push(part.text);
  } while (reader.take("dot"));
  return { prefix: first.text, key: parts.join(".") };
}

function readComparator(reader: Reader): Comparator | undefined {
  const sign = reader.take("comparator");
  if (sign) return sign.text as Comparator;
  if (reader.keywords("LIKE")) return "LIKE";
  if (reader.keywords("ILIKE")) return "ILIKE";
  if (reader.keywords("RLIKE")) return "RLIKE";
  if (reader.keywords("IN")) return "IN";
  if (reader.keywords("NOT", "IN")) return "NOT IN";
  if (reader.keywords("IS", "NULL")) return "IS NULL";
  if (reader.keywords("IS", "NOT", "NULL")) return "IS NOT NULL";
  return undefined;
}

function readList(reader: Reader): string[] | undefined {
  if (!reader.take("open")) return undefined;
  const items: string[] = [];
  do {
    const item = reader.take("text");
    if (!item) return undefined;
    items.push(item.text);
    // A comma may end the list, as Python writes a tuple of one.
  } while (reader.take("comma") && reader.peek()?.kind !== "close");
  return reader.take("close") ? items : undefined;
}

function readValue(reader: Reader, comparator: Comparator): RawClause["value"] | undefined {
  if (comparator === "IS NULL" || comparator === "IS NOT NULL") return { kind: "none" };
  if (comparator === "IN" || comparator === "NOT IN") {
    const items = readList(reader);
    return items && { kind: "list", items };
  }
  const text = reader.take("text");
  if (text) return { kind: "text", text: text.text };
  const number = reader.take("number");
  // Stored infinities are the largest numbers, so a literal beyond them means the same.
  const clamp = (value: number) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
  return number && { kind: "number", number: clamp(Number(number.text)) };
}

/** The clauses of a filter; none for an empty one. INVALID names the clause that cannot be read; blanks are none. */
export function parseFilter(source: string): RawClause[] {
  if (source !== "" && source.trim() === "") throw invalid(`Invalid clause(s) in filter string: '${source}'`);
  const reader = new Reader(source, tokenize(source));
  const clauses: RawClause[] = [];
  while (!reader.done) {
    if (clauses.length > 0 && !reader.keywords("AND")) throw reader.wrong(reader.position);
    const from = reader.position;
    const name = readName(reader);
    const comparator = name && readComparator(reader);
    const value = comparator && readValue(reader, comparator);
    if (!name || !comparator || !value) throw reader.wrong(from);
    clauses.push({ name, comparator, value, source: reader.textSince(from) });
  }
  return clauses;
}

/** One element of order_by. */
export function parseOrder(source: string): RawOrder {
  const wrong = () => invalid(`Invalid order_by clause '${source.slice(0, 200)}'. It must be a name, then ASC or DESC`);
  let tokens: Token[];
  try {
    tokens = tokenize(source);
  } catch {
    throw wrong();
  }
  const reader = new Reader(source, tokens);
  const name = readName(reader);
  const descending = reader.keywords("DESC");
  if (!name || !(descending || reader.keywords("ASC") || reader.done) || !reader.done) throw wrong();
  return { name, descending, source: source.trim() };
}
