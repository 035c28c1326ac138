import { describe, expect, test } from "bun:test";
import { parseExpression, type Tree } from "../../../src/data/features/expressions/parse.ts";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { complaints, frame, testDuck } from "./frames.ts";

const duck = await testDuck();
const people = frame({
  "age:number": [30, 40, null, 20],
  "city:string": ["Rome", "Oslo", "Rome", null],
  "member:boolean": [true, false, true, null],
  "since:timestamp": ["2001-01-01T00:00:00", "2001-02-01T00:00:00", null, "2001-03-01T00:00:00"],
  "first name:string": ["a", "b", "c", "d"],
  "empty:number": [null, null, null, null],
  "huge:number": [1e200, 1, 2, 3],
});
await duck.load("people", people.specs, people.batch);

/** The tree as text with every bracket. */
function shown(tree: Tree): string {
  switch (tree.kind) {
    case "binary":
      return `(${shown(tree.left)} ${tree.sign} ${shown(tree.right)})`;
    case "unary":
      return `(${tree.sign} ${shown(tree.arg)})`;
    case "call":
      return `${tree.name}(${tree.args.map(shown).join(", ")})`;
    case "in":
      return `(${shown(tree.arg)} ${tree.negated ? "not in" : "in"} [${tree.items.map(shown).join(", ")}])`;
    case "is_null":
      return `(${shown(tree.arg)} is ${tree.negated ? "not " : ""}null)`;
    case "list":
      return `[${tree.items.map(shown).join(", ")}]`;
    case "name":
      return tree.name;
    case "null":
      return "null";
    default:
      return JSON.stringify(tree.value);
  }
}

describe("the grammar", () => {
  const cases: [string, string][] = [
    ["a + b * c - d", "((a + (b * c)) - d)"],
    ["a / b / c % d", "(((a / b) / c) % d)"],
    ["-a * -2", "((- a) * -2)"],
    ["not a = b or c and not d", "((not (a = b)) or (c and (not d)))"],
    ["a <> b and c == d", "((a != b) and (c = d))"],
    ["x not in ['it''s', ''] and y in [1, -2.5e3]", '((x not in ["it\'s", ""]) and (y in [1, -2500]))'],
    ["a is not null OR NOT b IS NULL", "((a is not null) or (not (b is null)))"],
    ['"first name" = `last ``name`', "(first name = last `name)"],
    ["f(g(), [1, 2], (h))", "f(g(), [1, 2], h)"],
    ["été + _x1", "(été + _x1)"],
  ];
  for (const [source, tree] of cases) test(source, () => expect(shown(parseExpression(source))).toBe(tree));
});

/** The complaint about one expression. */
const about = async (expression: string): Promise<string> => {
  const yaml = JSON.stringify({ derive: { x: expression }, features: { f: ["x"] } });
  const [line] = await complaints(() => fitFeatures(duck, "people", parseFeatures(yaml, "features.yaml")));
  return line!.replace("error[FEATURES_INVALID] features.yaml:1 derive.x: ", "");
};

