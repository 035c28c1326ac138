/** Spans as OpenTelemetry's exporters send them, in both encodings, whole and broken. */

import { afterAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { readSpans } from "../../../src/server/mlflow/otlp.ts";
import { startMlflow } from "./start.ts";

const server = await startMlflow();
afterAll(() => server.stop());

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const [ROOT, CHILD] = ["b7ad6b7169203331", "00f067aa0ba902b7"];
const START = 1_700_000_000_000_000_000n;

/** As an exporter of another language writes it: identifiers in hexadecimal, 64-bit integers as text. */
const request = (trace = TRACE) => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scopeSpans: [
        {
          scope: { name: "test" },
          spans: [
            {
              traceId: trace,
              spanId: CHILD,
              parentSpanId: ROOT,
              name: "look up",
              kind: 1,
              startTimeUnixNano: String(START + 1_000_000n),
              endTimeUnixNano: String(START + 2_000_000n),
              attributes: [
                { key: "mlflow.spanType", value: { stringValue: "RETRIEVER" } },
                { key: "n", value: { intValue: "7" } },
                {
                  key: "deep",
                  value: {
                    kvlistValue: { values: [{ key: "a", value: { arrayValue: { values: [{ boolValue: true }] } } }] },
                  },
                },
              ],
              events: [{ timeUnixNano: String(START), name: "said", attributes: [] }],
              status: { code: 2, message: "on purpose" },
            },
            {
              traceId: trace,
              spanId: ROOT,
              name: "answer",
              startTimeUnixNano: String(START),
              endTimeUnixNano: String(START + 5_000_000n),
              attributes: [
                { key: "mlflow.spanInputs", value: { stringValue: '{"q": "why"}' } },
                { key: "user.id", value: { stringValue: "ann" } },
              ],
              status: { code: 1 },
            },
          ],
        },
      ],
    },
  ],
});

