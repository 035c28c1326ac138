/** What PostgreSQL and the way to it can refuse, as our errors: by SQLSTATE, or by Bun's own code when no server answered. */

import { SQL } from "bun";
import { type ErrorCode, fail, TrimtabError } from "../base/errors.ts";

interface Meaning {
  code: ErrorCode;
  /** Instead of the server's own words. */
  what?: string;
  mend?: string;
}

/** SQLSTATE, or its first two letters for the whole class → what it means to us. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  "08": { code: "DB_UNREACHABLE" },
  "28": { code: "DB_UNREACHABLE", mend: "check the user and the password in TRIMTAB_DB" },
  "3D000": { code: "DB_UNREACHABLE", mend: "create the database, or mend its name in TRIMTAB_DB" },
  "3F000": { code: "DB_UNREACHABLE", mend: "create the schema that search_path in TRIMTAB_DB names" },
  "42501": { code: "DB_UNREACHABLE", mend: "grant the user of TRIMTAB_DB the right to it" },
  "53300": { code: "DB_UNREACHABLE", mend: "raise max_connections of the server, or end other programs" },
  "57": { code: "DB_UNREACHABLE", mend: "try again when the database is up" },
  "25006": { code: "DB_UNREACHABLE", mend: "name the primary server in TRIMTAB_DB: this one only reads" },
  "25P03": { code: "DB_LOCKED", what: "a write took too long, and the database ended it" },
  "40001": { code: "DB_LOCKED" },
  "40P01": { code: "DB_LOCKED" },
  "55P03": { code: "DB_LOCKED", what: "another program holds the database's write lock" },
  "53100": { code: "DISK_FULL", what: "no space left for the database" },
  "22021": { code: "INVALID", what: "a text holds the letter U+0000, which PostgreSQL cannot store" },
  "22003": { code: "INVALID", what: "a number is larger than its column" },
  "54000": { code: "INVALID", mend: "use a shorter text" },
};

/** The connection is gone, and with it what was not committed; another one may do. */
const LOST = new Set(["57P01", "57P02", "08006", "08003", "25P03"]);
const LOST_CODES = new Set(["ERR_POSTGRES_CONNECTION_CLOSED", "ERR_POSTGRES_IDLE_TIMEOUT"]);
const CONFLICT = new Set(["40001", "40P01"]);

const cause = (error: unknown): SQL.PostgresError | undefined => {
  const inner = error instanceof TrimtabError ? error.cause : error;
  return inner instanceof SQL.PostgresError ? inner : undefined;
};

export function isConnectionLost(error: unknown): boolean {
  const known = cause(error);
  return known !== undefined && (LOST.has(known.errno ?? "") || LOST_CODES.has(known.code));
}

/** Two transactions got in each other's way: the one that was ended may be run again. */
export const isConflict = (error: unknown): boolean => CONFLICT.has(cause(error)?.errno ?? "");

/** `place` names the database without its password. Errors of our own SQL pass as they are. */
export function mappedError(error: unknown, place: string): unknown {
  if (!(error instanceof SQL.PostgresError)) return isConnectionTrouble(error) ? unreachable(error, place) : error;
  const state = error.errno ?? "";
  const meaning = MEANINGS[state] ?? MEANINGS[state.slice(0, 2)];
  if (meaning !== undefined) {
    const { code, what = error.message, mend } = meaning;
    return fail(code, { what, place, cause: error, ...(mend === undefined ? {} : { mend }) });
  }
  if (state !== "" || error.code === "ERR_POSTGRES_SERVER_ERROR" || error.code === "ERR_POSTGRES_SYNTAX_ERROR")
    return error;
  return unreachable(error, place);
}

const unreachable = (error: Error, place: string): TrimtabError =>
  fail("DB_UNREACHABLE", { what: error.message, place, cause: error });

/** A certificate that does not verify, a socket that breaks: errors with a code, which are no mistake of ours. */
const isConnectionTrouble = (error: unknown): error is Error =>
  error instanceof Error &&
  !(error instanceof TypeError || error instanceof TrimtabError) &&
  typeof (error as { code?: unknown }).code === "string";