describe("a bad expression is told with its column and a mend", () => {
  const columns = "the columns are age, city, member, since, first name, empty, huge, x";
  const cases: [string, string][] = [
    ["age +", "the expression ends where a value should stand, at column 6 of: age +. Mend: put a value there."],
    ["(age", 'the expression ends where ")" should stand, at column 5 of: (age. Mend: put ")" there.'],
    ["age age", 'there is "age" where an operator should stand, at column 5 of: age age. Mend: put an operator there.'],
    ["age && 1", 'a stray "&", at column 5 of: age && 1. Mend: write and, or.'],
    ["city = 'Rome", "a ' that nothing closes, at column 8 of: city = 'Rome. Mend: close it with '."],
    ["1 < age < 2", "two comparisons in a row, at column 9 of: 1 < age < 2. Mend: write a < b and b < c."],
    [
      "1 + not member",
      'there is "not" where a value should stand, at column 5 of: 1 + not member. Mend: put brackets around it: (not …).',
    ],
    ["12abc", "a number runs into a name, at column 3 of: 12abc. Mend: put an operator between them."],
    ["1e999", "the number 1e999 is too large, at column 1 of: 1e999. Mend: write a number below 1.8e308."],
    ["agee + 1", `unknown column "agee", at column 1 of: agee + 1. Mend: write age; ${columns}.`],
    ["huor(since)", 'unknown function "huor", at column 1 of: huor(since). Mend: write hour.'],
    ["clip(age, 1)", "clip takes 3, not 2, at column 1 of: clip(age, 1). Mend: write clip(x, low, high)."],
    [
      "round(age, age)",
      "digits is not a constant number, at column 12 of: round(age, age). Mend: write a number, not an expression.",
    ],
    [
      "clip(age, 9, 1)",
      "clip: low must not be above high, at column 1 of: clip(age, 9, 1). Mend: see clip(x, low, high) in docs/features.md.",
    ],
    [
      "bucket(age, [3, 1])",
      "bucket: edges must rise, at column 1 of: bucket(age, [3, 1]). Mend: see bucket(x, edges) in docs/features.md.",
    ],
    [
      "since - since",
      "a time where a number should stand, at column 1 of: since - since. Mend: use epoch(…) for the seconds of a time.",
    ],
    [
      "since > 'soon'",
      "'soon' is not a time, at column 9 of: since > 'soon'. Mend: write it as '2001-02-28' or '2001-02-28 13:30:00'.",
    ],
    ["city + 1", "text where a number should stand, at column 1 of: city + 1. Mend: give a number."],
    ["age and member", "a number where a boolean should stand, at column 1 of: age and member. Mend: give a boolean."],
    ["member < member", "booleans have no order for <, at column 8 of: member < member. Mend: use = or !=."],
    [
      "if(member, age, city)",
      "text where a number should stand, at column 17 of: if(member, age, city). Mend: give a number.",
    ],
    ["age in []", "an empty list after in, at column 1 of: age in []. Mend: name at least one value."],
    ["age in ['a']", "not a constant number, at column 9 of: age in ['a']. Mend: write a number."],
    ["null", "an expression that is always missing, at column 1 of: null. Mend: remove it."],
    ["x + 1", "x is made of itself, at column 1 of: x + 1. Mend: break the circle."],
    [`${"(".repeat(101)}1${")".repeat(101)}`, "an expression that is nested too deep, at column 101 of: "],
    [Array.from({ length: 200 }, () => "age").join(" + "), "an expression that is nested too deep, at column "],
    ["a".repeat(10_001), "an expression of 10001 characters, at column 1 of: "],
  ];
  for (const [expression, complaint] of cases)
    test(expression.slice(0, 40), async () => expect(await about(expression)).toStartWith(complaint));
});