const send = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/v1/traces`, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json", "x-mlflow-experiment-id": "0", ...headers },
  });

interface Fetched {
  trace: {
    trace_info: {
      state: string;
      tags: Record<string, string>;
      trace_metadata: Record<string, string>;
      request_time: string;
      request_preview: string;
    };
    spans: { name: string; spanId: string; attributes: object[] }[];
  };
}
const fetched = async (id: string) =>
  (await server.call<Fetched>("GET", `/api/3.0/mlflow/traces/get?trace_id=tr-${id}`)).body.trace;

const found = async (filter: string) => {
  const body = { locations: [{ mlflow_experiment: { experiment_id: "0" } }], filter };
  const answer = await server.call<{ traces?: { trace_id: string }[] }>("POST", "/api/3.0/mlflow/traces/search", body);
  return answer.status === 200 ? (answer.body.traces ?? []).map((one) => one.trace_id.slice(3)) : answer.status;
};

test("spans make a trace, are fetched with it and found by what they say", async () => {
  const { runId } = await server.tracking.createRun({ experimentId: "0" });
  const sent = await send(JSON.stringify(request()), { "x-mlflow-run-id": runId });
  expect([sent.status, await sent.text()]).toEqual([200, "{}"]);
  const { trace_info: info, spans } = await fetched(TRACE);
  expect(info).toMatchObject({
    state: "OK",
    request_preview: '{"q": "why"}',
    tags: { "mlflow.traceName": "answer", "mlflow.trace.spansLocation": "TRACKING_STORE", "service.name": "shop" },
    trace_metadata: { "mlflow.trace.user": "ann" },
  });
  expect(spans.map((span) => [span.name, Buffer.from(span.spanId, "base64").toString("hex")])).toEqual([
    ["answer", ROOT],
    ["look up", CHILD],
  ]);
  for (const filter of [
    "span.name = 'look up'",
    "span.type = 'RETRIEVER' AND span.status = 'ERROR'",
    "span.type IN ('TOOL', 'RETRIEVER')",
    "span.attributes.n = '7'",
    "span.attributes.deep LIKE '%true%'",
    "span.content ILIKE '%ON PURPOSE%' AND trace.status = 'OK'",
    `run_id = '${runId}'`,
    "span.attributes.`mlflow.spanType` = 'RETRIEVER' AND span.name LIKE 'look%'",
  ])
    expect({ filter, found: await found(filter) }).toEqual({ filter, found: [TRACE] });
  // One span must be all of it.
  for (const filter of [
    "span.name = 'answer' AND span.type = 'RETRIEVER'",
    "span.attributes.none = '7'",
    "span.name = 'x'",
  ])
    expect({ filter, found: await found(filter) }).toEqual({ filter, found: [] });
  for (const filter of ["span.nothing = 'x'", "span.attributes. = 'x'", "span.content = 'x'", "span.name > 'x'"])
    expect({ filter, found: await found(filter) }).toEqual({ filter, found: 400 });
  const ids = { experiment_id: "0", request_ids: [`tr-${TRACE}`] };
  await server.call("POST", "/api/3.0/mlflow/traces/delete-traces", ids);
  expect(await server.db.all("SELECT * FROM trace_spans")).toEqual([]);
});

test("spans of one trace come from several senders, before and after what its client says of it", async () => {
  const trace = "1".repeat(32);
  const both = request(trace);
  const spans = both.resourceSpans[0]!.scopeSpans[0]!.spans;
  const only = (i: number) => {
    const one = structuredClone(both);
    one.resourceSpans[0]!.scopeSpans[0]!.spans = [spans[i]!];
    return JSON.stringify(one);
  };
  expect((await send(only(0))).status).toBe(200);
  expect((await fetched(trace)).trace_info.state).toBe("IN_PROGRESS");
  const info = {
    trace_id: `tr-${trace}`,
    request_time: "2020-01-01T00:00:00Z",
    state: "ERROR",
    tags: { "mlflow.traceName": "said" },
  };
  const location = { trace_location: { mlflow_experiment: { experiment_id: "0" } } };
  const said = await server.call<{ trace: { trace_info: { tags: object } } }>("POST", "/api/3.0/mlflow/traces", {
    trace: { trace_info: { ...info, ...location } },
  });
  expect(said.body.trace.trace_info.tags).toHaveProperty(["mlflow.trace.spansLocation"], "TRACKING_STORE");
  for (let i = 0; i < 2; i++) expect((await send(only(1))).status).toBe(200);
  const { trace_info, spans: kept } = await fetched(trace);
  expect(trace_info).toMatchObject({ state: "ERROR", request_time: "2020-01-01T00:00:00.000Z" });
  expect(trace_info.tags["mlflow.traceName"]).toBe("said");
  expect(kept.length).toBe(2);
  const elsewhere = await server.tracking.createExperiment({ name: "elsewhere" });
  expect((await send(only(0), { "x-mlflow-experiment-id": elsewhere })).status).toBe(400);
});

test("the binary encoding says the same, also gzipped; unknown fields are left out", () => {
  const bytes = onWire();
  for (const [body, encoding] of [
    [bytes, ""],
    [gzipSync(bytes), "gzip"],
  ] as const) {
    const [span] = readSpans(body, "application/x-protobuf", encoding);
    expect(span).toMatchObject({
      traceId: `tr-${TRACE}`,
      spanId: ROOT,
      name: "x",
      startedNs: 1n,
      endedNs: 2n,
      attributes: { k: "0.5" },
    });
  }
});

/** A request with one span, byte by byte; field 99 is nobody's. */
function onWire(): Uint8Array<ArrayBuffer> {
  const field = (number: number, content: Uint8Array | number[]) => {
    const bytes = Uint8Array.from(content);
    return [(number << 3) | 2, bytes.length, ...bytes];
  };
  const fixed = (number: number, low: number) => [(number << 3) | 1, low, 0, 0, 0, 0, 0, 0, 0];
  const text = (word: string) => new TextEncoder().encode(word);
  const value = [(4 << 3) | 1, ...new Uint8Array(new Float64Array([0.5]).buffer)];
  const span = [
    ...field(1, Uint8Array.fromHex(TRACE)),
    ...field(2, Uint8Array.fromHex(ROOT)),
    ...field(5, text("x")),
    ...fixed(7, 1),
    ...fixed(8, 2),
    ...field(9, [...field(1, text("k")), ...field(2, value)]),
    ...[0x9a, 0x06, 3, 97, 98, 99],
  ];
  return Uint8Array.from(field(1, field(2, field(2, span))));
}

test("times may be numbers too, although JSON rounds them", () => {
  const body = JSON.stringify(request()).replace(/"(\d{19})"/g, "$1");
  const [span] = readSpans(new TextEncoder().encode(body), "application/json; charset=utf-8", "");
  // A double has 53 bits: near there they count in steps of 256.
  expect(Math.abs(Number(span!.startedNs - START - 1_000_000n))).toBeLessThanOrEqual(128);
});

test("what is no such request is refused, whatever its bytes", async () => {
  for (const [type, encoding] of [
    ["application/x-protobuf", ""],
    ["application/json", ""],
    ["application/x-protobuf", "gzip"],
  ] as const)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readSpans(bytes, type, encoding);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID" });
        }
      }),
      { numRuns: 500 },
    );
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 4 }),
      fc.constantFrom("name", "attributes", "events", "status", "startTimeUnixNano", "traceId"),
      (value, key) => {
        const body = request();
        (body.resourceSpans[0]!.scopeSpans[0]!.spans[0] as Record<string, unknown>)[key] = value;
        try {
          readSpans(new TextEncoder().encode(JSON.stringify(body)), "application/json", "");
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID" });
        }
      },
    ),
    { numRuns: 500 },
  );
  let deep: object = { stringValue: "x" };
  for (let i = 0; i < 100; i++) deep = { arrayValue: { values: [deep] } };
  const nested = request();
  nested.resourceSpans[0]!.scopeSpans[0]!.spans[1]!.attributes = [{ key: "a", value: deep as { stringValue: string } }];
  const bomb = gzipSync(Buffer.alloc(80 << 20));
  for (const [body, headers, status] of [
    [JSON.stringify(nested), {}, 400],
    ["{}", {}, 400],
    ["x", { "Content-Type": "text/plain" }, 400],
    [bomb, { "Content-Type": "application/x-protobuf", "Content-Encoding": "gzip" }, 413],
    [JSON.stringify(request()), { "x-mlflow-experiment-id": "" }, 400],
    [JSON.stringify(request()), { "x-mlflow-experiment-id": "999" }, 404],
    [JSON.stringify(request()), { "Content-Encoding": "br" }, 400],
  ] as const)
    expect((await send(body, headers)).status).toBe(status);
});
