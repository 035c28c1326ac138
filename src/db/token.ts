/**
 * Page tokens: where a page ended, as base64 of JSON. Opaque to clients. A token of a search also carries a print of the
 * query, so that it is refused with another one instead of giving a page that makes no sense.
 */

import { hashValue } from "../base/hash.ts";
import { invalid } from "../base/keys.ts";

export const encodeToken = (position: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(position)).toString("base64url");

/** INVALID when it is not one of ours. */
export function decodeToken(token: string): unknown[] {
  try {
    const position: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(position)) return position;
  } catch {
    // Said below.
  }
  throw invalid(`Invalid page token, could not decode: '${token.slice(0, 100)}'`);
}

/** The sort values of the last row of a page. */
export type Position = (string | number)[];

const printOf = (query: unknown): string => hashValue(query).slice(0, 8);

/** The position in a search's token; INVALID when the token was given for another query. */
export function positionIn(token: string | undefined, query: unknown): Position | undefined {
  if (token === undefined || token === "") return undefined;
  const [print, ...position] = decodeToken(token);
  if (print !== printOf(query) || position.length === 0)
    throw invalid("Invalid page token: it was given for another filter, order or set of ids");
  if (!position.every((value) => typeof value === "string" || typeof value === "number"))
    throw invalid("Invalid page token");
  return position as Position;
}

/** The page that `limit + 1` found rows make: at most `limit` of them, and a token when there are more. */
export function pageOf<T extends { position: Position }>(
  found: readonly T[],
  limit: number,
  query: unknown,
): { items: T[]; nextPageToken?: string } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || !last) return { items };
  return { items, nextPageToken: encodeToken([printOf(query), ...last.position]) };
}
