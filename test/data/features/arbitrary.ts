/** Random frames and random expressions over them, for the property tests. */

import fc from "fast-check";
import type { Frame } from "./frames.ts";
import { frame } from "./frames.ts";

const EXTREMES = [
  0,
  -0,
  1,
  -1,
  0.5,
  2.5,
  -2.5,
  1e-300,
  5e-324,
  1e300,
  -1e300,
  1.7976931348623157e308,
  2 ** 53,
  1e16,
  709,
  -1.5,
];

/** Text that a UTF-8 engine can hold: no lone surrogates; empty, quotes and astral characters included. */
export const text = fc.oneof(
  fc.constantFrom("", "a", "A", "ATL", "it's", 'say "x"', "ß", "é", "\u{ff01}", "😀", "a b", "nan", "1", "%", "\\"),
  fc.string({ unit: "binary", maxLength: 4 }).filter((s) => s.isWellFormed() && !s.includes("\0")),
);
const number = fc.oneof(
  fc.constantFrom(...EXTREMES),
  fc.integer({ min: -50, max: 50 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const small = fc.integer({ min: -3, max: 4 });
const time = fc.oneof(
  fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2001, 0, 9) }),
  fc.integer({ min: Date.UTC(1880, 0, 1), max: Date.UTC(2120, 0, 1) }),
  fc.constantFrom(
    0,
    -1,
    -86_400_000,
    Date.UTC(2000, 1, 29),
    Date.UTC(1999, 11, 31, 23, 59, 59, 999),
    Date.UTC(2021, 0, 3),
  ),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 5 });

