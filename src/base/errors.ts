/**
 * Every error that Trimtab reports on purpose: code → HTTP status, exit code, what it means and the usual mend.
 * docs/errors.md is generated from this table and a test holds them equal. A message is one line:
 * `error[CODE] place: what. Mend: how.`
 */

import { redact } from "./log.ts";

interface ErrorKind {
  /** HTTP status when it reaches a client. */
  status: number;
  /** 1 failed, 2 bad input, 3 the gate said no. */
  exit: 1 | 2 | 3;
  /** What it means, for docs/errors.md. */
  means: string;
  /** The usual mend, printed when the thrower has no better one. */
  mend: string;
}

const kind = (status: number, exit: 1 | 2 | 3, means: string, mend: string): ErrorKind => ({
  status,
  exit,
  means,
  mend,
});

export const ERRORS = {
  // base
  INTERNAL: kind(
    500,
    1,
    "A bug in Trimtab: something it does not expect happened.",
    "report it with the output of TRIMTAB_LOG=debug",
  ),
  USAGE: kind(400, 2, "The command line has an unknown command, option or value.", "see trimtab --help"),
  NOT_AVAILABLE: kind(
    501,
    2,
    "The setting is part of the language but this release does not do it yet.",
    "remove the setting, or use the alternative that the message names",
  ),
  DISK_FULL: kind(507, 1, "The disk has no room; nothing was published.", "free some space and run again"),
  FILE_NOT_FOUND: kind(
    404,
    2,
    "A named file or folder does not exist.",
    "check the path; it is relative to the folder of pipeline.yaml",
  ),
  FILE_NOT_READABLE: kind(400, 2, "A file exists but cannot be read.", "check its permissions"),
  FILE_NOT_WRITABLE: kind(500, 1, "A file or folder cannot be written.", "check its permissions and the file system"),
  FILE_SYSTEM: kind(
    500,
    1,
    "The system refused to do something with a file or folder that Trimtab needs.",
    "look at what stands at that path, and at its permissions",
  ),
  PORT_TAKEN: kind(500, 1, "Another program listens on the port.", "stop it or choose another port"),
  PORT_REFUSED: kind(
    500,
    1,
    "The system does not let this program listen at the address.",
    "choose another --host, or a port above 1023",
  ),
  // spec
  SPEC_NOT_FOUND: kind(
    404,
    2,
    "There is no pipeline.yaml here.",
    "run trimtab init, or change to the folder that has one; trimtab up --tracking needs none",
  ),
  SPEC_SYNTAX: kind(400, 2, "The YAML cannot be parsed.", "mend the syntax at the named line"),
  SPEC_TOO_LARGE: kind(
    400,
    2,
    "A YAML or JSON file is larger than any project needs, or expands too far.",
    "split it, or remove nested aliases",
  ),
  SPEC_INVALID: kind(400, 2, "A value in pipeline.yaml is not allowed there.", "see docs/pipeline.md for the key"),
  SPEC_UNKNOWN_KEY: kind(400, 2, "A key is not part of the language.", "see docs/pipeline.md for the keys"),
  SPEC_GRAPH: kind(
    400,
    2,
    "The steps do not form a graph: a cycle, two writers of one output, or an output that nobody makes.",
    "mend deps and outs of the named steps",
  ),
  // db
  DB_LOCKED: kind(
    503,
    1,
    "Another program holds the database longer than the busy timeout.",
    "end that program, or try again",
  ),
  DB_NEWER: kind(500, 1, "The database was written by a newer Trimtab.", "upgrade Trimtab"),
  DB_UNREACHABLE: kind(
    503,
    1,
    "The database cannot be opened or reached.",
    "check TRIMTAB_DB and that the database is up",
  ),
  JOURNAL_BROKEN: kind(
    500,
    1,
    "The hash chain of the event journal does not verify.",
    "restore the database from a backup; something edited the journal",
  ),
  // store
  OBJECT_MISSING: kind(
    404,
    1,
    "A content-addressed object is not in the cache.",
    "run the step again, or pull the data",
  ),
  OBJECT_CORRUPT: kind(
    500,
    1,
    "A cached object's bytes do not match its name.",
    "run the step again, or pull the data",
  ),
  // data
  DATA_UNREADABLE: kind(
    400,
    2,
    "A data file cannot be parsed as what its name says.",
    "check the file's format and encoding",
  ),
  DATA_COLUMN: kind(
    400,
    2,
    "A column that is asked for is not in the data.",
    "check the name against the columns that the message lists",
  ),
  CHECK_FAILED: kind(
    422,
    1,
    "The data does not meet its expectations.",
    "look at the rows that trimtab validate shows; mend the data or the expectation",
  ),
  CHECK_INVALID: kind(
    400,
    2,
    "An expectation is unknown or its arguments are wrong.",
    "see docs/pipeline.md for the expectations",
  ),
  DATA_DIFFERS: kind(
    409,
    2,
    "The data is not what its DVC pointer says.",
    "record the new data with dvc add, or fetch the recorded data with dvc checkout",
  ),
  DATA_TRACKED: kind(
    409,
    2,
    "Data that is to be kept by content is tracked by Git.",
    "take it out of Git first: git rm -r --cached",
  ),
  // features
  FEATURES_INVALID: kind(
    400,
    2,
    "features.yaml has an unknown transform, a bad expression or an unknown column.",
    "see docs/features.md",
  ),
  FEATURES_DIFFER: kind(
    409,
    1,
    "The serving path gives other features than training saw; the version is refused.",
    "rebuild the features and train again",
  ),
  // pipeline
  STEP_FAILED: kind(500, 1, "A step's command ended with an error.", "read its output above"),
  STEP_TIMEOUT: kind(
    500,
    1,
    "A step ran longer than its timeout and was ended.",
    "raise resources.timeout or make the step faster",
  ),
  STEP_MEMORY: kind(
    500,
    1,
    "A step used more memory than its limit and was ended.",
    "raise resources.memory or make the step smaller",
  ),
  STEP_OUTPUT_MISSING: kind(
    500,
    1,
    "A step ended well but did not write a declared output.",
    "write the output, or remove it from outs",
  ),
  RUN_CANCELLED: kind(499, 1, "The run was cancelled.", "run again"),
  RUN_BUSY: kind(409, 1, "Another run of this pipeline is under way.", "wait for it, or end it"),
  KEY_INCOMPLETE: kind(
    500,
    1,
    "A part of a step's cache key cannot be computed.",
    "mend the named part; Trimtab does not leave it out",
  ),
  // tracking and registry
  NOT_FOUND: kind(404, 2, "The named thing does not exist.", "list what there is"),
  ALREADY_EXISTS: kind(409, 2, "The name is taken.", "choose another name"),
  INVALID: kind(400, 2, "A value is not allowed there.", "check the value that the message names"),
  NOT_ACTIVE: kind(400, 2, "The run or experiment is deleted.", "restore it first"),
  UNAUTHENTICATED: kind(
    401,
    2,
    "The server wants to know who asks, and the token is missing, wrong, expired or revoked.",
    "send a token as Bearer, or as the password of its owner; trimtab token create makes one",
  ),
  FORBIDDEN: kind(
    403,
    2,
    "The role of who asks does not allow it.",
    "ask an admin for the role that the message names",
  ),
  APPROVAL_NEEDED: kind(
    403,
    3,
    "With `deploy.approve: true` a version serves only after a person's yes.",
    "trimtab rollout approve, or ask an admin of the model for it",
  ),
  TARGET_REFUSED: kind(
    400,
    2,
    "A webhook's address is not one that this server may call: not https, or inside a private network.",
    "use a public https address, or set TRIMTAB_WEBHOOKS_PRIVATE=allow",
  ),
  PEER_FAILED: kind(
    502,
    1,
    "Another MLflow server or its database cannot be reached or refuses.",
    "check the address, the credentials and that it is up",
  ),
  GATE_REFUSED: kind(409, 3, "The gate said no.", "see the verdict; the champion keeps serving"),
  // serving
  MODEL_INVALID: kind(
    400,
    2,
    "A model folder is damaged or of a kind that cannot be served.",
    "check the folder; see docs/operations.md",
  ),
  MODEL_FAILED: kind(500, 1, "The model raised an error or its process died.", "read the model's log"),
  REQUEST_INVALID: kind(
    400,
    2,
    "A prediction request does not fit the model's inputs.",
    "send the named field as the message says",
  ),
  REQUEST_TOO_LARGE: kind(413, 2, "The request body is over the limit.", "send fewer rows a request"),
  OVERLOADED: kind(503, 1, "The queue is full; the request was shed.", "retry after the time in Retry-After"),
  NOT_READY: kind(503, 1, "No model is loaded yet.", "deploy a version; see trimtab status"),
  MODEL_CRASHED: kind(
    500,
    1,
    "The model's process died while it worked on the request, and again when it was tried once more.",
    "read the model's log; the process was started again",
  ),
  MODEL_TIMEOUT: kind(
    504,
    1,
    "The model did not answer in time; its process was ended and started again.",
    "send fewer rows, or make the model faster",
  ),
  DEPLOY_NOTHING: kind(409, 2, "There is no deployment to act on.", "deploy a version first"),
  // monitor
  ALERT_FAILED: kind(502, 1, "An alert could not be delivered.", "check the webhook's address"),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface About {
  /** What happened, with the offending value; no full stop at the end. */
  what: string;
  /** file:line, a path, a field or a URL. */
  place?: string;
  /** Replaces the table's mend when the thrower knows better. */
  mend?: string;
  cause?: unknown;
  /** Facts for machines: goes out as `details` in JSON. */
  details?: unknown;
}

export class TrimtabError extends Error {
  readonly place: string | undefined;
  readonly mend: string;
  readonly details: unknown;
  constructor(
    readonly code: ErrorCode,
    about: About,
  ) {
    super(redact(about.what), about.cause === undefined ? undefined : { cause: about.cause });
    this.name = "TrimtabError";
    this.place = about.place === undefined ? undefined : redact(about.place);
    this.mend = about.mend ?? ERRORS[code].mend;
    this.details = about.details;
  }
  get status(): number {
    return ERRORS[this.code].status;
  }
  get exit(): number {
    return ERRORS[this.code].exit;
  }
  /** The one line that people see. */
  oneLine(): string {
    const place = this.place === undefined ? "" : ` ${this.place}`;
    // MLflow's own sentences end with a stop.
    const what = this.message.replace(/\.$/, "");
    return redact(`error[${this.code}]${place}: ${what}. Mend: ${this.mend}.`).replaceAll(/\p{Cc}/gu, " ");
  }
  toJSON(): Record<string, unknown> {
    return { code: this.code, message: this.message, place: this.place, mend: this.mend, details: this.details };
  }
}

/** Several errors at once (all complaints about one file): each is printed on its own line, the first decides the exit code. */
export class TrimtabErrors extends Error {
  constructor(readonly errors: readonly TrimtabError[]) {
    super(errors.map((e) => e.oneLine()).join("\n"));
    this.name = "TrimtabErrors";
  }
}

/** Makes an error to throw: `throw fail("FILE_NOT_FOUND", { what, place })`. */
export const fail = (code: ErrorCode, about: About): TrimtabError => new TrimtabError(code, about);

/** What the system's own refusals are called when nobody on the way up knew better. */
const SYSTEM_ERRORS: Record<string, readonly [ErrorCode, string, string?]> = {
  ENOSPC: ["DISK_FULL", "no space left on the disk"],
  EDQUOT: ["DISK_FULL", "the disk quota is used up"],
  EFBIG: ["DISK_FULL", "the file is larger than this process may write", "raise the limit: ulimit -f"],
  EROFS: ["FILE_NOT_WRITABLE", "the file system is read-only"],
  ENOENT: ["FILE_SYSTEM", "it does not exist"],
  ENOTDIR: ["FILE_SYSTEM", "a part of the path is a file, not a folder", "move that file away"],
  EISDIR: ["FILE_SYSTEM", "it is a folder, not a file", "move that folder away"],
  EACCES: ["FILE_SYSTEM", "permission denied"],
  EPERM: ["FILE_SYSTEM", "permission denied"],
  ELOOP: ["FILE_SYSTEM", "its links go round in a circle"],
  EMFILE: ["FILE_SYSTEM", "too many files are open", "raise the limit: ulimit -n"],
};

/** Any thrown value as a TrimtabError; what is neither ours nor the system's becomes INTERNAL with its message. */
export function asTrimtabError(error: unknown): TrimtabError {
  if (error instanceof TrimtabError) return error;
  if (error instanceof TrimtabErrors && error.errors[0]) return error.errors[0];
  if (!(error instanceof Error)) return new TrimtabError("INTERNAL", { what: String(error), cause: error });
  const { code, path, message } = error as NodeJS.ErrnoException;
  const known = SYSTEM_ERRORS[code ?? ""];
  if (known === undefined) return new TrimtabError("INTERNAL", { what: message, cause: error });
  const [ours, what, mend] = known;
  return new TrimtabError(ours, {
    what: path ? what : message,
    ...(path && { place: path }),
    ...(mend && { mend }),
    cause: error,
  });
}
