/** Page tokens: where the page ended, as base64 of JSON. Opaque to clients; one that cannot be read is INVALID. */

import { invalid } from "../base/keys.ts";

export const encodeToken = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString("base64url");

export function decodeToken<T>(token: string): T {
  try {
    const position: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (typeof position === "object" && position !== null) return position as T;
  } catch {
    // Said below.
  }
  throw invalid(`Invalid page token, could not decode: '${token.slice(0, 100)}'`);
}
