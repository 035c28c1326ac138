/**
 * Which source files a command runs: the scripts it names and what they import by relative path (JavaScript,
 * TypeScript) or from beside the script (Python). So a step whose `deps` forget a file still runs again when it changes.
 * What it cannot see (generated names, path aliases, PYTHONPATH) belongs into `deps`.
 */

import { readFileSync, statSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";

const JS = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];
const OTHERS = [".sh", ".bash", ".r", ".R", ".jl", ".rb", ".pl", ".lua", ".sql"];
const CODE_FILES_MAX = 2000;

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** Paths relative to the root, sorted; only files below the root. The commands run in the folder `wdir` of it. */
export function codeFiles(root: string, commands: readonly string[], wdir = "."): string[] {
  const found = new Set<string>();
  const waiting = commands.flatMap((command) => scripts(join(root, wdir), command));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const name = relative(root, path);
    if (found.has(name) || name.startsWith("..") || /(^|\/)(node_modules|\.trimtab|\.venv)\//.test(name)) continue;
    if (found.size >= CODE_FILES_MAX) break;
    found.add(name);
    waiting.push(...imports(path, root));
  }
  return [...found].sort();
}

function scripts(folder: string, command: string): string[] {
  const words = command.split(/[\s'"=;|&<>(),`]+/).filter((word) => [...JS, ".py", ...OTHERS].includes(extname(word)));
  const modules = [...command.matchAll(/\s-m\s+([\w.]+)/g)].flatMap((match) => pythonModule(folder, match[1]!));
  return [...words.map((word) => resolve(folder, word)), ...modules].filter(isFile);
}

function imports(path: string, root: string): string[] {
  const extension = extname(path);
  if (JS.includes(extension)) return scriptImports(path);
  if (extension === ".py") return pythonImports(path, root);
  return [];
}

const transpilers = new Map<string, Bun.Transpiler>();

function transpilerOf(extension: string): Bun.Transpiler {
  const loader = extension.endsWith("tsx") ? "tsx" : /ts$/.test(extension) ? "ts" : "jsx";
  let transpiler = transpilers.get(loader);
  if (transpiler === undefined) {
    transpiler = new Bun.Transpiler({ loader });
    transpilers.set(loader, transpiler);
  }
  return transpiler;
}

function scriptImports(path: string): string[] {
  let names: string[];
  try {
    names = transpilerOf(extname(path))
      .scanImports(readFileSync(path))
      .map((found) => found.path);
  } catch {
    // A script with a syntax error imports nothing yet; its own content is in the key.
    return [];
  }
  return names.filter((name) => name.startsWith(".")).flatMap((name) => resolveScript(join(dirname(path), name)));
}

function resolveScript(base: string): string[] {
  const stem = JS.includes(extname(base)) ? base.slice(0, -extname(base).length) : base;
  const candidates = [
    base,
    ...JS.map((e) => base + e),
    ...JS.map((e) => stem + e),
    ...JS.map((e) => join(base, `index${e}`)),
  ];
  const found = candidates.find(isFile);
  return found === undefined ? [] : [found];
}

const PYTHON_IMPORT = /^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([^\n#;]+))/gm;

function pythonImports(path: string, root: string): string[] {
  const found: string[] = [];
  for (const [, from, names, plain] of readFileSync(path, "utf8").matchAll(PYTHON_IMPORT)) {
    for (const name of (plain ?? "").split(",")) found.push(...pythonFrom(path, root, name.trim().split(/\s/)[0]!, []));
    if (from !== undefined) {
      const members = names!.replace(/[()\\]/g, "").split(",");
      found.push(
        ...pythonFrom(
          path,
          root,
          from,
          members.map((member) => member.trim().split(/\s/)[0]!),
        ),
      );
    }
  }
  return found;
}

/** A module and those of its members that are modules; leading dots are relative, else beside the script or the root. */
function pythonFrom(path: string, root: string, module: string, members: string[]): string[] {
  const dots = /^\.*/.exec(module)![0].length;
  const bases = dots > 0 ? [join(dirname(path), ...Array(dots - 1).fill(".."))] : [...new Set([dirname(path), root])];
  const name = module.slice(dots);
  const names = [name, ...members.map((member) => (name === "" ? member : `${name}.${member}`))];
  return bases.flatMap((base) => names.flatMap((each) => pythonModule(base, each)));
}

/** The file of a module and the `__init__.py` of each package on the way to it. */
function pythonModule(base: string, module: string): string[] {
  const segments = module.split(".").filter((segment) => /^\w+$/.test(segment));
  const packages = segments.map((_, i) => join(base, ...segments.slice(0, i + 1), "__init__.py"));
  const main = join(base, ...segments, "__main__.py");
  return segments.length === 0 ? [] : [`${join(base, ...segments)}.py`, main, ...packages].filter(isFile);
}
