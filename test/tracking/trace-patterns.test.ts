import { expect } from "bun:test";
import { ManualClock } from "../../src/base/clock.ts";
import type { NewSpan } from "../../src/tracking/spans.ts";
import { createTracking, type Tracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();

const put = (tracking: Tracking, name: string, requestMs: number, more: object = {}) =>
  tracking.putTrace({
    traceId: `tr-${name}`,
    experimentId: "0",
    requestMs,
    durationMs: 1,
    state: "OK",
    tags: [{ key: "mlflow.traceName", value: name }],
    metadata: [],
    ...more,
  });

const span = (traceId: string, spanId: string, more: Partial<NewSpan>): NewSpan => ({
  traceId,
  spanId,
  name: spanId,
  type: "UNKNOWN",
  status: "OK",
  startedNs: 1_000_000n,
  attributes: {},
  content: "{}",
  resource: [],
  ...more,
});

const searcher =
  (tracking: Tracking) =>
  async (filter: string, more: object = {}) =>
    (await tracking.searchTraces({ experimentIds: ["0"], filter, ...more })).items.map((t) => t.traceId.slice(3));

test("RLIKE finds a pattern anywhere, in all that a trace holds", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  await put(tracking, "chat-1", 1, { metadata: [{ key: "mlflow.sourceRun", value: "run-1" }] });
  await put(tracking, "Chat-22", 2, {
    tags: [
      { key: "mlflow.traceName", value: "Chat-22" },
      { key: "own", value: "été\nx" },
    ],
  });
  await put(tracking, "bare", 3, { tags: [], clientRequestId: "c-7" });
  await tracking.createAssessment("tr-chat-1", { assessment_name: "tone", feedback: { value: "kind" } });
  await tracking.createAssessment("tr-Chat-22", { assessment_name: "tone", feedback: { value: 10 } });
  await tracking.createAssessment("tr-bare", { assessment_name: "tone", expectation: { value: "kind" } });
  await tracking.createAssessment("tr-bare", { assessment_name: "tone", feedback: { value: "kind" }, valid: false });
  const ids = searcher(tracking);
  const found: [string, string[]][] = [
    ["name RLIKE 'hat'", ["Chat-22", "chat-1"]],
    ["trace.name rlike '^chat-[0-9]+$'", ["chat-1"]],
    ["name RLIKE '(?i)^CHAT-'", ["Chat-22", "chat-1"]],
    ["name RLIKE '^chat-' AND name RLIKE '22$'", []],
    ["name RLIKE '(?i)^chat' AND timestamp_ms > 1", ["Chat-22"]],
    ["tags.own RLIKE '^\\pL{3}$'", []],
    ["tags.own RLIKE '(?m)^\\pL{3}$'", ["Chat-22"]],
    ["tags.none RLIKE ''", []],
    ["metadata.`mlflow.sourceRun` RLIKE 'run-\\d'", ["chat-1"]],
    ["run_id RLIKE '^run'", ["chat-1"]],
    ["status RLIKE 'O|E' AND request_id RLIKE 'bare$'", ["bare"]],
    ["client_request_id RLIKE '^c-\\d$'", ["bare"]],
    ["feedback.tone RLIKE '^kind$'", ["chat-1"]],
    ["feedback.tone RLIKE '^1.$'", ["Chat-22"]],
    ["expectation.tone RLIKE 'k'", ["bare"]],
    ["feedback.tone RLIKE '.' AND feedback.tone != 'kind'", ["Chat-22"]],
  ];
  for (const [filter, names] of found) expect([filter, await ids(filter)]).toEqual([filter, names]);
  await db.close();
});

