/** docs/pipeline.md, made from the annotated example: what stands above a key there is what the page says about it. */

import { overrideName, PROGRAM_VARIABLES } from "./env.ts";
import { EXPECTATIONS } from "./expectations.ts";
import type { Path } from "./path.ts";
import { SHAPE, type Shape, shapeAt } from "./schema.ts";
import { CLASSIFICATION_METRICS, DRIFT_TESTS, REGRESSION_METRICS, RUNTIME_METRICS } from "./types.ts";

/** A key of the language as the example shows it. */
export interface DocumentedKey {
  /** `steps.<name>.retry.attempts`. */
  key: string;
  /** TRIMTAB_STEPS_<NAME>_RETRY_ATTEMPTS. */
  override: string;
  /** The comment above it, without its default. */
  text: string;
  /** What holds without it, and what is not available yet. */
  standard: string;
}

const NAMES: Record<string, string> = { gate: "<metric>", "monitor.performance": "<metric>" };

/** A path with `<name>` for what the writer names and `[n]` for items: the key, and the variable that overrides it. */
function patternOf(path: Path): { key: string; override: string } {
  const parts: string[] = [];
  for (const [i, part] of path.entries()) {
    const parent = shapeAt(path.slice(0, i));
    if (parent.kind === "keys") parts.push(String(part));
    else parts.push(parent.kind === "list" ? "<n>" : (NAMES[path.slice(0, i).join(".")] ?? "<name>"));
  }
  const override = parts.map((part) => (part.startsWith("<") ? part.toUpperCase() : overrideName([part]).slice(8)));
  return { key: parts.join(".").replaceAll(".<n>", "[<n>]"), override: `TRIMTAB_${override.join("_")}` };
}

/** Every key that the schema knows, as `documentedKeys` names them. */
export function schemaKeys(shape: Shape = SHAPE, path: Path = []): string[] {
  if (shape.kind === "value") return [];
  if (shape.kind === "list") return schemaKeys(shape.each, [...path, 0]);
  if (shape.kind === "named") return [patternOf([...path, "x"]).key, ...schemaKeys(shape.each, [...path, "x"])];
  return Object.entries(shape.keys).flatMap(([key, below]) => {
    const at = [...path, key];
    return [patternOf(at).key, ...schemaKeys(below, at)];
  });
}

/**
 * Every key of the example, in its order; of a key that stands there several times the first with a comment. The example is
 * ours and written one key a line, so lines and indents are enough.
 */
export function documentedKeys(example: string): DocumentedKey[] {
  const found = new Map<string, DocumentedKey>();
  let comment: string[] = [];
  let open: { indent: number; part: string | number }[] = [];
  for (const line of example.split("\n")) {
    const remark = /^\s*# ?(.*)$/.exec(line);
    if (remark !== null) {
      comment.push(remark[1]!);
      continue;
    }
    const entry = /^(\s*)(- )?([\w-]+):( |$)/.exec(line);
    if (entry !== null) {
      const [, spaces = "", dash, key = ""] = entry;
      const isItem = dash !== undefined;
      open = open.filter((o) => o.indent < spaces.length + (isItem ? 1 : 0));
      if (isItem) open.push({ indent: spaces.length + 1, part: 0 });
      open.push({ indent: spaces.length + (isItem ? 2 : 0), part: key });
      note(
        found,
        open.map((o) => o.part),
        comment,
      );
    }
    comment = [];
  }
  return [...found.values()];
}

function note(found: Map<string, DocumentedKey>, path: Path, comment: readonly string[]): void {
  if (shapeAt(path.slice(0, -1)).kind === "value") return;
  const pattern = patternOf(path);
  if (found.get(pattern.key)?.text) return;
  const [text = "", standard = ""] = comment.join(" ").split(/ ?\bDefault: /);
  found.set(pattern.key, { ...pattern, text, standard });
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/<(\w+)>/g, "&lt;$1&gt;");

