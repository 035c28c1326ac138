/**
 * Fields of MLflow's requests: protobuf as JSON. A field reads a value of the query string or of the body and says what is
 * wrong in MLflow's words. Unknown fields are ignored, names may be in camel case, null counts as absent, 64-bit integers and
 * floats may come as text.
 */

import { invalid } from "../../base/keys.ts";

export interface Field<T> {
  /** For the docs: "text", "integer", "list of …". */
  kind: string;
  required: boolean;
  /** Another name that clients use. */
  also?: string;
  read(value: unknown, path: string): T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValuesOf<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

const SEE = "See the API docs for more information about request parameters.";

const pythonType = (value: unknown): string => {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return { string: "str", boolean: "bool" }[typeof value as string] ?? "dict";
};

const wrongType = (value: unknown, path: string) =>
  invalid(
    `Invalid value ${JSON.stringify(value)} for parameter '${path}' supplied:  Hint: Value was of type '${pythonType(value)}'. ${SEE}`,
  );

const missing = (path: string) => invalid(`Missing value for required parameter '${path}'. ${SEE}`);

function optional<T>(kind: string, read: (value: unknown) => T | undefined): Field<T | undefined> {
  return {
    kind,
    required: false,
    read(value, path) {
      if (value === undefined || value === null) return undefined;
      const known = read(value);
      if (known === undefined) throw wrongType(value, path);
      return known;
    },
  };
}

/** The same field, refused when it is absent, null or an empty text. */
export function required<T>(field: Field<T | undefined>): Field<T> {
  return {
    ...field,
    required: true,
    read(value, path) {
      const known = value === "" ? undefined : field.read(value, path);
      if (known === undefined) throw missing(path);
      return known;
    },
  };
}

/** The same field, also read under another name. */
export const named = <T>(field: Field<T>, also: string): Field<T> => ({ ...field, also });

export const text = optional("text", (value) => (typeof value === "string" ? value : undefined));

const INTEGER = /^-?\d{1,19}$/;
/** The largest number below 2^63 that we can tell apart. */
const INTEGER_MAX = 2 ** 63 - 1024;
/** What 64 bits hold, which is what the protocol and the databases call an integer; their last few read as 2^63 here. */
const asInteger = (value: number): number | undefined =>
  Number.isInteger(value) && Math.abs(value) <= 2 ** 63 ? Math.min(value, INTEGER_MAX) : undefined;
export const integer = optional("integer", (value) => {
  if (typeof value === "number") return asInteger(value);
  return typeof value === "string" && INTEGER.test(value) ? asInteger(Number(value)) : undefined;
});

/** As JSON's protobuf and as Python write them. */
const INFINITY = /^([+-]?)inf(inity)?$/i;
export const float = optional("number", (value) => {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  if (/^[+-]?nan$/i.test(value)) return Number.NaN;
  const infinite = INFINITY.exec(value);
  if (infinite) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const known = Number(value);
  return Number.isNaN(known) ? undefined : known;
});

export const bool = optional("boolean", (value) => {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  return word === "true" ? true : word === "false" ? false : undefined;
});

/** One of the names, or its number in the protocol (counted from 1). */
export const choice = <T extends string>(...names: readonly T[]): Field<T | undefined> =>
  optional(names.join(", "), (value) => {
    if (typeof value === "string" && INTEGER.test(value)) return names[Number(value) - 1];
    if (typeof value === "number") return names[value - 1];
    return names.find((name) => name === value);
  });

/** A JSON object as it is. */
export const object = optional("object", (value) =>
  typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined,
);

/** Several of them; absent is an empty list. */
export function list<T>(item: Field<T>): Field<NonNullable<T>[]> {
  return {
    kind: `list of ${item.kind}`,
    required: false,
    read(value, path) {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) throw wrongType(value, path);
      return value.map((one, i) => {
        const known = item.read(one, `${path}[${i}]`);
        if (known === undefined || known === null) throw wrongType(one, `${path}[${i}]`);
        return known;
      });
    },
  };
}

/** A list with at least one item. */
export const filled = <T>(field: Field<T[]>): Field<T[]> => ({
  ...field,
  required: true,
  read(value, path) {
    const items = field.read(value, path);
    if (items.length === 0) throw missing(path);
    return items;
  },
});

/** A list that must be there, even if it holds nothing. */
export const given = <T>(field: Field<T[]>): Field<T[]> => ({
  ...field,
  required: true,
  read(value, path) {
    if (value === undefined || value === null) throw missing(path);
    return field.read(value, path);
  },
});

/** An object with fields of its own. */
export function message<F extends Fields>(fields: F): Field<ValuesOf<F> | undefined> {
  return {
    kind: `{${Object.keys(fields).join(", ")}}`,
    required: false,
    read(value, path) {
      if (value === undefined || value === null) return undefined;
      if (typeof value !== "object" || Array.isArray(value)) throw wrongType(value, path);
      return readFields(fields, value as Record<string, unknown>, `${path}.`);
    },
  };
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Fields with their other names, made once: a batch reads them a thousand times. */
const prepared = new WeakMap<Fields, { name: string; others: string[]; field: Field<unknown> }[]>();

function prepare(fields: Fields) {
  const list = Object.entries(fields).map(([name, field]) => {
    const others = [camel(name), field.also].filter((other) => other !== undefined && other !== name) as string[];
    return { name, others, field };
  });
  prepared.set(fields, list);
  return list;
}

/** All fields of a request or of an object inside it; the first that is wrong is said. */
export function readFields<F extends Fields>(
  fields: F,
  values: Readonly<Record<string, unknown>>,
  prefix = "",
): ValuesOf<F> {
  const read: Record<string, unknown> = {};
  for (const { name, others, field } of prepared.get(fields) ?? prepare(fields)) {
    let value = values[name];
    for (let i = 0; i < others.length && (value === undefined || value === null); i++) value = values[others[i]!];
    read[name] = field.read(value, prefix + name);
  }
  return read as ValuesOf<F>;
}

/** {key, value}; the key may be missing only to be complained about. */
export const pair = message({
  key: required(text),
  value: { ...text, read: (v: unknown, p: string) => text.read(v, p) ?? "" },
});
