/** What OpenTelemetry's exporters send (ExportTraceServiceRequest, OTLP 1.x) as spans that tracking keeps. */

import { invalid } from "../base/keys.ts";
import { fromJson, fromWire, type Message, type MessageRule } from "./protobuf.ts";
import type { NewSpan } from "./spans.ts";

// Numbers and names of opentelemetry-proto's trace.proto, common.proto, resource.proto and trace_service.proto.
const anyValue: MessageRule = {
  1: { name: "stringValue", kind: "string" },
  2: { name: "boolValue", kind: "bool" },
  3: { name: "intValue", kind: "int64" },
  4: { name: "doubleValue", kind: "double" },
  5: { name: "arrayValue", kind: () => ({ 1: { name: "values", kind: () => anyValue, repeated: true } }) },
  6: { name: "kvlistValue", kind: () => ({ 1: { name: "values", kind: () => keyValue, repeated: true } }) },
  7: { name: "bytesValue", kind: "bytes" },
};
const keyValue: MessageRule = { 1: { name: "key", kind: "string" }, 2: { name: "value", kind: () => anyValue } };
const attributes = { name: "attributes", kind: () => keyValue, repeated: true };
const event: MessageRule = {
  1: { name: "timeUnixNano", kind: "fixed64" },
  2: { name: "name", kind: "string" },
  3: attributes,
  4: { name: "droppedAttributesCount", kind: "uint32" },
};
const link: MessageRule = {
  1: { name: "traceId", kind: "id" },
  2: { name: "spanId", kind: "id" },
  3: { name: "traceState", kind: "string" },
  4: attributes,
  5: { name: "droppedAttributesCount", kind: "uint32" },
  6: { name: "flags", kind: "fixed32" },
};
const status: MessageRule = { 2: { name: "message", kind: "string" }, 3: { name: "code", kind: "enum" } };
const span: MessageRule = {
  1: { name: "traceId", kind: "id" },
  2: { name: "spanId", kind: "id" },
  3: { name: "traceState", kind: "string" },
  4: { name: "parentSpanId", kind: "id" },
  5: { name: "name", kind: "string" },
  6: { name: "kind", kind: "enum" },
  7: { name: "startTimeUnixNano", kind: "fixed64" },
  8: { name: "endTimeUnixNano", kind: "fixed64" },
  9: attributes,
  10: { name: "droppedAttributesCount", kind: "uint32" },
  11: { name: "events", kind: () => event, repeated: true },
  12: { name: "droppedEventsCount", kind: "uint32" },
  13: { name: "links", kind: () => link, repeated: true },
  14: { name: "droppedLinksCount", kind: "uint32" },
  15: { name: "status", kind: () => status },
  16: { name: "flags", kind: "fixed32" },
};
const scopeSpans: MessageRule = { 2: { name: "spans", kind: () => span, repeated: true } };
const resourceSpans: MessageRule = {
  1: { name: "resource", kind: () => ({ 1: attributes }) },
  2: { name: "scopeSpans", kind: () => scopeSpans, repeated: true },
};
const exportRequest: MessageRule = { 1: { name: "resourceSpans", kind: () => resourceSpans, repeated: true } };

const listOf = (value: unknown): Message[] => (value as Message[] | undefined) ?? [];

/** A value as JSON knows it. */
function plain(value: Message = {}): unknown {
  if (value.arrayValue !== undefined) return listOf((value.arrayValue as Message).values).map(plain);
  if (value.kvlistValue !== undefined) return plainAttributes((value.kvlistValue as Message).values);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? null;
}

const plainAttributes = (pairs: unknown): Record<string, unknown> =>
  Object.fromEntries(listOf(pairs).map(({ key = "", value }) => [key as string, plain(value as Message)]));

/** Texts as they are, without what no database keeps in one; the rest as JSON. */
const textAttributes = (pairs: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(plainAttributes(pairs)).map(([key, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return [key.replaceAll("\0", ""), text.replaceAll("\0", "")];
    }),
  );

const hex = (base64: unknown): string => Buffer.from((base64 as string | undefined) ?? "", "base64").toString("hex");

const STATUSES = ["UNSET", "OK", "ERROR"] as const;

/** MLflow writes a text as JSON inside an attribute when it goes through its own API, and bare through OTLP. */
const typeOf = (known: Record<string, string>): string =>
  (known["mlflow.spanType"] ?? "UNKNOWN").replace(/^"(.*)"$/, "$1");

function spanOf(message: Message, resource: NewSpan["resource"]): NewSpan {
  const [traceId, spanId, parentId] = [hex(message.traceId), hex(message.spanId), hex(message.parentSpanId)];
  if (traceId.length !== 32 || spanId.length !== 16)
    throw invalid("A span needs a traceId of 16 bytes and a spanId of 8");
  const known = textAttributes(message.attributes);
  const endedNs = BigInt((message.endTimeUnixNano as string | undefined) ?? 0);
  const startedNs = BigInt((message.startTimeUnixNano as string | undefined) ?? 0);
  // In nanoseconds of 64 bits; in the database of signed ones.
  if (startedNs >= 2n ** 63n || endedNs >= 2n ** 63n) throw invalid(`Span ${spanId} is of another age`);
  return {
    traceId: `tr-${traceId}`,
    spanId,
    ...(parentId === "" ? {} : { parentId }),
    name: ((message.name as string | undefined) ?? "").replaceAll("\0", ""),
    type: typeOf(known),
    status: STATUSES[((message.status as Message | undefined)?.code as number | undefined) ?? 0] ?? "UNSET",
    startedNs,
    ...(endedNs === 0n ? {} : { endedNs }),
    attributes: known,
    content: JSON.stringify(message),
    resource,
  };
}

function spansIn(request: Message): NewSpan[] {
  return listOf(request.resourceSpans).flatMap((group) => {
    const about = Object.entries(textAttributes((group.resource as Message | undefined)?.attributes));
    const resource = about.map(([key, value]) => ({ key, value }));
    return listOf(group.scopeSpans).flatMap((scope) => listOf(scope.spans).map((one) => spanOf(one, resource)));
  });
}

/** The spans of an ExportTraceServiceRequest. INVALID. */
export const spansFromWire = (body: Uint8Array): NewSpan[] => spansIn(fromWire(body, exportRequest));

/** The same in JSON. INVALID. */
export const spansFromJson = (body: unknown): NewSpan[] => spansIn(fromJson(body, exportRequest));

/** A span as MLflow's servers give it: protobuf's JSON, with statuses by name or number. INVALID. */
export function spanFromMlflow(value: Readonly<Record<string, unknown>>): NewSpan {
  const { status: said, ...rest } = value as { status?: { code?: unknown } };
  const code =
    typeof said?.code === "string" ? STATUSES.findIndex((name) => said.code === `STATUS_CODE_${name}`) : said?.code;
  const { kind: _, ...known } = rest as { kind?: unknown };
  return spanOf(fromJson({ ...known, ...(said && { status: { ...said, code } }) }, span, "base64"), []);
}
