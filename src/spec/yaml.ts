/**
 * The one door to the `yaml` package: text into plain values with the line of each, and back. YAML 1.2: `on` stays text.
 * Refused: what is not UTF-8 text, what is too large or expands too far, duplicate keys, tags, several documents.
 */

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  stringify,
} from "yaml";
import { type ErrorCode, fail, TrimtabErrors } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { showBytes } from "../base/units.ts";
import { type Mapping, type Path, pathKey, showPath } from "./path.ts";

export interface YamlDocument {
  /** Mappings, lists, text, numbers, booleans and null. */
  value: unknown;
  /** Line, from 1, of the key or item at a path; of the nearest thing above it when the path is not in the document. */
  lineOf(path: Path): number;
}

/** Reads one document. Throws TrimtabErrors with SPEC_SYNTAX or SPEC_TOO_LARGE; `file` is its name in them. */
export function readYaml(source: string | Uint8Array, file: string): YamlDocument {
  const text = decode(source, file);
  const counter = new LineCounter();
  // Unique keys are checked below: the package compares each key with all before it, which takes hours on a hostile file.
  const document = parseDocument(text, {
    version: "1.2",
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: counter,
  });
  if (document.errors.some((e) => e.code === "RESOURCE_EXHAUSTION")) throw tooLarge(file, "is nested too deep");
  const problems = [...document.errors, ...document.warnings].slice(0, 20);
  if (problems.length > 0) {
    throw new TrimtabErrors(
      problems.map((e) =>
        fail("SPEC_SYNTAX", {
          ...(e.code === "MULTIPLE_DOCS" ? SEVERAL : { what: e.message }),
          place: `${file}:${counter.linePos(e.pos[0]).line}`,
        }),
      ),
    );
  }
  const walk = new Walk(document, counter, file);
  const value = walk.read(document.contents, []);
  if (walk.problems.length > 0) throw new TrimtabErrors(walk.problems);
  return { value, lineOf: (path) => walk.lineOf(path) };
}

/** The package's own words would tell a person to call one of its functions. */
const SEVERAL = { what: "a second document begins here", mend: "keep one document in the file" };

const tooLarge = (place: string, what: string): TrimtabErrors =>
  new TrimtabErrors([fail("SPEC_TOO_LARGE", { what, place })]);

function decode(source: string | Uint8Array, file: string): string {
  const refuse = (what: string, mend: string, code: ErrorCode = "SPEC_SYNTAX") =>
    new TrimtabErrors([fail(code, { what, place: file, mend })]);
  const sizeBytes = typeof source === "string" ? Buffer.byteLength(source) : source.byteLength;
  if (sizeBytes > LIMITS.specBytes) {
    throw refuse(
      `is ${showBytes(sizeBytes)} and the limit is ${showBytes(LIMITS.specBytes)}`,
      "split it",
      "SPEC_TOO_LARGE",
    );
  }
  let text: string;
  try {
    text = typeof source === "string" ? source : new TextDecoder("utf-8", { fatal: true }).decode(source);
  } catch {
    throw refuse("is not UTF-8 text", "save it as UTF-8 text; a binary file is no YAML");
  }
  if (text.includes("\0")) throw refuse("holds a NUL byte, so it is not text", "save it as UTF-8 text");
  if (text.trim() === "") throw refuse("is empty", "write at least one key, or run trimtab init for a pipeline");
  return text;
}

/** Turns the parsed tree into plain values, remembering lines and counting what aliases make of it. */
class Walk {
  readonly problems: ReturnType<typeof fail>[] = [];
  private readonly lines = new Map<string, number>();
  /** Mappings and lists that are being read: an alias to one of them has no end. */
  private readonly open = new Set<unknown>();
  private values = 0;
  private aliases = 0;

  constructor(
    private readonly document: Document.Parsed,
    private readonly counter: LineCounter,
    private readonly file: string,
  ) {}

  lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.lines.get(pathKey(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }

  read(node: unknown, path: Path): unknown {
    if (++this.values > LIMITS.yamlValues) throw tooLarge(this.file, `holds more than ${LIMITS.yamlValues} values`);
    if (isAlias(node)) return this.readAlias(node, path);
    if (isScalar(node)) return node.value;
    this.open.add(node);
    const value = isMap(node)
      ? this.readMap(node.items, path)
      : isSeq(node)
        ? node.items.map((item, i) => this.readItem(item, [...path, i]))
        : null;
    this.open.delete(node);
    return value;
  }

  private readItem(item: unknown, path: Path): unknown {
    this.note(item, path);
    return this.read(item, path);
  }

  private readAlias(alias: Node, path: Path): unknown {
    const target = isAlias(alias) ? alias.resolve(this.document) : undefined;
    if (++this.aliases > LIMITS.yamlAliases) {
      throw tooLarge(
        `${this.file}:${this.offsetLine(alias)}`,
        `its aliases expand more than ${LIMITS.yamlAliases} times`,
      );
    }
    if (target === undefined || this.open.has(target)) {
      this.complain(alias, path, "an alias stands inside its own anchor", "write the value out");
      return null;
    }
    return this.read(target, path);
  }

  private readMap(items: readonly Pair[], path: Path): Mapping {
    const mapping: Mapping = {};
    const merges: unknown[] = [];
    const firstLine = new Map<string, number>();
    for (const { key, value } of items) {
      const name = isScalar(key) && key.value !== null ? String(key.value) : undefined;
      if (name === undefined || name === "__proto__") {
        this.complain(key, path, `a key is ${name ?? "not a plain word"}`, "use a plain word as the key");
        continue;
      }
      if (name === "<<") {
        merges.push(...(isSeq(value) ? value.items : [value]));
        continue;
      }
      const seen = firstLine.get(name);
      if (seen !== undefined) {
        this.complain(key, [...path, name], `the key ${name} stands here twice; first on line ${seen}`, "remove one");
        continue;
      }
      firstLine.set(name, this.offsetLine(key));
      this.note(key, [...path, name]);
      mapping[name] = this.read(value, [...path, name]);
    }
    // After the mapping's own keys, so that those keep their lines.
    this.merge(mapping, merges, path);
    return mapping;
  }

  /** `<<: *defaults` or a list of such: keys that the mapping does not have itself; earlier ones win. */
  private merge(into: Mapping, sources: readonly unknown[], path: Path): void {
    for (const source of sources) {
      const mapping = this.read(source, path);
      if (typeof mapping !== "object" || mapping === null || Array.isArray(mapping)) {
        this.complain(source, [...path, "<<"], "<< takes a mapping or a list of mappings", "point it at an anchor");
      } else for (const [k, v] of Object.entries(mapping)) if (!Object.hasOwn(into, k)) into[k] = v;
    }
  }

  private note(node: unknown, path: Path): void {
    const line = this.offsetLine(node);
    if (line > 0 && !this.lines.has(pathKey(path))) this.lines.set(pathKey(path), line);
  }

  private offsetLine(node: unknown): number {
    const range = (node as Node | null | undefined)?.range;
    return range ? this.counter.linePos(range[0]).line : 0;
  }

  private complain(node: unknown, path: Path, what: string, mend: string): void {
    const line = this.offsetLine(node) || this.lineOf(path);
    this.problems.push(fail("SPEC_SYNTAX", { what, place: `${this.file}:${line} ${showPath(path)}`, mend }));
  }
}

/**
 * One value written outside the file (an environment variable, `--param`) as if it stood behind a key: `5`, `true`, `null`
 * and `"quoted"` as YAML reads them, `[…]` and `{…}` as lists and mappings, everything else as the text itself.
 * Undefined when the text begins like a list, mapping or quotation and is not one.
 */
export function readYamlValue(text: string): { value: unknown } | undefined {
  const trimmed = text.trim();
  if (!/^[[{"']/.test(trimmed)) {
    if (/[\s:#&*!|>@`%]/.test(trimmed)) return { value: text };
    const value = parseDocument(trimmed, { version: "1.2", logLevel: "silent" }).toJS();
    return { value: typeof value === "object" && value !== null ? text : value };
  }
  try {
    return { value: readYaml(trimmed, "value").value };
  } catch {
    return undefined;
  }
}

/** A value as YAML in block style, long texts unbroken. */
export const writeYaml = (value: unknown, options: { sortKeys?: boolean } = {}): string =>
  stringify(value, { lineWidth: 0, sortMapEntries: options.sortKeys ?? false });
