/**
 * How a CSV file is written, read from its first bytes: delimiter and column names. Strict on purpose: DuckDB's own sniffer takes a
 * ragged file for one column, or a file without header for one with numbers as names, and says nothing.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { constants, gunzipSync } from "node:zlib";
import { fail, type TrimtabError } from "../base/errors.ts";

export interface CsvHead {
  delimiter: "," | "\t" | ";" | "|";
  columns: string[];
}

const HEAD_BYTES = 256 << 10;
const DELIMITERS = [",", "\t", ";", "|"] as const;

/** Reads the header row of a CSV file, gzipped or not. DATA_UNREADABLE names file and line. */
export function readCsvHead(file: string): CsvHead {
  const text = headText(file);
  const line = firstRecord(text);
  if (line.trim() === "") throw unreadable(`${file}:1`, "there is no header row", "write the column names in row 1");
  const delimiter = delimiterOf(file, line);
  const columns = splitRecord(line, delimiter);
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) throw unreadable(`${file}:1`, `column ${JSON.stringify(twice)} appears twice`, "rename one");
  const cases = columns.map((name) => name.toLowerCase());
  const alike = columns.filter((_, i) => cases.indexOf(cases[i]!) !== cases.lastIndexOf(cases[i]!));
  if (alike.length > 0)
    throw unreadable(`${file}:1`, `columns ${alike.join(" and ")} differ only in the case of letters`, "rename one");
  if (columns.some((name) => name.trim() === ""))
    throw unreadable(`${file}:1`, `column ${columns.findIndex((n) => n.trim() === "") + 1} has no name`, "name it");
  if (columns.every((name) => name.trim() !== "" && Number.isFinite(Number(name))))
    throw unreadable(`${file}:1`, "the first row is all numbers, so there is no header", "write column names in row 1");
  return { delimiter, columns };
}

const unreadable = (place: string, what: string, mend: string): TrimtabError =>
  fail("DATA_UNREADABLE", { what, place, mend });

function headText(file: string): string {
  const bytes = unpacked(file, readHead(file));
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw unreadable(`${file}:1`, "the text is UTF-16", "convert the file: iconv -f utf-16 -t utf-8");
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw unreadable(`${file}:${lineOf(bytes, nul)}`, "the file is binary, not text", "name it what it is");
  return new TextDecoder().decode(bytes).replace(/^\ufeff/, "");
}

function readHead(file: string): Uint8Array {
  const handle = openSync(file, "r");
  try {
    const buffer = new Uint8Array(HEAD_BYTES);
    return buffer.subarray(0, readSync(handle, buffer));
  } finally {
    closeSync(handle);
  }
}

function unpacked(file: string, bytes: Uint8Array): Uint8Array {
  if (!file.toLowerCase().endsWith(".gz")) return bytes;
  try {
    // The head of a gzip file has no end; what can be unpacked of it is enough.
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw fail("DATA_UNREADABLE", { what: "the file is not gzip, as its name says", place: file, cause });
  }
}

const lineOf = (bytes: Uint8Array, at: number): number =>
  bytes.subarray(0, at).filter((byte) => byte === 10).length + 1;

/** Up to the first line end outside quotes. */
function firstRecord(text: string): string {
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    else if (!quoted && (text[i] === "\n" || text[i] === "\r")) return text.slice(0, i);
  }
  return text;
}

function delimiterOf(file: string, line: string): CsvHead["delimiter"] {
  if (/\.tsv(\.gz)?$/i.test(file)) return "\t";
  const bare = line.replace(/"(?:[^"]|"")*"/g, "");
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

function splitRecord(line: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  for (const char of line) {
    if (char === '"') quoted = !quoted;
    if (char === delimiter && !quoted) {
      fields.push(field);
      field = "";
    } else field += char;
  }
  fields.push(field);
  return fields.map((text) => (text.startsWith('"') ? text.replace(/^"|"$/g, "").replaceAll('""', '"') : text));
}
