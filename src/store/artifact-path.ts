/** Names of artifacts: relative, "/" between, nothing that could lead out of the store however often it is decoded. */

import { fail, type TrimtabError } from "../base/errors.ts";

const SEGMENT_BYTES_MAX = 255;
/** What object stores allow. */
const PATH_BYTES_MAX = 1024;
const DECODINGS_MAX = 10;

/**
 * The path, checked; INVALID otherwise. Decoded again and again, since "%252e%252e" is ".." to whoever decodes twice: refused are ".."
 * and "." segments, absolute paths, backslashes, drive letters, U+0000 and empty segments; and, as it stands, "#" and control
 * characters (MLflow 2 names its images "x%step%23%timestamp%17…"). A folder's path may end in "/"; "" is the root, allowed
 * when `root` is.
 */
export function checkArtifactPath(path: string, options: { root?: boolean } = {}): string {
  const trimmed = path.replace(/\/$/, "");
  if (trimmed === "" && path === trimmed) {
    if (options.root) return "";
    throw invalid(path, "it is empty");
  }
  if (Buffer.byteLength(trimmed) > PATH_BYTES_MAX) throw invalid(path, `it is longer than ${PATH_BYTES_MAX} bytes`);
  const odd = oddityOf(trimmed);
  if (odd !== undefined) throw invalid(path, odd);
  let text = trimmed;
  for (let i = 0; i < DECODINGS_MAX; i++) {
    const fault = faultOf(text);
    if (fault !== undefined) throw invalid(path, fault);
    const decoded = decodeOnce(text);
    if (decoded === text) return trimmed;
    text = decoded;
  }
  throw invalid(path, "it is encoded too many times");
}

const invalid = (path: string, why: string): TrimtabError =>
  fail("INVALID", {
    what: `Invalid path ${JSON.stringify(path)}: ${why}`,
    mend: "name artifacts by relative paths such as model/MLmodel",
  });

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // "100%" is a name like any other; what is well encoded in it is still looked at.
    return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
      try {
        return decodeURIComponent(run);
      } catch {
        return run;
      }
    });
  }
}

function oddityOf(text: string): string | undefined {
  if (text.includes("#")) return 'it has a "#"';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text) ? "it has a control character" : undefined;
}

function faultOf(text: string): string | undefined {
  if (text.startsWith("/")) return "it is absolute";
  if (text.includes("\\")) return "it has a backslash";
  if (/^[A-Za-z]:/.test(text)) return "it begins with a drive letter";
  if (text.includes("\0")) return "it has a control character";
  for (const segment of text.split("/")) {
    if (segment === "") return "it has an empty segment";
    if (segment === "." || segment === "..") return `it has a "${segment}" segment`;
    if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) return "a name in it is too long";
  }
  return undefined;
}