test("patterns on spans are about one span, with all else that is asked of it", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  await tracking.logSpans("0", [
    span("tr-1", "a", { type: "LLM", attributes: { "llm.model": "tiny-7b", say: "x" } }),
    span("tr-1", "b", { type: "TOOL", attributes: { "llm.model": "none" } }),
    span("tr-2", "ab", { type: "LLM", attributes: { "llm.model": "huge-70b" } }),
  ]);
  const ids = searcher(tracking);
  const found: [string, string[]][] = [
    ["span.name RLIKE '^.$'", ["1"]],
    ["span.type RLIKE 'LLM|TOOL'", ["1", "2"]],
    ["span.attributes.llm.model RLIKE '-\\d+b$'", ["1", "2"]],
    ["span.attributes.`llm.model` RLIKE '^tiny' AND span.name RLIKE '^b'", []],
    ["span.attributes.llm.model RLIKE '^tiny' AND span.type = 'LLM' AND span.attributes.say = 'x'", ["1"]],
    ["span.attributes.llm.model RLIKE '^none' AND span.type = 'LLM'", []],
  ];
  const by = { orderBy: ["request_id"] };
  for (const [filter, names] of found) expect([filter, await ids(filter, by)]).toEqual([filter, names]);
  await db.close();
});

test("what patterns find comes in pages, however rare it is", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  for (let i = 0; i < 1200; i++) await put(tracking, `${i}`, i + 1);
  const wanted = ["1100", "1000", "900", "800", "700", "600", "500", "400", "300", "200", "100", "0"];
  const query = { experimentIds: ["0"], filter: "name RLIKE '^(\\d*00|0)$'", maxResults: 5 };
  const seen: string[][] = [];
  for (let pageToken = ""; ; ) {
    const page = await tracking.searchTraces({ ...query, pageToken });
    seen.push(page.items.map((t) => t.traceId.slice(3)));
    if (page.nextPageToken === undefined) break;
    pageToken = page.nextPageToken;
  }
  expect(seen).toEqual([wanted.slice(0, 5), wanted.slice(5, 10), wanted.slice(10)]);
  await db.close();
});

test("a trace is found by the prompts that its client keeps in a tag", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  const tag = (value: string) => ({ tags: [{ key: "mlflow.linkedPrompts", value }] });
  await put(
    tracking,
    "a",
    1,
    tag('[{"name": "q_a.b", "version": "1"}, {"name": "gr\\u00fc\\u00df", "version": "12"}]'),
  );
  await put(tracking, "b", 2, tag('[{"name": "qxaxb", "version": "1"}]'));
  const ids = searcher(tracking);
  for (const [filter, found] of [
    ["prompt = 'q_a.b/1'", ["a"]],
    ["trace.prompt = 'grüß/12'", ["a"]],
    ["prompt = 'grüß/1'", []],
    ["prompt = 'qxaxb/1' AND status = 'OK'", ["b"]],
  ] as const)
    expect([filter, await ids(filter)]).toEqual([filter, [...found]]);
  for (const filter of ["prompt = 'q'", "prompt = 'a/b/1'", "prompt LIKE 'q/1'", "prompt = '/1'"])
    await expect(ids(filter)).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});

test("what is no pattern, or could hold up the server, is refused with the reason", async () => {
  const db = await open();
  const ids = searcher(createTracking({ db, clock: new ManualClock(1000) }));
  for (const [filter, says] of [
    ["name RLIKE '['", "missing closing ]"],
    ["name RLIKE '(?=x)'", "(?="],
    [`name RLIKE '${"x".repeat(1001)}'`, "it has more than 1000 characters"],
    ["name RLIKE '(\\pL{1000}){1}\\pL{1000}'", "it counts too far"],
    ["timestamp_ms RLIKE '1'", "Invalid comparator 'RLIKE'"],
    ["span.content RLIKE 'x'", "Invalid comparator 'RLIKE' for span 'content'"],
    ["name RLIKE 5", "Expected a quoted string"],
  ] as const)
    await expect(ids(filter)).rejects.toMatchObject({ code: "INVALID", message: expect.stringContaining(says) });
  await db.close();
});
