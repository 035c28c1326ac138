/**
 * What the names of metrics, params and tags may be, and how long a text may be: MLflow's rules with its wording, because
 * clients' tests match on it. Lengths are counted in code points, as Python does.
 */

import { posix } from "node:path";
import { fail, type TrimtabError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

export const invalid = (what: string, place?: string): TrimtabError =>
  fail("INVALID", place === undefined ? { what } : { what, place });

const KEY = /^[/\p{L}\p{N}\p{M}\p{Pc}.\- :]*$/u;
const BAD_LETTERS =
  "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).";

/** Code points. */
export const letters = (text: string): number => {
  // Only texts that may be too long are counted slowly.
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) count--;
  return count;
};

export const firstLetters = (text: string, count: number): string => [...text].slice(0, count).join("");

export function checkLength(what: string, limit: number, value: string): void {
  if (value.length > limit && letters(value) > limit)
    throw invalid(`'${what}' exceeds the maximum length of ${limit} characters. It has ${letters(value)}.`);
}

/** Names may be used as file names, so one must not resolve to another: no leading "/", no "//", "." or "..". */
function isPlainPath(name: string): boolean {
  return !name.startsWith("..") && name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

const KEY_FIELD = { metric: "name", parameter: "key", tag: "key" } as const;
const KEY_NAME = { metric: "Metric name", parameter: "Param key", tag: "key" } as const;

/** A name that MLflow takes as it is: of a new run's tags, of a logged model's tags and params. */
export function checkFreeKey(key: string): void {
  if (key === "" || key.includes("\0"))
    throw invalid(`Invalid value ${JSON.stringify(key)} for parameter 'key' supplied`);
  checkLength("key", LIMITS.keyChars, key);
}

/** A metric's, param's or tag's name; `kind` says what the message calls it. */
export function checkKey(kind: keyof typeof KEY_FIELD, key: string): void {
  const wrong = (why: string) =>
    invalid(
      `Invalid value ${JSON.stringify(firstLetters(key, LIMITS.keyChars))} for parameter '${KEY_FIELD[kind]}' supplied: ${why}`,
    );
  if (!KEY.test(key)) throw wrong(BAD_LETTERS);
  if (!isPlainPath(key))
    throw wrong(
      `Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '${posix.normalize(key)}'`,
    );
  checkLength(KEY_NAME[kind], LIMITS.keyChars, key);
}
