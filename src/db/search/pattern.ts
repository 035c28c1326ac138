/**
 * Regular expressions of filters (RLIKE), in RE2's language: a test takes time that grows with pattern times text and no more,
 * so that nobody's pattern holds up the server. No engine has them alike, and SQLite not at all, so they are tested here.
 */

import { invalid } from "../../base/keys.ts";
import { LIMITS } from "../../base/limits.ts";

/** Whether the pattern is found anywhere in a text, case counting. */
export type Pattern = (text: string) => boolean;

/** INVALID for what is no pattern, what RE2 leaves out (look-around, back references) and what is too large. */
export async function readPattern(source: string): Promise<Pattern> {
  const wrong = (why: string) => invalid(`Invalid regular expression '${source.slice(0, 200)}': ${why}`);
  if (source.length > LIMITS.patternChars) throw wrong(`it has more than ${LIMITS.patternChars} characters`);
  // Few ask for it, and it takes 8 MB.
  const { RE2JS } = await import("re2js");
  try {
    const compiled = RE2JS.compile(source);
    if (compiled.programSize() > LIMITS.patternSteps) throw new Error("it counts too far");
    return (text) => compiled.test(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}
