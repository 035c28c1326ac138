/**
 * Taste as a test: import directions, cycles, one door a package, files that nobody reaches, banned calls. Reads the
 * sources as text, so that it also sees type-only and dynamic imports.
 */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dir, "..");
const files = [...new Bun.Glob("src/**/*.{ts,tsx}").scanSync(ROOT)].filter((f) => !f.endsWith(".d.ts")).sort();
const source = new Map(files.map((f) => [f, readFileSync(join(ROOT, f), "utf8")]));

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
const importsOf = (file: string): string[] =>
  [
    ...withoutComments(source.get(file)!).matchAll(
      /(?:^(?:import|export|\})[^"]*\bfrom\s*|\bimport\s*\(\s*|^import\s+)"([^"]+)"/gm,
    ),
  ].map((m) => m[1]!);
const localImports = (file: string): string[] =>
  importsOf(file)
    .filter((path) => path.startsWith(".") && !path.endsWith(".json"))
    .map((path) => normalize(join(dirname(file), path)));
const folderOf = (file: string) => file.split("/")[1]!;

const AREAS = ["data", "tracking", "registry", "pipeline", "serving", "rollout", "monitor", "insights"];
const BELOW = ["base", "stats", "spec", "db", "store"];
/** Folder → folders it may import besides itself (design, section 4). */
const MAY_IMPORT: Record<string, string[]> = {
  base: [],
  stats: [],
  spec: ["base"],
  db: ["base"],
  store: ["base"],
  ...Object.fromEntries(AREAS.map((area) => [area, BELOW])),
  generate: ["spec"],
  life: [...BELOW, ...AREAS],
  server: [...BELOW, ...AREAS, "life", "web", "generate"],
  cli: [...BELOW, ...AREAS, "life", "generate", "server"],
  web: ["base"],
};

test("imports run only in the allowed directions", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = folderOf(file);
    if (from === "main.ts") continue;
    for (const target of localImports(file)) {
      const to = folderOf(target);
      if (to !== from && !(MAY_IMPORT[from] ?? []).includes(to)) wrong.push(`${file} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("there are no import cycles", () => {
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === "done" || !source.has(file)) return;
    if (state.get(file) === "open") {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const target of localImports(file)) visit(target, [...path, file]);
    state.set(file, "done");
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});

test("a third-party package enters through one file", () => {
  const doors = new Map<string, Set<string>>();
  for (const file of files)
    for (const path of importsOf(file)) {
      if (path.startsWith(".") || path.startsWith("node:") || path === "bun" || path.startsWith("bun:")) continue;
      const name = path.startsWith("@") ? path.split("/").slice(0, 2).join("/") : path.split("/")[0]!;
      doors.set(name, (doors.get(name) ?? new Set()).add(file));
    }
  const many = [...doors].filter(([, used]) => used.size > 1).map(([name, used]) => `${name}: ${[...used].join(", ")}`);
  expect(many).toEqual([]);
});

/** Files that are started as processes or threads of their own, not imported. */
const ENTRIES = ["src/life/loop-guard-thread.ts", "src/serving/onnx-child.ts", "src/store/file-worker.ts"];

test("every file is reached from main.ts", () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file) || !source.has(file)) return;
    reached.add(file);
    for (const target of localImports(file)) visit(target);
  };
  visit("src/main.ts");
  for (const entry of ENTRIES) visit(entry);
  expect(files.filter((file) => !reached.has(file))).toEqual([]);
});

const BANNED: { pattern: RegExp; instead: string; except?: RegExp }[] = [
  { pattern: /console\.(log|error|warn|info)\(/, instead: "io.data or io.say in cli/, log elsewhere" },
  { pattern: /\bwriteFileSync\(|\brenameSync\(/, instead: "base/files.ts", except: /^src\/base\/files\.ts$/ },
  { pattern: /process\.exit\(/, instead: "return an exit code to main.ts", except: /^src\/main\.ts$/ },
  { pattern: /@ts-ignore|@ts-nocheck|as any\b/, instead: "a type" },
  { pattern: /Math\.random\(\)/, instead: "crypto, or a generator that is handed in", except: /retry|backoff|runtime/ },
];

test("banned calls have a replacement", () => {
  const found: string[] = [];
  for (const file of files)
    for (const { pattern, instead, except } of BANNED)
      if (pattern.test(withoutComments(source.get(file)!)) && !except?.test(file))
        found.push(`${file}: ${pattern} → ${instead}`);
  expect(found).toEqual([]);
});

test("every file opens with what it is", () => {
  expect(files.filter((file) => !/^(#![^\n]*\n)?\/\*\*/.test(source.get(file)!))).toEqual([]);
});
