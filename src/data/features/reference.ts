/** docs/features.md, made from the annotated example and the tables of functions, windows and transforms. */

import type { FeatureFunction } from "./functions/define.ts";
import { FUNCTION_FAMILIES, signatureOf } from "./functions/table.ts";
import { WINDOW_KEYS } from "./read-windows.ts";
import type { OptionDef, Transform } from "./transforms/define.ts";
import { TRANSFORMS } from "./transforms/table.ts";
import { AGGREGATES, type Aggregate } from "./windows.ts";

const EXPRESSIONS = `## Expressions

- Columns by name; a name with other characters, or one that is a word of the language, in double quotes or backquotes.
- Numbers \`1\`, \`0.5\`, \`1e6\`; text \`'ATL'\` (a quote inside is written twice); \`true\`, \`false\`, \`null\`.
- \`+ - * / %\` and brackets; \`= != < <= > >=\` (also \`==\` and \`<>\`); \`and or not\`; \`x in [1, 2]\`, \`x not in ['a']\`;
  \`x is null\`, \`x is not null\`. From loose to tight: or, and, not, comparisons, \`+ -\`, \`* / %\`, minus.
- A boolean stands for 1 and 0 where a number is wanted. Text beside a time is read as a time: \`date >= '2001-03-01'\` (UTC).
- YAML takes \`{ } [ ] , & * # ? | - < > = ! % @\` and \`: \` for itself at some places: write the expression in double quotes then.

**Missing values.** NaN and infinities in the data are missing. A missing operand gives a missing result, except that \`and\`
and \`or\` answer when the other side decides, \`is null\` always answers, \`if\` takes its second value for a missing condition, and
\`coalesce\` exists to fill. A result that is not finite is missing: \`x / 0\`, \`x % 0\`, an overflow, \`log(0)\`.

**Numbers** are 64-bit floats, also when the column is an integer. \`%\` has the sign of the divisor, as in Python.
**Text** compares by Unicode code point; the empty text is a value, not a missing one. **Times** are UTC and count in milliseconds.
`;

const WINDOW_RULES = `A window is ordered by time. By \`rows\`, rows of one instant keep the order of the data; by \`range\`, rows of the very same
instant never see one another (pandas would let the later see the earlier). Missing values are skipped, \`std\` is the sample's
(ddof 1), and a window with too few values is missing: these are pandas' rules. A row without an entity or a time has no
windows and is in none. Windows and a split go together only when both go by the same column, so that the holdout is later.

When serving, a window is answered from memory: the rows of the past that training saved, and those that were observed since.
A request brings entity and time; the value that is aggregated may come later, when it is known.
`;

const FILES = `## What a transform step writes

| file | holds |
| --- | --- |
| first of \`outs\` | training rows: features in the order of their names, target, time, \`keep\` |
| second of \`outs\`, with a split | the rows set aside, raw, and the target: they are judged through the path that serves |
| \`features.json\` beside the first | the fitted features: every constant, the inputs that a request must bring, the past of windows |

\`split: { holdout: 0.2, by: date }\` sets the newest fifth aside; rows of one value of \`by\` never part, and rows without a value
train. Without \`by\` an md5 of the whole row decides, so the same row falls on the same side in every run. An input that had no
missing value in training is required when serving, unless it is imputed.
`;

const AGGREGATE_ABOUT: Record<Aggregate, string> = {
  count: "how many values; 0 for none",
  sum: "their sum",
  mean: "their mean; of a condition: the share of rows where it is true",
  std: "the sample's standard deviation; missing below two values",
  min: "the smallest",
  max: "the largest",
  last: "the newest that is not missing",
};

const cell = (text: string): string => text.replaceAll("|", "\\|");
const row = (...cells: string[]): string => `| ${cells.map(cell).join(" | ")} |`;

/** The whole page. `example` is the text of features.example.yaml. */
export function featuresPage(example: string): string {
  return [
    "# features.yaml",
    "",
    "<!-- Made by src/data/features/reference.ts from the example and the tables beside it; a test holds them equal. -->",
    "",
    "```yaml",
    example.trimEnd(),
    "```",
    "",
    EXPRESSIONS,
    ...Object.entries(FUNCTION_FAMILIES).flatMap(([family, functions]) => familyPart(family, functions)),
    ...windowsPart(),
    ...transformsPart(),
    FILES,
  ].join("\n");
}

const familyPart = (family: string, functions: readonly FeatureFunction[]): string[] => [
  `### ${family}`,
  "",
  "| function | gives | |",
  "| --- | --- | --- |",
  ...functions.map((f) =>
    row(`\`${signatureOf(f)}\``, f.gives === "same" ? "the type of its values" : f.gives, f.about),
  ),
  "",
];

const windowsPart = (): string[] => [
  "## Windows",
  "",
  WINDOW_RULES,
  "| key | |",
  "| --- | --- |",
  ...Object.entries(WINDOW_KEYS).map(([key, about]) => row(`\`${key}\``, about)),
  ...AGGREGATES.map((name) => row(`\`${name}: expression\``, `One of these a window: ${AGGREGATE_ABOUT[name]}.`)),
  "",
];

const transformsPart = (): string[] => [
  "## Transforms",
  "",
  "A group may have one of each stage; they apply in the order impute, encode, scale, whatever the order in the file. `true` takes every default.",
  "",
  ...[...TRANSFORMS.values()].flatMap(transformPart),
];

function transformPart(transform: Transform): string[] {
  const short = transform.shorthand
    ? ` \`${transform.key}: x\` is short for \`${transform.key}: { ${transform.shorthand}: x }\`.`
    : "";
  const options = Object.entries(transform.options);
  return [
    `### ${transform.key}`,
    "",
    `Stage: ${transform.stage}. ${transform.about}${short}`,
    "",
    "| option | takes | default | |",
    "| --- | --- | --- | --- |",
    ...options.map(([name, option]) => row(`\`${name}\``, option.takes, defaultOf(option), option.about)),
    "",
  ];
}

const defaultOf = (option: OptionDef): string =>
  option.default === undefined ? "" : `\`${JSON.stringify(option.default)}\``;
