/**
 * Whether gzip files are whole. DuckDB takes a file that was cut for one that ends there and reads on without a word: a download that
 * broke off would be a smaller dataset. One more pass over the packed bytes, in constant memory.
 */

import { createReadStream } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { fail } from "../base/errors.ts";

/** Throws DATA_UNREADABLE for the first of the files named .gz that was cut or changed. */
export async function requireWholeGzip(files: readonly string[]): Promise<void> {
  for (const file of files)
    if (file.toLowerCase().endsWith(".gz"))
      await pipeline(createReadStream(file), createGunzip(), nowhere()).catch((cause: NodeJS.ErrnoException) => {
        // What is not zlib's, as a file that cannot be read, has a name of its own.
        if (!String(cause.code).startsWith("Z_")) throw cause;
        throw fail("DATA_UNREADABLE", { what: whatOf(cause), place: file, mend: "fetch or write it again", cause });
      });
}

function whatOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "Z_BUF_ERROR") return "the gzip file has no end: it was cut";
  if (/incorrect header/.test(message)) return "the file is not gzip, as its name says";
  return `the gzip file is damaged: ${message}`;
}

const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
