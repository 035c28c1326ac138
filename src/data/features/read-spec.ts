/** Reads features.yaml: its keys, and the expressions in them. All complaints at once, each with file, line, path and mend. */

import { Complaints } from "../../spec/complaints.ts";
import { mendName } from "../../spec/nearest.ts";
import { isMapping, type Mapping, type Path, showPath } from "../../spec/path.ts";
import { readYaml } from "../../spec/yaml.ts";
import { children, parseExpression, type Tree } from "./expressions/parse.ts";
import { ExpressionProblem } from "./expressions/problem.ts";
import { FUNCTIONS } from "./functions/table.ts";
import { describeProblem } from "./place.ts";
import type { Expression, FeatureSpec, Named } from "./spec.ts";

const KEYS = [
  "time",
  "target",
  "where",
  "derive",
  "windows",
  "features",
  "keep",
  "remainder",
  "verbose_feature_names_out",
];

/** One file being read. The parts (groups, windows) are read by their own files with this in hand. */
export class SpecReader {
  readonly complaints: Complaints;
  constructor(
    readonly file: string,
    lineOf: (path: Path) => number,
  ) {
    this.complaints = new Complaints(file, lineOf);
    this.lineOf = lineOf;
  }
  private readonly lineOf: (path: Path) => number;

  complain(path: Path, what: string, mend: string): undefined {
    this.complaints.add({ path, what, mend, code: "FEATURES_INVALID" });
    return undefined;
  }

  place(path: Path): string {
    return `${this.file}:${this.lineOf(path)} ${showPath(path)}`;
  }

  /** A mapping with known keys, or undefined after a complaint. */
  mapping(value: unknown, path: Path, known?: readonly string[]): Mapping | undefined {
    if (!isMapping(value))
      return this.complain(path, `${show(value)} is not a mapping`, "write key: value lines below it");
    for (const key of Object.keys(value))
      if (known && !known.includes(key))
        this.complain([...path, key], `unknown key ${key}`, mendName(key, known, "keys"));
    return value;
  }

  name(value: unknown, path: Path): Named | undefined {
    if (typeof value === "string" && value !== "") return { name: value, place: this.place(path) };
    return this.complain(path, `${show(value)} is not a column's name`, "write one name");
  }

  /** One name or a list of names. */
  names(value: unknown, path: Path): Named[] {
    const list = Array.isArray(value) ? value : [value];
    const names = list.flatMap((item, i) => this.name(item, Array.isArray(value) ? [...path, i] : path) ?? []);
    const seen = new Set<string>();
    for (const [i, { name }] of names.entries()) {
      if (seen.has(name)) this.complain([...path, i], `${name} stands here twice`, "remove one");
      seen.add(name);
    }
    return names;
  }

  expression(value: unknown, path: Path): Expression | undefined {
    if (typeof value === "number" || typeof value === "boolean") return this.expression(String(value), path);
    if (typeof value !== "string" || value.trim() === "")
      return this.complain(path, `${show(value)} is not an expression`, "write one, such as log1p(distance)");
    try {
      const tree = parseExpression(value);
      checkFunctions(tree);
      return { text: value, tree, place: this.place(path) };
    } catch (error) {
      if (!(error instanceof ExpressionProblem)) throw error;
      return this.complain(path, describeProblem(error, value), error.mend);
    }
  }
}

export const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** Names of functions are known without data, so they are checked when the file is read. */
function checkFunctions(tree: Tree): void {
  if (tree.kind === "call" && !FUNCTIONS.has(tree.name))
    throw new ExpressionProblem(
      `unknown function "${tree.name}"`,
      tree.at,
      mendName(tree.name, FUNCTIONS.keys(), "functions"),
    );
  for (const child of children(tree)) checkFunctions(child);
}

/** Throws TrimtabErrors. `parts` reads what stands under features: and windows:. */
export function readSpec(
  text: string | Uint8Array,
  file: string,
  parts: {
    groups(reader: SpecReader, value: unknown): FeatureSpec["groups"];
    windows(reader: SpecReader, value: unknown, time: Named | undefined): FeatureSpec["windows"];
  },
): FeatureSpec {
  const document = readYaml(text, file);
  const reader = new SpecReader(file, document.lineOf);
  const top = reader.mapping(document.value, [], KEYS) ?? {};
  const has = (key: string) => top[key] !== undefined && top[key] !== null;
  const time = has("time") ? reader.name(top.time, ["time"]) : undefined;
  const target = has("target") ? readTarget(reader, top.target) : undefined;
  const where = has("where") ? reader.expression(top.where, ["where"]) : undefined;
  const spec: FeatureSpec = {
    file,
    ...(time && { time }),
    ...(target && { target }),
    ...(where && { where }),
    derive: has("derive") ? readDerive(reader, top.derive) : new Map(),
    windows: has("windows") ? parts.windows(reader, top.windows, time) : new Map(),
    groups: has("features") ? parts.groups(reader, top.features) : [],
    keep: has("keep") ? reader.names(top.keep, ["keep"]) : [],
    remainder: readChoice(reader, top, "remainder", ["drop", "passthrough"]) ?? "drop",
    verboseNames: readFlag(reader, top, "verbose_feature_names_out"),
  };
  if (spec.groups.length === 0 && spec.remainder === "drop" && !reader.complaints.some(() => true))
    reader.complain([], "there are no features", "name columns in a group below features:");
  reader.complaints.throwIfAny();
  return spec;
}

function readTarget(reader: SpecReader, value: unknown): FeatureSpec["target"] {
  if (typeof value === "string") {
    const named = reader.name(value, ["target"]);
    if (!named) return undefined;
    const tree: Tree = { kind: "name", name: value, at: 0 };
    return { name: value, expression: { text: value, tree, place: named.place } };
  }
  const entries = Object.entries(reader.mapping(value, ["target"]) ?? {});
  const [entry] = entries;
  if (!entry || entries.length > 1)
    return reader.complain(["target"], "a target is one name", "write target: column, or target: { name: expression }");
  const expression = reader.expression(entry[1], ["target", entry[0]]);
  return expression && { name: entry[0], expression };
}

function readDerive(reader: SpecReader, value: unknown): Map<string, Expression> {
  const derive = new Map<string, Expression>();
  for (const [name, text] of Object.entries(reader.mapping(value, ["derive"]) ?? {})) {
    const expression = reader.expression(text, ["derive", name]);
    if (expression) derive.set(name, expression);
  }
  return derive;
}

function readChoice<T extends string>(
  reader: SpecReader,
  top: Mapping,
  key: string,
  choices: readonly T[],
): T | undefined {
  const value = top[key];
  if (value === undefined || value === null || choices.includes(value as T))
    return (value ?? undefined) as T | undefined;
  return reader.complain([key], `${show(value)} is not allowed`, `write ${choices.join(" or ")}`);
}

function readFlag(reader: SpecReader, top: Mapping, key: string): boolean {
  const value = top[key] ?? true;
  if (typeof value !== "boolean") reader.complain([key], `${show(value)} is not allowed`, "write true or false");
  return value === true;
}
