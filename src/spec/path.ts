/** Where a value stands inside the document: keys of mappings and indexes of lists, from the top. */

export type Path = readonly (string | number)[];

/** `["alerts", 0, "slack"]` → `alerts[0].slack`; the whole document is `(top)`. */
export function showPath(path: Path): string {
  if (path.length === 0) return "(top)";
  return path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("");
}

/** A text that is equal exactly for equal paths. */
export const pathKey = (path: Path): string => JSON.stringify(path);

/** True when `path` is `ancestor` or lies below it. */
export const isWithin = (path: Path, ancestor: Path): boolean =>
  ancestor.length <= path.length && ancestor.every((part, i) => path[i] === part);

export type Mapping = Record<string, unknown>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value at a path, or undefined. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Mapping)[part];
  }
  return value;
}

/**
 * The same document with another value at a path; what is missing, or is no container, on the way is made. Nothing that is
 * shared with the old document is changed.
 */
export function withValueAt(root: unknown, path: Path, value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (typeof head === "number") {
    const list = Array.isArray(root) ? [...root] : [];
    list[head] = withValueAt(list[head], rest, value);
    return list;
  }
  const mapping = isMapping(root) ? { ...root } : {};
  mapping[head] = withValueAt(mapping[head], rest, value);
  return mapping;
}

/** The same document without the mapping key at the end of a path. */
export function withoutKey(root: unknown, path: Path): unknown {
  const parent = valueAt(root, path.slice(0, -1));
  if (!isMapping(parent)) return root;
  const { [String(path.at(-1))]: _, ...rest } = parent;
  return withValueAt(root, path.slice(0, -1), rest);
}
