/** Paths as pipeline.yaml writes them: relative to its folder, `/` between names. */

import { posix } from "node:path";
import { isMapping, type Mapping } from "./path.ts";
import { type Reader, type Reading, show, text, wrong } from "./values.ts";

/** `./a//b/` → `a/b`. An address such as s3://… stays as it is. */
export const normalPath = (path: string): string => {
  if (schemeOf(path) !== undefined) return path;
  const normal = posix.normalize(path.replace(/^(\.\/)+(?=.)/, ""));
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
};

/** A scheme such as s3:// in front, and which; undefined for paths. */
export const schemeOf = (uri: string): string | undefined => /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();

/** True when one path is the other or lies inside it. */
export const overlaps = (a: string, b: string): boolean => isInside(a, b) || isInside(b, a);
export const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);

/** The part of a path or glob before its first wildcard, up to a whole name. */
export function staticPart(glob: string): string {
  const wild = glob.search(/[*?[{]/);
  if (wild < 0) return glob;
  const slash = glob.lastIndexOf("/", wild);
  return slash < 0 ? "." : glob.slice(0, slash);
}

/** A file or folder that is read. It may lie outside the root. */
export const readPath: Reader<string> = (value) => {
  const read = text(value);
  if ("wrong" in read) return read;
  const scheme = schemeOf(read.value);
  if (scheme === "s3") return read;
  if (scheme !== undefined) {
    return wrong(`${show(value)} is not a path`, `fetch it in a cmd step, or name a file, a folder or s3://`);
  }
  if (read.value.includes("${"))
    return wrong(`${show(value)} names a param`, "write the path out; params are filled in only in cmd");
  return { value: normalPath(read.value) };
};

/** A path that stays below the folder of pipeline.yaml; `noun` is what the complaint calls it. */
function insidePath(noun: string, value: unknown): Reading<string> {
  const read = readPath(value);
  if ("wrong" in read || schemeOf(read.value) !== undefined) return read;
  const path = read.value;
  if (posix.isAbsolute(path) || /^[A-Za-z]:[\\/]/.test(path)) {
    return wrong(`${noun} ${show(value)} is an absolute path`, "write a path relative to the folder of pipeline.yaml");
  }
  return path === ".." || path.startsWith("../")
    ? wrong(
        `${noun} ${show(value)} is not inside the folder of pipeline.yaml`,
        "write a path below it, such as build/model",
      )
    : read;
}

/** The folder that a command runs in. */
export const workFolder: Reader<string> = (value) => {
  const read = insidePath("the folder", value);
  return "value" in read && schemeOf(read.value) !== undefined
    ? wrong(`the folder ${show(value)} is not on this machine`, "write a path below the folder of pipeline.yaml")
    : read;
};

/** A file or folder that is written: inside the root, and not Trimtab's own state. */
export const writtenPath: Reader<string> = (value) => {
  const read = insidePath("the output", value);
  if ("wrong" in read) return read;
  const path = read.value;
  if (path === ".")
    return wrong("the output is the folder of pipeline.yaml itself", "write a path below it, such as build/model");
  if (isInside(path, ".trimtab") || isInside(path, ".git")) {
    const what = `the output ${show(value)} is inside ${path.split("/")[0]}, which is not a step's to write`;
    return wrong(what, "write it to another folder, such as build");
  }
  return /[*?[\]]/.test(path)
    ? wrong(`the output ${show(value)} is a pattern`, "name the file, or the folder that holds the files")
    : { value: path };
};

/** Options that DVC allows on an output and that mean the same, or nothing, here. */
const OUTPUT_OPTIONS = ["cache", "desc", "type", "labels", "meta", "remote", "push"];

/**
 * An output as written: a path, or DVC's `path: { options }`. Where it lies is for writtenPath to judge, once it is known
 * what it is relative to.
 */
export const output: Reader<string> = (value) => {
  if (!isMapping(value)) return readPath(value);
  const [entry, ...more] = Object.entries(value);
  if (entry === undefined || more.length > 0) return wrong(`${show(value)} is not one output`, "write a path");
  const [path, options] = entry;
  if (options !== null && !isMapping(options))
    return wrong(`${show(options)} is not a mapping of options`, "write the path alone");
  const unknown = Object.keys((options ?? {}) as Mapping).find((key) => !OUTPUT_OPTIONS.includes(key));
  if (unknown !== undefined) {
    const mend = unknown === "persist" ? "let the step read its old output from another path" : "write the path alone";
    return wrong(`outputs have no option ${unknown}`, mend, { code: "SPEC_UNKNOWN_KEY", at: [path, unknown] });
  }
  return readPath(path);
};