/** The example's sections: top-level key → its lines without comments. */
function sectionsOf(example: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of example.split("\n")) {
    const top = /^(\w+):/.exec(line);
    if (top !== null) {
      lines = [];
      sections.set(top[1]!, lines);
    }
    if (sections.size > 0 && line.trim() !== "" && !line.trim().startsWith("#")) lines.push(line);
  }
  return sections;
}

/** The comment that opens the example. */
function openingOf(example: string): string {
  const lines = example.split("\n");
  return lines
    .slice(0, lines.indexOf(""))
    .map((line) => line.replace(/^# ?/, ""))
    .join("\n");
}

const LISTS: [title: string, names: readonly string[]][] = [
  ["Metrics of classification", CLASSIFICATION_METRICS],
  ["Metrics of regression", REGRESSION_METRICS],
  ["Measured of every model", RUNTIME_METRICS],
  ["Drift tests", DRIFT_TESTS],
  ["Expectations", EXPECTATIONS],
];

const OVERRIDES = `## Overrides

Every key can be set from outside, as if the file said so: \`TRIMTAB_\` and the path in capitals, with \`_\` for everything that is
neither letter nor digit. \`gate.accuracy.min\` is \`TRIMTAB_GATE_ACCURACY_MIN\`, \`steps.train.params.max_depth\` is
\`TRIMTAB_STEPS_TRAIN_PARAMS_MAX_DEPTH\`, \`alerts[0].slack\` is \`TRIMTAB_ALERTS_0_SLACK\`.

- The value is read as YAML: \`5\`, \`true\`, \`[5, 25, 100]\`, \`{ min: 0.7 }\`; what is none of these is a text. An empty value counts as not set.
- Whole branches can be set too (\`TRIMTAB_DEPLOY='{ strategy: direct }'\`); the deeper key wins.
- A number names an item of a list, from 0; the number after the last one adds an item.
- Steps, data and params must be in the file. Metrics of the gate and of monitor.performance need not be.
- A variable that names nothing is refused, with the nearest name; so is one that names two keys (\`a-b\` and \`a_b\`).
- \`TRIMTAB_PARAM_<NAME>\` sets a param of every step that has it. \`--param name=value\` does the same, \`--param step.name=value\` for one step.
- The stronger wins: the file, then \`TRIMTAB_PARAM_X\`, \`TRIMTAB_STEPS_<NAME>_PARAMS_X\`, \`--param x\`, \`--param step.x\`.
- Inside a step \`TRIMTAB_PARAM_<NAME>\` tells it its own params, and overrides nothing.

These are not overrides:

| variable | what it is |
| --- | --- |
${Object.entries(PROGRAM_VARIABLES)
  .map(([name, what]) => `| \`${name}\` | ${what} |`)
  .join("\n")}
`;

/** The whole page. */
export function referencePage(example: string): string {
  const keys = documentedKeys(example);
  const parts = [
    "# pipeline.yaml",
    "",
    "<!-- Made from src/spec/pipeline.example.yaml by src/spec/reference.ts; a test holds them equal. -->",
    "",
    openingOf(example),
    "",
  ];
  for (const [top, lines] of sectionsOf(example)) {
    const own = keys.filter(({ key }) => key === top || key.startsWith(`${top}.`) || key.startsWith(`${top}[`));
    parts.push(
      `## ${top}`,
      "",
      "```yaml",
      ...lines,
      "```",
      "",
      "| key | what it says | default | override |",
      "| --- | --- | --- | --- |",
    );
    for (const k of own) parts.push(`| \`${k.key}\` | ${cell(k.text)} | ${cell(k.standard)} | \`${k.override}\` |`);
    parts.push("");
  }
  parts.push(OVERRIDES);
  for (const [title, names] of LISTS) parts.push(`## ${title}`, "", names.map((name) => `\`${name}\``).join(", "), "");
  return parts.join("\n");
}
