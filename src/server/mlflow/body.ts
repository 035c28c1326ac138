/** The fields of a request before they are typed: from the query string of a GET, from the JSON body of the others. */

import { fail } from "../../base/errors.ts";
import { invalid } from "../../base/keys.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Fields } from "./fields.ts";

type Values = Record<string, unknown>;

/** Fields that are lists, and names that are repeated, become lists. */
function queryValues(url: string, fields: Fields): Values {
  const values: Values = {};
  const from = url.indexOf("?");
  if (from < 0) return values;
  for (const [name, value] of new URLSearchParams(url.slice(from + 1))) {
    const known = values[name];
    if (known === undefined) values[name] = fields[name]?.kind.startsWith("list") ? [value] : value;
    else if (Array.isArray(known)) known.push(value);
    else values[name] = [known, value];
  }
  return values;
}

function checkContentType(request: Request): void {
  const type = request.headers.get("content-type");
  if (type === null) throw invalid("Bad Request. Content-Type header is missing.");
  if (type.split(";")[0]!.trim().toLowerCase() !== "application/json")
    throw invalid("Bad Request. Content-Type must be one of ['application/json'].");
}

/** JSON that may be encoded twice; what is no object counts as an empty one, so that the first missing field is named. */
function parseBody(text: string): Values {
  let value: unknown;
  try {
    value = JSON.parse(text);
    if (typeof value === "string") value = JSON.parse(value);
  } catch {
    return {};
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

const tooLarge = () => fail("REQUEST_TOO_LARGE", { what: `the body has more than ${LIMITS.mlflowBodyBytes} bytes` });

/** A body that is no JSON. REQUEST_TOO_LARGE. */
export async function requestBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > LIMITS.mlflowBodyBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > LIMITS.mlflowBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** REQUEST_TOO_LARGE, and INVALID for a POST or PUT that is not JSON. */
export async function requestValues(request: Request, fields: Fields): Promise<Values> {
  if (request.method === "GET") return queryValues(request.url, fields);
  if (request.method === "POST" || request.method === "PUT") checkContentType(request);
  // Most bodies are small and announced: these are read at once.
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) <= LIMITS.mlflowBodyBytes) return parseBody(await request.text());
  return parseBody(new TextDecoder().decode(await requestBytes(request)));
}
