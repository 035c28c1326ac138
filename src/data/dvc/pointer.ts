/** A `<name>.dvc` file: the hash and place of one tracked file or folder. Read from DVC 3 and 2, written as DVC 3 writes it. */

import { basename, dirname, resolve } from "node:path";
import { fail, type TrimtabError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import { readGiven } from "../../base/given.ts";
import { readYaml } from "../../spec/yaml.ts";
import { readError } from "../../store/walk.ts";

export interface DvcPointer {
  /** 32 hex digits, and ".dir" after them for a folder. */
  md5: string;
  /** Absolute. */
  path: string;
  sizeBytes?: number;
  /** Folders only. */
  files?: number;
  /** A file with an x bit. */
  executable: boolean;
  /** Written by DVC 2: the md5 is of the text with LF line ends, and cannot be compared with that of the bytes. */
  legacy: boolean;
}

/** Reads a pointer with one output. DATA_UNREADABLE says what is not as DVC writes it. */
export function readDvcPointer(file: string): DvcPointer {
  const document = readYaml(bytesOf(file), file).value as { wdir?: unknown; outs?: unknown } | null;
  const outs = document?.outs;
  if (!Array.isArray(outs) || outs.length !== 1) throw bad(file, "it must have outs: with one entry");
  const { md5, path, size, nfiles, hash, isexec } = (outs[0] ?? {}) as Record<string, unknown>;
  // A hash of 32 digits, unquoted, is a number to YAML: DVC quotes it, others may not.
  if (typeof md5 !== "string" || !/^[0-9a-f]{32}(\.dir)?$/.test(md5)) throw bad(file, "outs has no md5");
  if (typeof path !== "string") throw bad(file, "outs has no path");
  if (hash !== undefined && hash !== "md5") throw bad(file, `the hash is ${String(hash)}, only md5 is known`);
  const wdir = typeof document?.wdir === "string" ? document.wdir : ".";
  return {
    md5,
    path: resolve(dirname(file), wdir, path),
    ...(typeof size === "number" ? { sizeBytes: size } : {}),
    ...(typeof nfiles === "number" ? { files: nfiles } : {}),
    executable: isexec === true,
    legacy: hash === undefined,
  };
}

/** Writes the pointer of what lies beside it, byte for byte as DVC does. */
export async function writeDvcPointer(file: string, pointer: Omit<DvcPointer, "legacy">): Promise<void> {
  const lines = [
    "outs:",
    `- md5: ${quoted(pointer.md5)}`,
    `  size: ${pointer.sizeBytes ?? 0}`,
    ...(pointer.files === undefined ? [] : [`  nfiles: ${pointer.files}`]),
    ...(pointer.executable ? ["  isexec: true"] : []),
    "  hash: md5",
    `  path: ${quoted(basename(pointer.path))}`,
  ];
  await writeFileAtomic(file, `${lines.join("\n")}\n`);
}

/** What plain text would be read as something else: a number, a time, a truth value, null, a document's mark. */
const NOT_TEXT = [
  /^[-+]?(0b[01_]+|0o?[0-7_]+|[0-9][0-9_]*|0x[0-9a-f_]+)$/i,
  /^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)(e[-+]?[0-9]+)?$/i,
  /^[-+]?\.(inf|nan)$/i,
  /^(true|false|null|~|=|<<)$/i,
  /^\d{4}-\d\d?-\d\d?/,
  /^(---|\.\.\.)/,
];
/** What plain text in a block mapping cannot hold: an indicator in front, ": " or " #" within, spaces around, what is not printed. */
const NOT_PLAIN = [/^[,[\]{}#&*!|>'"%@`]/, /^[-?:](\s|$)/, /:(\s|$)|\s#/, /^\s|\s$/, /[^\P{C}\p{Co}]|\u2028|\u2029/u];

/** Text as YAML 1.2, quoted only when it must be, as DVC writes it. A hash of digits, or of digits around an "e", must be. */
function quoted(text: string): string {
  if (![...NOT_TEXT, ...NOT_PLAIN].some((pattern) => pattern.test(text))) return text;
  return /[^\P{C}\p{Co}]|\u2028|\u2029/u.test(text) ? JSON.stringify(text) : `'${text.replaceAll("'", "''")}'`;
}

const bad = (place: string, what: string): TrimtabError =>
  fail("DATA_UNREADABLE", { what, place, mend: "write the pointer with dvc add" });

function bytesOf(file: string): Uint8Array {
  try {
    return readGiven(file);
  } catch (error) {
    throw readError(error, file);
  }
}