test("every complaint of a file is told at once, each with its line", async () => {
  const yaml = `
time: [since]
traget: age
where: "1 +"
derive: { x: hourr(since), y: "" }
windows:
  w: { rows: 3, mean: age }
  v: { entity: city, rows: 3, range: 7d, mean: age }
  u: { entity: city, range: soon, mean: age, sum: age }
  t: { entity: city, rows: 0, closed: middle, mean: age, order: since }
features:
  num:
    columns: [age, age]
    scale: normal
    one_hot: { drop: last, min_freq: 2 }
    ordinal: true
  a__b: [city]
  none: { scale: standard }
remainder: keep
verbose_feature_names_out: 1
`;
  const told = await complaints(() => parseFeatures(yaml, "features.yaml"));
  expect(told.map((line) => line.replace("error[FEATURES_INVALID] features.yaml:", ""))).toEqual([
    '2 time: ["since"] is not a column\'s name. Mend: write one name.',
    "3 traget: unknown key traget. Mend: write target.",
    "4 where: the expression ends where a value should stand, at column 4 of: 1 +. Mend: put a value there.",
    '5 derive.x: unknown function "hourr", at column 1 of: hourr(since). Mend: write hour.',
    '5 derive.y: "" is not an expression. Mend: write one, such as log1p(distance).',
    "7 windows.w: a window without entity. Mend: add entity: column.",
    "8 windows.v: a window without a time. Mend: add order: column here, or time: at the top.",
    "9 windows.u: a window without a time. Mend: add order: column here, or time: at the top.",
    '10 windows.t.closed: "middle" is not allowed. Mend: write left or right.',
    "10 windows.t.rows: 0 is not allowed. Mend: write a whole number from 1 to 10000.",
    "12 features.num: one_hot and ordinal in one group. Mend: put the columns into two groups.",
    "13 features.num.columns[1]: age stands here twice. Mend: remove one.",
    '14 features.num.scale: "normal" is not allowed. Mend: use one of the values: standard, min_max.',
    "15 features.num.one_hot.min_freq: unknown key min_freq. Mend: use one of the keys: handle_unknown, min_frequency, max_categories, drop, categories.",
    '15 features.num.one_hot.drop: "last" is not allowed. Mend: use one of the values: first, if_binary.',
    '17 features.a__b: the group\'s name a__b holds "__". Mend: that separates group and column; rename it.',
    "18 features.none: the group has no columns. Mend: add columns: [name, …].",
    '19 remainder: "keep" is not allowed. Mend: write drop or passthrough.',
    "20 verbose_feature_names_out: 1 is not allowed. Mend: write true or false.",
  ]);
});

test("every complaint that only the data can tell is told at once", async () => {
  const yaml = `
time: sinc
target: { age: age + 1 }
where: age
derive:
  city: upper(city)
  tall: hieght * 2
  taller: tall + 1
  smooth: w + 1
windows:
  w: { entity: citi, order: since, rows: 2, mean: city }
features:
  num: [taller, unknown, smooth]
keep: [tall]
`;
  const told = await complaints(() => fitFeatures(duck, "people", parseFeatures(yaml, "features.yaml")));
  const columns = "age, city, member, since, first name, empty, huge";
  expect(told.map((line) => line.replace("error[FEATURES_INVALID] features.yaml:", ""))).toEqual([
    `2 time: unknown column "sinc". Mend: write since; the columns are ${columns}.`,
    "3 target.age: age is already a column of the data. Mend: choose another name for the target.",
    "4 where: a number where a condition should stand. Mend: compare it: delay > 0.",
    "6 derive.city: city is already a column of the data. Mend: choose another name.",
    `7 derive.tall: unknown column "hieght", at column 1 of: hieght * 2. Mend: use one of the columns: ${columns}, tall, taller, smooth, w.`,
    `11 windows.w.entity: unknown column "citi". Mend: write city; the columns are ${columns}.`,
    "11 windows.w.mean: mean of a string. Mend: aggregate a number or boolean.",
    `13 features.num[1]: unknown column "unknown". Mend: use one of the columns: ${columns}, tall, taller, smooth, w.`,
    `14 keep[0]: tall is not a column of the data. Mend: use one of the columns: ${columns}.`,
  ]);
});

/** The complaints about a file over the people. */
const refused = async (yaml: string): Promise<string[]> => {
  const told = await complaints(() => fitFeatures(duck, "people", parseFeatures(yaml, "features.yaml")));
  return told.map((line) => line.replace("error[FEATURES_INVALID] features.yaml:", ""));
};

