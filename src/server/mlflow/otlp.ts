/** The body of an OTLP request over HTTP: its encodings, and the spans in it. */

import { gunzipSync, inflateSync } from "node:zlib";
import { fail } from "../../base/errors.ts";
import { invalid } from "../../base/keys.ts";
import { LIMITS } from "../../base/limits.ts";
import { spansFromJson, spansFromWire } from "../../tracking/otlp.ts";
import type { NewSpan } from "../../tracking/spans.ts";

function unpacked(body: Uint8Array, encoding: string): Uint8Array {
  const options = { maxOutputLength: LIMITS.mlflowBodyBytes };
  try {
    if (encoding === "gzip") return gunzipSync(body, options);
    if (encoding === "deflate") return inflateSync(body, options);
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE")
      throw fail("REQUEST_TOO_LARGE", { what: `the body has more than ${LIMITS.mlflowBodyBytes} bytes` });
    throw invalid(`Invalid OpenTelemetry format: the body is no ${encoding}`);
  }
  if (encoding === "" || encoding === "identity") return body;
  throw invalid(`Unsupported Content-Encoding: ${encoding}. Send gzip, deflate or none`);
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw invalid("Invalid OpenTelemetry format: it is no JSON");
  }
}

/** The spans of a request's body. INVALID, REQUEST_TOO_LARGE. */
export function readSpans(packed: Uint8Array, contentType: string, encoding: string): NewSpan[] {
  const type = contentType.split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-protobuf")
    throw invalid(`Invalid Content-Type: ${contentType}. Expected: application/x-protobuf or application/json`);
  const body = unpacked(packed, encoding.trim().toLowerCase());
  const spans = type === "application/json" ? spansFromJson(jsonOf(body)) : spansFromWire(body);
  if (spans.length === 0) throw invalid("Invalid OpenTelemetry format - no spans found");
  return spans;
}
