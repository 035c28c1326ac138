/** DuckDB's messages (many lines, a caret, a list of settings) as one line of ours, with the code that fits and file:line where it has one. */

import { fail, TrimtabError } from "../base/errors.ts";

const firstLine = (text: string): string => text.split("\n")[0]!.trim();

/** The first error of a CSV file, as DuckDB words it: line, file and what is wrong. */
function csvError(message: string, cause: unknown): TrimtabError | undefined {
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  if (line === undefined) return undefined;
  const file = /^\s*file = (.*)$/m.exec(message)?.[1] ?? "";
  const columns = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  const place = `${file}:${line}`;
  if (columns)
    return fail("DATA_UNREADABLE", {
      what: `the row has ${columns[2]} values, the header ${columns[1]}`,
      place,
      mend: "mend the row; quote values that hold the delimiter",
      cause,
    });
  if (message.includes("not utf-8 encoded"))
    return fail("DATA_UNREADABLE", {
      what: "the text is not UTF-8",
      place,
      mend: "convert the file: iconv -f latin1 -t utf-8",
      cause,
    });
  const reason = /^.*(?:unterminated quote|Error when converting column|Maximum line size|quote should).*$/m.exec(
    message,
  );
  const what = reason?.[0].trim().replace(/\.$/, "") ?? "the row cannot be parsed";
  return fail("DATA_UNREADABLE", { what, place, cause });
}

/** The first line without DuckDB's class of error, and the file (and line) that it names. */
function parsed(message: string): { what: string; place?: string } {
  const what = firstLine(message)
    .replace(/^[A-Z][A-Za-z ]+ Error: /, "")
    .replace(/\.$/, "");
  const json = /^Malformed JSON in file "(.*)", at byte (\d+) in line (\d+): (.*)$/.exec(what);
  // DuckDB counts the line that it has not finished twice: it says 2 for the first.
  if (json)
    return {
      what: `the JSON is malformed at byte ${json[2]} of the line: ${json[4]}`,
      place: `${json[1]}:${Number(json[3]) - 1}`,
    };
  const file = /\bfile ["'](.*?)["']/i.exec(what)?.[1];
  return file === undefined ? { what } : { what, place: file };
}

/** Makes the error to throw for a failed statement. What is not recognised is a bug of ours: INTERNAL with the statement's start. */
export function duckError(error: unknown, sql: string): unknown {
  if (error instanceof TrimtabError || !(error instanceof Error)) return error;
  const message = error.message;
  const csv = csvError(message, error);
  if (csv) return csv;
  const about = { ...parsed(message), cause: error };
  const unknown = /Referenced column "(.*)" (?:was )?not found/.exec(message);
  if (unknown) {
    const near = /Candidate bindings: (.*)/.exec(message)?.[1];
    return fail("DATA_COLUMN", {
      what: `there is no column ${unknown[1]}${near ? ` (nearest: ${near})` : ""}`,
      cause: error,
    });
  }
  if (/CSV Parser state machine reached an invalid state/.test(message))
    return fail("DATA_UNREADABLE", {
      what: "the rows cannot be told apart, as when some end with CR LF and some with LF alone",
      cause: error,
    });
  if (/No space left|Disk quota|temp_directory.*(full|exceeded)/i.test(message))
    return fail("DISK_FULL", { what: "no space left for scratch files", cause: error });
  if (/Permission denied/i.test(message)) return fail("FILE_NOT_READABLE", about);
  if (/^IO Error: No files found/.test(message)) return fail("FILE_NOT_FOUND", about);
  if (/^(IO|Invalid Input|Conversion|Serialization|Out of Range) Error/.test(message))
    return fail("DATA_UNREADABLE", about);
  if (/^Out of Memory Error/.test(message))
    return fail("DATA_UNREADABLE", {
      what: "the scan needs more memory than the engine may use",
      mend: "give the machine more memory, or read fewer columns or rows",
      cause: error,
    });
  return fail("INTERNAL", { what: `${firstLine(message)} in ${sql.slice(0, 200)}`, cause: error });
}
