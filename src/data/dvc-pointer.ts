/** A `<name>.dvc` file: the hash and place of one tracked file or folder (DVC 3, and 2.x without `hash: md5`). */

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fail, type TrimtabError } from "../base/errors.ts";
import { readYaml } from "../spec/yaml.ts";
import { readError } from "../store/walk.ts";

export interface DvcPointer {
  /** 32 hex digits, and ".dir" after them for a folder. */
  md5: string;
  /** Absolute. */
  path: string;
  sizeBytes?: number;
  /** Written by DVC 2: the md5 is of the text with LF line ends, and cannot be compared with that of the bytes. */
  legacy: boolean;
}

/** Reads a pointer with one output. DATA_UNREADABLE says what is not as DVC writes it. */
export async function readDvcPointer(file: string): Promise<DvcPointer> {
  const document = readYaml(bytesOf(file), file).value as { wdir?: unknown; outs?: unknown } | null;
  const outs = document?.outs;
  if (!Array.isArray(outs) || outs.length !== 1) throw bad(file, "it must have outs: with one entry");
  const { md5, path, size, hash } = outs[0] as Record<string, unknown>;
  // A hash of 32 digits, unquoted, is a number to YAML: DVC quotes it, others may not.
  if (typeof md5 !== "string" || !/^[0-9a-f]{32}(\.dir)?$/.test(md5)) throw bad(file, "outs has no md5");
  if (typeof path !== "string") throw bad(file, "outs has no path");
  if (hash !== undefined && hash !== "md5") throw bad(file, `the hash is ${String(hash)}, only md5 is known`);
  const wdir = typeof document?.wdir === "string" ? document.wdir : ".";
  return {
    md5,
    path: resolve(dirname(file), wdir, path),
    legacy: hash === undefined,
    ...(typeof size === "number" ? { sizeBytes: size } : {}),
  };
}

const bad = (place: string, what: string): TrimtabError =>
  fail("DATA_UNREADABLE", { what, place, mend: "write the pointer with dvc add" });

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw readError(error, file);
  }
}
