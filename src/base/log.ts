/**
 * JSON-lines log to stderr. Secrets never appear: values registered with `keepSecret`, credentials inside URLs and bearer tokens are
 * masked in every line here, in every error and event, and in what steps print: all of it is rendered through `redact`.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";
const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Every form of every secret, the longest first: one may hold another. */
let secrets: string[] = [];
const asked = process.env.TRIMTAB_LOG as LogLevel | undefined;
/** What is no level counts as the usual one: a typing error must not fill the disk. */
const minimum: LogLevel = asked !== undefined && Object.hasOwn(RANK, asked) ? asked : "warn";

/** Very short values are not masked: "1" everywhere would hide the text. */
const SECRET_CHARS_MIN = 6;

/** Registers a value that must never be printed, also as it stands in JSON and in URLs; of several lines each by itself. */
export function keepSecret(value: string): void {
  const forms = [value, ...value.split(/\r?\n/)].flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text.toWellFormed()),
  ]);
  const known = new Set([...secrets, ...forms.filter((form) => form.length >= SECRET_CHARS_MIN)]);
  secrets = [...known].sort((a, b) => b.length - a.length);
}

type Env = Readonly<Record<string, string | undefined>>;

/** Variables of the system: where things are and how they are shown is no secret, and masked it would hide every path. */
const OF_SYSTEM =
  /^(HOME|PWD|OLDPWD|PATH|USER|LOGNAME|SHELL|TERM|LANG|LC_\w+|TZ|TMPDIR|HOSTNAME|CI|VIRTUAL_ENV|PYTHONPATH|NODE_PATH)$/;
const SECRET_NAME = /(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY)(_|$)/i;

/** Registers the values of variables that a configuration names. */
export function keepVariables(env: Env, names: Iterable<string>): void {
  for (const name of names) if (!OF_SYSTEM.test(name) && Object.hasOwn(env, name)) keepSecret(env[name] ?? "");
}

/** Registers the values of variables whose own names say that they are secrets. */
export function keepNamedSecrets(env: Env): void {
  keepVariables(
    env,
    Object.keys(env).filter((name) => SECRET_NAME.test(name)),
  );
}

const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/@]+)@/gi;
/** Our own access tokens. */
const TOKEN = /\btrimtab_([0-9a-f]{12})_[0-9a-f]{64}\b/g;
const SECRET_QUERY = /([?&](?:token|key|secret|password|signature|access_token)=)[^&\s"]+/gi;
const BEARER = /\b(bearer\s+)[\w.~+/=-]{8,}/gi;

/** The same text with what looks like credentials replaced by "***", whatever is registered. */
export const maskCredentials = (text: string): string =>
  text
    .replace(URL_CREDENTIALS, "$1***@")
    .replace(SECRET_QUERY, "$1***")
    .replace(BEARER, "$1***")
    .replace(TOKEN, "trimtab_$1_***");

/** The same text with registered secrets and credentials replaced by "***". */
export function redact(text: string): string {
  let clean = maskCredentials(text);
  for (const secret of secrets) clean = clean.replaceAll(secret, "***");
  return clean;
}

function write(level: LogLevel, what: string, fields?: Record<string, unknown>): void {
  if (RANK[level] < RANK[minimum]) return;
  const line = JSON.stringify({ time: new Date().toISOString(), level, what, ...fields });
  process.stderr.write(`${redact(line)}\n`);
}

export const log = {
  debug: (what: string, fields?: Record<string, unknown>) => write("debug", what, fields),
  info: (what: string, fields?: Record<string, unknown>) => write("info", what, fields),
  warn: (what: string, fields?: Record<string, unknown>) => write("warn", what, fields),
  error: (what: string, fields?: Record<string, unknown>) => write("error", what, fields),
};
