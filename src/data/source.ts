/**
 * What a data source in pipeline.yaml stands for: a file, a folder, a glob or a DVC pointer becomes a list of files of one
 * format, in one order. Nothing is read here but names (and a pointer); scan.ts reads the rows.
 */

import { accessSync, constants, type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fail, type TrimtabError } from "../base/errors.ts";
import { compareCodePoints, writeManifest } from "../store/manifest.ts";
import type { StatCache } from "../store/stat-cache.ts";
import { walk } from "../store/walk.ts";
import { readDvcPointer } from "./dvc/pointer.ts";

export type DataFormat = "parquet" | "csv" | "json";

export interface SourceFiles {
  /** As written. */
  uri: string;
  format: DataFormat;
  /** What is hashed: the file or folder, or for a glob each file that it matches; absolute. */
  shape: "file" | "folder" | "glob";
  path: string;
  /** Absolute, in code point order; at least one. */
  files: string[];
  /** The hash that a DVC pointer promises. */
  pinned?: { md5: string; pointer: string };
}

export interface SourceHash {
  /** md5 of a file; DVC's ".dir" hash of a folder or of what a glob matches. */
  digest: string;
  sizeBytes: number;
}

const FORMATS: readonly (readonly [RegExp, DataFormat])[] = [
  [/\.(parquet|pq)$/i, "parquet"],
  [/\.(csv|tsv)(\.gz)?$/i, "csv"],
  [/\.(json|jsonl|ndjson)(\.gz)?$/i, "json"],
];
const formatOf = (file: string): DataFormat | undefined => FORMATS.find(([name]) => name.test(file))?.[1];

/**
 * Finds the files of a source. FILE_NOT_FOUND and FILE_NOT_READABLE name what is missing, DATA_UNREADABLE what is no data,
 * NOT_AVAILABLE the object stores.
 */
export async function resolveSource(uri: string, root: string): Promise<SourceFiles> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(uri))
    throw fail("NOT_AVAILABLE", {
      what: `${uri.split(":")[0]}:// data is not available yet`,
      place: uri,
      mend: "copy the files into the project and name them there",
    });
  if (uri.endsWith(".dvc")) return resolvePointer(uri, root);
  const path = resolve(root, uri);
  if (/[*?[\]{}]/.test(uri) && !statOf(path)) return resolveGlob(uri, root);
  const stat = statOf(path);
  if (!stat) throw fail("FILE_NOT_FOUND", { what: "the data source does not exist", place: path });
  if (stat.isDirectory()) return sourceOf(uri, "folder", path, dataFilesIn(path));
  const format = formatOf(path);
  if (!format) throw unknownFormat(path);
  return sourceOf(uri, "file", path, [path]);
}

async function resolvePointer(uri: string, root: string): Promise<SourceFiles> {
  const pointer = resolve(root, uri);
  const { md5, path, legacy } = readDvcPointer(pointer);
  if (!statOf(path))
    throw fail("FILE_NOT_FOUND", {
      what: `the data that ${uri} points at is not here`,
      place: path,
      mend: "fetch it with dvc pull",
    });
  const source = { ...(await resolveSource(relative(root, path), root)), uri };
  return legacy ? source : { ...source, pinned: { md5, pointer } };
}

async function resolveGlob(uri: string, root: string): Promise<SourceFiles> {
  const files: string[] = [];
  for await (const file of new Bun.Glob(uri).scan({ cwd: root, absolute: true })) if (formatOf(file)) files.push(file);
  if (files.length === 0) throw fail("FILE_NOT_FOUND", { what: "no data file matches", place: join(root, uri) });
  return sourceOf(uri, "glob", root, files);
}

function sourceOf(uri: string, shape: SourceFiles["shape"], path: string, found: string[]): SourceFiles {
  const files = found.sort(compareCodePoints);
  const [first, ...rest] = files;
  if (first === undefined) throw unknownFormat(path);
  const format = formatOf(first)!;
  const other = rest.find((file) => formatOf(file) !== format);
  if (other !== undefined)
    throw fail("DATA_UNREADABLE", {
      what: `${other} is not ${format}, but ${first} is`,
      place: path,
      mend: "keep files of one format in one source",
    });
  for (const file of files) checkReadable(file);
  return { uri, format, shape, path, files };
}

/** Data files at any depth. Names that begin with a dot or an underscore are bookkeeping (Spark, Hive, editors). */
function dataFilesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !/^[._]/.test(name));
  return entries.flatMap((entry: Dirent) => {
    const path = join(folder, entry.name);
    if (statOf(path)?.isDirectory()) return dataFilesIn(path);
    return formatOf(path) ? [path] : [];
  });
}

function checkReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw fail("FILE_NOT_READABLE", { what: "the file cannot be read", place: file, cause });
  }
  const stat = statSync(file);
  if (!stat.isFile())
    throw fail("FILE_NOT_READABLE", { what: "it is no regular file", place: file, mend: "name a file" });
  if (stat.size === 0)
    throw fail("DATA_UNREADABLE", { what: "the file is empty", place: file, mend: "remove it or write it again" });
}

const unknownFormat = (place: string): TrimtabError =>
  fail("DATA_UNREADABLE", {
    what: "there is no data file of a known format",
    place,
    mend: "name files .parquet, .csv, .tsv, .json or .jsonl (text also with .gz)",
  });

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** The content hash of a source: what names a dataset version. DATA_DIFFERS when a DVC pointer promises another. */
export async function hashSource(source: SourceFiles, stats: StatCache): Promise<SourceHash> {
  const hash = source.shape === "glob" ? await hashGlob(source, stats) : await stats.hashPath(source.path);
  if (source.pinned && source.pinned.md5 !== hash.digest)
    throw fail("DATA_DIFFERS", {
      what: `the data hashes to ${hash.digest}, its pointer says ${source.pinned.md5}`,
      place: source.pinned.pointer,
    });
  return { digest: hash.digest, sizeBytes: hash.sizeBytes };
}

async function hashGlob(source: SourceFiles, stats: StatCache): Promise<SourceHash> {
  const found = source.files.map((file) => ({ ...walk(file).files[0]!, relpath: relative(source.path, file) }));
  const hashed = await stats.hashFiles(found);
  return { digest: writeManifest(hashed).digest, sizeBytes: hashed.reduce((sum, file) => sum + file.sizeBytes, 0) };
}
