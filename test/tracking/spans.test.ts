import { expect } from "bun:test";
import { ManualClock } from "../../src/base/clock.ts";
import type { NewSpan } from "../../src/tracking/spans.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();

const span = (traceId: string, spanId: string, more: Partial<NewSpan> = {}): NewSpan => ({
  traceId,
  spanId,
  name: spanId,
  type: "UNKNOWN",
  status: "OK",
  startedNs: 1_700_000_000_000_000_000n + BigInt(spanId.charCodeAt(0)) * 1_000_000n,
  endedNs: 1_700_000_000_000_000_000n + BigInt(spanId.charCodeAt(0) + 10) * 1_000_000n,
  attributes: {},
  content: JSON.stringify({ spanId }),
  resource: [],
  ...more,
});

test("a trace follows from its spans, in whatever order they come", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  const spans = [
    span("tr-1", "b", { parentId: "a", status: "ERROR" }),
    span("tr-1", "a"),
    span("tr-1", "c", { parentId: "a" }),
  ];
  for (const one of spans) await tracking.logSpans("0", [one]);
  await tracking.logSpans("0", [spans[0]!]);
  expect(await tracking.getTrace("tr-1")).toMatchObject({
    state: "OK",
    requestMs: 1_700_000_000_097,
    durationMs: 11,
    tags: [
      { key: "mlflow.artifactLocation", value: "mlflow-artifacts:/0/traces/tr-1/artifacts" },
      { key: "mlflow.trace.spansLocation", value: "TRACKING_STORE" },
      { key: "mlflow.traceName", value: "a" },
    ],
  });
  expect((await tracking.spansOf(["tr-1", "tr-none"])).get("tr-1")).toEqual(
    ["a", "b", "c"].map((spanId) => ({ spanId })),
  );
  await expect(tracking.logSpans("0", [span("tr-2", "x"), span("tr-1", "y")])).resolves.toBeUndefined();
  await expect(tracking.logSpans("99", [span("tr-3", "x")])).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(tracking.getTrace("tr-3")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});

test("traces are found by one span that is all that was asked", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  const odd = { "a.b": "dots", $x: "dollar", "it's": "quote", "ü ✓": "letters", 'say "x"': "no" };
  await tracking.logSpans("0", [
    span("tr-1", "a", { type: "LLM", attributes: odd }),
    span("tr-1", "b", { parentId: "a", status: "ERROR" }),
    span("tr-2", "a", { type: "TOOL", attributes: { "a.b": "other" } }),
  ]);
  const ids = async (filter: string) =>
    (await tracking.searchTraces({ experimentIds: ["0"], filter, orderBy: ["request_id"] })).items.map(
      (t) => t.traceId,
    );
  for (const [filter, found] of [
    ["span.name = 'a'", ["tr-1", "tr-2"]],
    ["span.name = 'a' AND span.type != 'TOOL'", ["tr-1"]],
    ["span.name = 'a' AND span.status = 'ERROR'", []],
    ["span.attributes.`a.b` = 'dots'", ["tr-1"]],
    ["span.attributes.a.b LIKE '%o%'", ["tr-1", "tr-2"]],
    ["span.attributes.`$x` = 'dollar'", ["tr-1"]],
    ["span.attributes.`it's` ILIKE 'QUOTE'", ["tr-1"]],
    ["span.attributes.`ü ✓` IN ('letters', 'x')", ["tr-1"]],
    ["span.attributes.none != 'x'", []],
    ["span.content LIKE '%\"b\"%'", ["tr-1"]],
    ["trace.text ILIKE '%\"B\"%'", ["tr-1"]],
  ] as const)
    expect({ filter, found: await ids(filter) }).toEqual({ filter, found: [...found] });
  for (const filter of [
    "span.nothing = 'x'",
    "span.content = 'x'",
    "span.attributes.`say \"x\"` = 'no'",
    "span.name > 'a'",
  ])
    await expect(ids(filter)).rejects.toMatchObject({ code: "INVALID" });
  const page = await tracking.searchTraces({ experimentIds: ["0"], filter: "span.name = 'a'", maxResults: 1 });
  const rest = { experimentIds: ["0"], maxResults: 1, pageToken: page.nextPageToken! };
  expect((await tracking.searchTraces({ ...rest, filter: "span.name = 'a'" })).items.length).toBe(1);
  await expect(tracking.searchTraces({ ...rest, filter: "span.name = 'b'" })).rejects.toMatchObject({
    code: "INVALID",
  });
  await db.close();
});
