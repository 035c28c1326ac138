/** Reading a request's body as JSON, within a bound: nothing larger is ever held in memory, whatever its headers claim. */

import { gunzipSync } from "node:zlib";
import { fail } from "../base/errors.ts";

/**
 * Parses the body, gzip when Content-Encoding says so; the Content-Type is not asked for. Throws REQUEST_TOO_LARGE before
 * reading when Content-Length is over, while reading when there is none; REQUEST_INVALID when it is not JSON or its client
 * hung up.
 */
export async function readBody(request: Request, bytesMax: number): Promise<unknown> {
  const { headers } = request;
  const declared = headers.get("content-length");
  if (declared !== null && Number(declared) > bytesMax) throw tooLarge(Number(declared), bytesMax);
  const encoding = headers.get("content-encoding")?.toLowerCase() ?? null;
  if (declared !== null && encoding === null) return parseJson(await request.text().catch(hungUp));
  const bytes = await readBounded(request, bytesMax).catch(hungUp);
  return parseJson(new TextDecoder().decode(encoding === null ? bytes : inflate(bytes, encoding, bytesMax)));
}

const tooLarge = (sizeBytes: number, bytesMax: number) =>
  fail("REQUEST_TOO_LARGE", {
    what: `the body has ${sizeBytes} bytes or more, the most is ${bytesMax}`,
    place: "body",
  });

/** Nobody reads the answer; but what a client does is no error of ours, to be logged as one. */
function hungUp(error: Error): never {
  if (error.name !== "AbortError") throw error;
  throw fail("REQUEST_INVALID", { what: "the client hung up before its body was whole", place: "body", cause: error });
}

async function readBounded(request: Request, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) throw tooLarge(sizeBytes, bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function inflate(bytes: Uint8Array, encoding: string, bytesMax: number): Uint8Array {
  if (encoding === "identity") return bytes;
  if (encoding !== "gzip" && encoding !== "x-gzip")
    throw fail("REQUEST_INVALID", {
      what: `the encoding ${encoding} is not known`,
      place: "Content-Encoding",
      mend: "send gzip or none",
    });
  try {
    return gunzipSync(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(bytesMax, bytesMax);
    throw fail("REQUEST_INVALID", { what: "the body is not gzip", place: "body", cause: error });
  }
}

function parseJson(text: string): unknown {
  if (text === "") throw fail("REQUEST_INVALID", { what: "the body is empty", place: "body", mend: "send JSON" });
  try {
    return JSON.parse(text);
  } catch (error) {
    const hasNan = /[[:,]\s*-?(NaN|Infinity)\b/.test(text.slice(0, 100_000));
    throw fail("REQUEST_INVALID", {
      what: `the body is not JSON: ${(error as Error).message}`,
      place: "body",
      mend: hasNan ? "JSON has no NaN and no Infinity: send null, or leave the row out" : "send JSON",
      cause: error,
    });
  }
}
