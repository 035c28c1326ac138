/**
 * JSON-lines log to stderr. Secrets never appear: values registered with `keepSecret`, and credentials inside URLs, are
 * masked in every line here and in every error and event that is rendered through `redact`.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";
const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

const secrets = new Set<string>();
const asked = process.env.TRIMTAB_LOG as LogLevel | undefined;
/** What is no level counts as the usual one: a typing error must not fill the disk. */
const minimum: LogLevel = asked !== undefined && Object.hasOwn(RANK, asked) ? asked : "warn";

/** Registers a value that must never be printed. Very short values are ignored: masking "1" everywhere would hide the text. */
export function keepSecret(value: string): void {
  if (value.length >= 6) secrets.add(value);
}

const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/@]+)@/gi;
/** Our own access tokens. */
const TOKEN = /\btrimtab_([0-9a-f]{12})_[0-9a-f]{64}\b/g;
const SECRET_QUERY = /([?&](?:token|key|secret|password|signature|access_token)=)[^&\s"]+/gi;

/** The same text with registered secrets and URL credentials replaced by "***". */
export function redact(text: string): string {
  let clean = text.replace(URL_CREDENTIALS, "$1***@").replace(SECRET_QUERY, "$1***").replace(TOKEN, "trimtab_$1_***");
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