/** A frame with columns n and m (any numbers), k (small whole numbers), s and z (text), b (boolean), t and u (times). */
export const frames: fc.Arbitrary<Frame> = fc
  .array(
    fc.record({
      n: maybe(number),
      m: maybe(number),
      k: maybe(small),
      s: maybe(text),
      z: maybe(fc.constantFrom("a", "b", "", "ATL")),
      b: maybe(fc.boolean()),
      t: maybe(time),
      u: maybe(time),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((rows) =>
    frame({
      "n:number": rows.map((r) => r.n),
      "m:number": rows.map((r) => r.m),
      "k:number": rows.map((r) => r.k),
      "s:string": rows.map((r) => r.s),
      "z:string": rows.map((r) => r.z),
      "b:boolean": rows.map((r) => r.b),
      "t:timestamp": rows.map((r) => r.t),
      "u:timestamp": rows.map((r) => r.u),
    }),
  );

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
const constant = fc.oneof(fc.constantFrom("0", "1", "2", "-1", "0.5", "3", "1e300", "7.25"), small.map(String));
const edges = fc
  .uniqueArray(small, { minLength: 1, maxLength: 4 })
  .map((list) => `[${list.toSorted((a, b) => a - b).join(", ")}]`);

const comparison = ([sign, a, b]: [string, string, string]) => `(${a} ${sign} ${b})`;
const call = (names: string[], arg: fc.Arbitrary<string>) =>
  fc.tuple(fc.constantFrom(...names), arg).map(([f, a]) => `${f}(${a})`);

/** Expressions whose value is the same bits in both engines, by type. */
export const expressions = fc.letrec<{ number: string; boolean: string; text: string; time: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 4, depthIdentifier: "e" },
    fc.constantFrom("n", "m", "k", "pi()"),
    constant,
    call(["abs", "floor", "ceil", "sign"], tie("number")),
    fc
      .tuple(fc.constantFrom("+", "-", "*", "/", "%"), tie("number"), tie("number"))
      .map(([o, a, b]) => `(${a} ${o} ${b})`),
    tie("number").map((a) => `-${a}`),
    fc.tuple(tie("number"), fc.integer({ min: 0, max: 3 })).map(([a, d]) => `round(${a}, ${d})`),
    fc.tuple(tie("number"), small, small).map(([a, x, y]) => `clip(${a}, ${Math.min(x, y)}, ${Math.max(x, y)})`),
    fc.tuple(tie("number"), edges).map(([a, e]) => `bucket(${a}, ${e})`),
    fc.tuple(tie("boolean"), tie("number"), tie("number")).map(([c, a, b]) => `if(${c}, ${a}, ${b})`),
    fc
      .tuple(fc.constantFrom("coalesce", "least", "greatest"), tie("number"), tie("number"))
      .map(([f, a, b]) => `${f}(${a}, ${b})`),
    call(["hour", "minute", "second", "day_of_week", "day_of_month", "day_of_year"], tie("time")),
    call(["week", "month", "quarter", "year", "epoch"], tie("time")),
    call(["length"], tie("text")),
    tie("boolean").map((a) => `(${a} + 0)`),
  ),
  boolean: fc.oneof(
    { maxDepth: 4, depthIdentifier: "e" },
    fc.constantFrom("b", "true", "false"),
    fc.tuple(fc.constantFrom("=", "!=", "<", "<=", ">", ">="), tie("number"), tie("number")).map(comparison),
    fc.tuple(fc.constantFrom("=", "!=", "<", "<=", ">", ">="), tie("text"), tie("text")).map(comparison),
    fc.tuple(fc.constantFrom("=", "<", ">="), tie("time"), tie("time")).map(comparison),
    fc.tuple(fc.constantFrom("and", "or"), tie("boolean"), tie("boolean")).map(comparison),
    tie("boolean").map((a) => `(not ${a})`),
    fc
      .tuple(tie("number"), fc.array(small, { minLength: 1, maxLength: 3 }))
      .map(([a, l]) => `(${a} in [${l.join(", ")}])`),
    fc
      .tuple(tie("text"), fc.array(text, { minLength: 1, maxLength: 3 }), fc.constantFrom("in", "not in"))
      .map(([a, l, o]) => `(${a} ${o} [${l.map(quoted).join(", ")}])`),
    fc.tuple(tie("number"), fc.constantFrom("is null", "is not null")).map(([a, o]) => `(${a} ${o})`),
    fc.tuple(tie("text"), fc.constantFrom("is null", "is not null")).map(([a, o]) => `(${a} ${o})`),
    fc
      .tuple(fc.constantFrom("starts_with", "ends_with", "contains"), tie("text"), text)
      .map(([f, a, p]) => `${f}(${a}, ${quoted(p)})`),
    call(["is_weekend"], tie("time")),
  ),
  text: fc.oneof(
    { maxDepth: 3, depthIdentifier: "e" },
    fc.constantFrom("s", "z"),
    text.map(quoted),
    call(["lower", "upper"], tie("text")),
    call(["text"], tie("number")),
    fc.tuple(fc.constantFrom("concat", "coalesce"), tie("text"), tie("text")).map(([f, a, b]) => `${f}(${a}, ${b})`),
    fc.tuple(tie("boolean"), tie("text"), tie("text")).map(([c, a, b]) => `if(${c}, ${a}, ${b})`),
  ),
  time: fc.oneof(
    { maxDepth: 2, depthIdentifier: "e" },
    fc.constantFrom("t", "u"),
    fc.tuple(tie("time"), tie("time")).map(([a, b]) => `coalesce(${a}, ${b})`),
    fc.tuple(tie("boolean"), tie("time"), tie("time")).map(([c, a, b]) => `if(${c}, ${a}, ${b})`),
  ),
}));

/** Functions whose last bits differ between mathematical libraries: only outermost, so that nothing magnifies the difference. */
export const outermost = fc.oneof(
  { weight: 3, arbitrary: expressions.number },
  { weight: 2, arbitrary: expressions.boolean },
  { weight: 1, arbitrary: expressions.text },
  { weight: 2, arbitrary: call(["log", "log1p", "log10", "exp", "sqrt", "sin", "cos"], expressions.number) },
  { weight: 1, arbitrary: fc.tuple(expressions.number, expressions.number).map(([a, b]) => `pow(${a}, ${b})`) },
);