test("what a transform cannot learn from is refused with the column and the line", async () => {
  const imputing = `
features:
  a: { columns: [empty], impute: mean }
  b: { columns: [city], impute: median }
  c: { columns: [since], impute: { strategy: constant, value: 3 } }
  d: { columns: [age], impute: { strategy: constant, value: none } }
`;
  expect(await refused(imputing)).toEqual([
    "3 features.a.impute: empty has no values in training to fill from. Mend: remove it, or use strategy: constant.",
    "4 features.b.impute: city is a string, which has no median. Mend: use most_frequent or constant.",
    "5 features.c.impute: since is a time. Mend: derive its hour or epoch and impute that.",
    '6 features.d.impute: age is a number and cannot be filled with "none". Mend: give a number.',
  ]);
  const encoding = `
features:
  a: { columns: [since], one_hot: true }
  b: { columns: [city], target_mean: true }
  c: { columns: [city], ordinal: { unknown_value: 1 } }
  d: { columns: [empty], ordinal: { unknown_value: -1 } }
  e: { columns: [city], one_hot: { categories: [Rome], handle_unknown: error } }
`;
  expect(await refused(encoding)).toEqual([
    "3 features.a.one_hot: since is a time, which has no categories. Mend: derive its hour, day_of_week or month.",
    "4 features.b.target_mean: city needs a target that is a number or boolean. Mend: add target: or use one_hot.",
    "5 features.c.ordinal: city has 2 categories, so unknown_value 1 is the code of one. Mend: use -1 or -2.",
    "6 features.d.ordinal: empty has no values in training to order. Mend: remove it.",
    '7 features.e.one_hot: city holds "Oslo", which categories does not list. Mend: list it, or set how unknown ones are handled.',
  ]);
  const scaling = `
features:
  a: { columns: [city, since], scale: standard }
  b: { columns: [empty, huge], scale: min_max }
`;
  expect(await refused(scaling)).toEqual([
    "3 features.a.scale: city is a string. Mend: scale numbers only.",
    "3 features.a.scale: since is a timestamp. Mend: scale numbers only.",
    "4 features.b.scale: empty has no values to scale by. Mend: remove it, or impute it first.",
    "4 features.b.scale: huge holds 1e+200, too large to scale. Mend: clip(…) it under derive.",
  ]);
});

test("what the target is made of is no feature, but may be the target's neighbour", async () => {
  expect(await refused("{ target: { old: age > 30 }, features: { f: [age, city] } }")).toEqual([
    "1 features.f[0]: age reads age, which the target is made of. Mend: use a window of earlier rows.",
  ]);
  const grew = "{ target: { grew: huge > age }, features: { f: [age, city] } }";
  expect((await fitFeatures(duck, "people", parseFeatures(grew, "features.yaml"))).outputs).toEqual([
    "f__age",
    "f__city",
  ]);
});

test("no features, and two of one name", async () => {
  expect(await refused("target: age")).toEqual([
    "1 (top): there are no features. Mend: name columns in a group below features:.",
  ]);
  expect(await refused("{ features: { a: [age], b: [age] }, verbose_feature_names_out: false }")).toEqual([
    "1 features.b: two features are called age. Mend: remove one, or leave verbose_feature_names_out on.",
  ]);
  const none = "{ features: { a: { columns: [empty], one_hot: { drop: first } } } }";
  expect(await complaints(() => fitFeatures(duck, "people", parseFeatures(none, "features.yaml")))).toEqual([
    "error[FEATURES_INVALID] features.yaml: no feature is left after the transforms. Mend: name more columns, or do not drop the only category.",
  ]);
});

test("of a long expression a message shows the part around the problem", async () => {
  const sum = (terms: number) => Array(terms).fill("age").join(" + ");
  const [long] = await refused(`{ derive: { x: "${sum(20)} + agee + ${sum(20)}" }, features: { a: [x] } }`);
  expect(long).toContain('unknown column "agee", at column 121 of: …age + age');
  expect(long).toContain("+ agee + age");
  expect(long!.length).toBeLessThan(400);
  const [name] = await refused(`{ derive: { x: "${"y".repeat(5000)}" }, features: { a: [x] } }`);
  expect(name!.length).toBeLessThan(500);
});
