/**
 * A folder as one object: DVC 3's `.dir` manifest, byte for byte, so that both programs give a folder the same name.
 * A JSON array of {"md5", "relpath"} sorted by code point, ", " and ": " between, everything but printable ASCII escaped
 * (0x7f too). The name is the md5 of those bytes with ".dir" after it. Empty folders and x bits are not recorded.
 */

import { fail } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";

export interface ManifestEntry {
  md5: string;
  /** Below the folder, with "/" between. */
  relpath: string;
}

export interface Manifest {
  /** 32 hex digits and ".dir". */
  digest: string;
  text: string;
}

/**
 * Order by Unicode code point. JavaScript's own order is by UTF-16 unit, which puts U+1F600 (two surrogates) before U+FF01.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they rank above the rest of the plane. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** JSON.stringify leaves 0x7f and everything above as it is; Python's json.dumps, which DVC uses, escapes it. */
const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** The manifest of a folder with these files, in any order. */
export function writeManifest(entries: readonly ManifestEntry[]): Manifest {
  const sorted = [...entries].sort((a, b) => compareCodePoints(a.relpath, b.relpath));
  const text = `[${sorted.map((e) => `{"md5": "${e.md5}", "relpath": ${asciiJson(e.relpath)}}`).join(", ")}]`;
  return { digest: `${hashText("md5", text)}.dir`, text };
}

/** Reads a manifest, ours or DVC's. Anything else, or a path that leaves the folder, is OBJECT_CORRUPT. */
export function readManifest(text: string, place: string): ManifestEntry[] {
  const corrupt = (what: string) => fail("OBJECT_CORRUPT", { what, place });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fail("OBJECT_CORRUPT", { what: "the folder's manifest is not JSON", place, cause });
  }
  if (!Array.isArray(parsed)) throw corrupt("the folder's manifest is not a list");
  return parsed.map((entry: Partial<ManifestEntry> | null) => {
    if (typeof entry?.md5 !== "string" || typeof entry.relpath !== "string" || !/^[0-9a-f]{32}$/.test(entry.md5))
      throw corrupt("an entry of the folder's manifest has no md5 or relpath");
    if (entry.relpath.split("/").some((part) => part === "" || part === "." || part === ".." || part.includes("\0")))
      throw corrupt(`the folder's manifest names ${JSON.stringify(entry.relpath)}, which is not below the folder`);
    return { md5: entry.md5, relpath: entry.relpath };
  });
}
