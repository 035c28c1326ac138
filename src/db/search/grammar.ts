/**
 * What may be searched: for each kind of thing a table of entities (metric, param, tag, attribute, …), their names, keys and
 * comparators. Raw clauses are held against the table and come out typed.
 */

import { invalid } from "../../base/keys.ts";
import { type Comparator, parseFilter, parseOrder, type RawClause } from "./parse.ts";

export const NUMERIC: readonly Comparator[] = ["=", "!=", ">", ">=", "<", "<="];
export const TEXTUAL: readonly Comparator[] = ["=", "!=", "LIKE", "ILIKE"];
export const TEXT_OR_LIST: readonly Comparator[] = [...TEXTUAL, "IN", "NOT IN"];
export const TEXT_OR_NULL: readonly Comparator[] = [...TEXTUAL, "IS NULL", "IS NOT NULL"];

const ORDERING: readonly Comparator[] = [">", ">=", "<", "<="];
export const TEXT_OR_ORDER: readonly Comparator[] = [...TEXT_OR_NULL, ...ORDERING];

export interface KeyRule {
  /** "either": a number after <, <=, > and >=, a text after all else. */
  kind: "text" | "number" | "either";
  comparators: readonly Comparator[];
  /** Other spellings. */
  also?: readonly string[];
  /** False: may be filtered on, not ordered by. */
  order?: boolean;
}

export interface EntityRule {
  /** Prefixes that mean it. */
  names: readonly string[];
  /** One rule for any key, or a table of the keys there are. */
  keys: KeyRule | Readonly<Record<string, KeyRule>>;
}

export interface Grammar {
  /** Entity → rule. */
  entities: Readonly<Record<string, EntityRule>>;
  /** The entity of a name without a prefix. */
  bare: string;
  /** Whether order_by may name a key twice; the first counts. */
  repeatedOrder?: boolean;
}

export interface Clause {
  entity: string;
  key: string;
  comparator: Comparator;
  /** A number for numeric keys, a list for IN and NOT IN, null for IS NULL. */
  value: string | number | readonly string[] | null;
}

export interface Order {
  entity: string;
  key: string;
  descending: boolean;
}

const isOneRule = (keys: EntityRule["keys"]): keys is KeyRule => Array.isArray((keys as KeyRule).comparators);

const quotedList = (items: readonly string[]): string => `[${items.map((item) => `'${item}'`).join(", ")}]`;

function entityOf(grammar: Grammar, prefix: string | undefined): string {
  if (prefix === undefined) return grammar.bare;
  for (const [entity, rule] of Object.entries(grammar.entities)) if (rule.names.includes(prefix)) return entity;
  throw invalid(
    `Invalid entity type '${prefix}'. Valid values are ${quotedList(Object.values(grammar.entities).map((rule) => rule.names[0]!))}`,
  );
}

/** The key in its own spelling, and its rule. */
function keyOf(grammar: Grammar, entity: string, key: string): { key: string; rule: KeyRule } {
  const { keys } = grammar.entities[entity]!;
  if (isOneRule(keys)) {
    if (key === "") throw invalid(`Invalid ${entity} key ''`);
    return { key, rule: keys };
  }
  for (const [name, rule] of Object.entries(keys))
    if (name === key || rule.also?.includes(key)) return { key: name, rule };
  throw invalid(`Invalid ${entity} key '${key}' specified. Valid keys are ${quotedList(Object.keys(keys))}`);
}

function typedValue(raw: RawClause, entity: string, rule: KeyRule): Clause["value"] {
  const { value } = raw;
  if (value.kind === "none") return null;
  if (value.kind === "list") return value.items;
  if (rule.kind === "number" || (rule.kind === "either" && ORDERING.includes(raw.comparator))) {
    if (value.kind === "number") return value.number;
    throw invalid(`Expected numeric value type for ${entity}. Found '${value.text}' in '${raw.source}'`);
  }
  if (value.kind === "text") return value.text;
  throw invalid(
    `Expected a quoted string value for ${entity} (e.g. 'my-value'). Got value ${value.number} in '${raw.source}'`,
  );
}

/** The filter's clauses, typed; INVALID says which part the grammar has not. */
export function readFilter(grammar: Grammar, filter: string): Clause[] {
  return parseFilter(filter).map((raw) => {
    const entity = entityOf(grammar, raw.name.prefix);
    const { key, rule } = keyOf(grammar, entity, raw.name.key);
    if (!rule.comparators.includes(raw.comparator))
      throw invalid(
        `Invalid comparator '${raw.comparator}' for ${entity} '${key}'. It must be one of ${rule.comparators.join(", ")}`,
      );
    return { entity, key, comparator: raw.comparator, value: typedValue(raw, entity, rule) };
  });
}

/** The terms of order_by. A key that is named twice is INVALID, or counts once where the grammar says so. */
export function readOrder(grammar: Grammar, orderBy: readonly string[]): Order[] {
  const seen = new Set<string>();
  return orderBy.flatMap((text) => {
    const raw = parseOrder(text);
    const entity = entityOf(grammar, raw.name.prefix);
    const { key, rule } = keyOf(grammar, entity, raw.name.key);
    if (rule.order === false) throw invalid(`Invalid order_by key '${raw.source}': ${entity} '${key}' has no order`);
    const id = `${entity} ${key}`;
    if (seen.has(id) && grammar.repeatedOrder) return [];
    if (seen.has(id)) throw invalid(`\`order_by\` contains duplicate fields: ${quotedList(orderBy)}`);
    seen.add(id);
    return [{ entity, key, descending: raw.descending }];
  });
}
