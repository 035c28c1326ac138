import { expect } from "bun:test";
import { ManualClock } from "../../src/base/clock.ts";
import { createTracking, type Tracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();

async function setUp() {
  const db = await open();
  return { db, tracking: createTracking({ db, clock: new ManualClock(1000) }) };
}

const put = (tracking: Tracking, name: string, requestMs: number, more: object = {}) =>
  tracking.putTrace({
    traceId: `tr-${name}`,
    experimentId: "0",
    requestMs,
    durationMs: requestMs * 2,
    state: "OK",
    tags: [{ key: "mlflow.traceName", value: name }],
    metadata: [{ key: "mlflow.sourceRun", value: "run-1" }],
    ...more,
  });

test("a trace has a place for its spans, and is begun and ended by old clients", async () => {
  const { tracking, db } = await setUp();
  const begun = await tracking.putTrace({
    experimentId: "0",
    requestMs: 10,
    state: "IN_PROGRESS",
    tags: [],
    metadata: [],
  });
  expect(begun.traceId).toMatch(/^tr-[0-9a-f]{32}$/);
  const location = { key: "mlflow.artifactLocation", value: `mlflow-artifacts:/0/traces/${begun.traceId}/artifacts` };
  expect(begun.tags).toEqual([location]);
  const ended = await tracking.endTrace(begun.traceId, {
    endMs: 35,
    state: "ERROR",
    tags: [{ key: "k", value: "v" }],
    metadata: [],
  });
  expect(ended).toMatchObject({ durationMs: 25, state: "ERROR", tags: [{ key: "k", value: "v" }, location] });
  await tracking.deleteTraceTag(begun.traceId, "k");
  await expect(tracking.deleteTraceTag(begun.traceId, "k")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(tracking.getTrace("tr-none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await db.close();
});

test("traces are searched, linked, assessed and deleted", async () => {
  const { tracking, db } = await setUp();
  await put(tracking, "a", 10);
  await put(tracking, "b", 20, { state: "ERROR", metadata: [] });
  await put(tracking, "c", 30, { durationMs: undefined, tags: [{ key: "own", value: "x" }] });
  const ids = async (filter: string, orderBy: string[] = []) =>
    (await tracking.searchTraces({ experimentIds: ["0"], filter, orderBy })).items.map((t) => t.traceId.slice(3));
  expect(await ids("")).toEqual(["c", "b", "a"]);
  expect(await ids("trace.status = 'ERROR'")).toEqual(["b"]);
  expect(await ids("name = 'a'")).toEqual(["a"]);
  expect(await ids("run_id = 'run-1'")).toEqual(["c", "a"]);
  expect(await ids("timestamp_ms >= 20 AND execution_time_ms < 100")).toEqual(["b"]);
  expect(await ids("tags.own = 'x'", ["timestamp_ms ASC"])).toEqual(["c"]);
  expect(await ids("metadata.`mlflow.sourceRun` IS NULL")).toEqual(["b"]);
  expect(await ids("run_id IS NULL")).toEqual(["b"]);
  expect(await ids("name IS NULL AND run_id IS NOT NULL")).toEqual(["c"]);
  expect(await ids("", ["execution_time DESC"])).toEqual(["b", "a", "c"]);
  await tracking.linkTraces(["tr-b", "tr-none"], "run-1");
  expect(await ids("run_id = 'run-1'")).toEqual(["c", "b", "a"]);
  for (const filter of ["span.other = 'x'", "status > 'OK'", "timestamp_ms RLIKE 'x'", "text = 'x'"])
    await expect(ids(filter)).rejects.toMatchObject({ code: "INVALID" });

  const made = await tracking.createAssessment("tr-a", { assessment_name: "good", feedback: { value: true } });
  expect(made).toMatchObject({ assessment_name: "good", trace_id: "tr-a" });
  const id = made.assessment_id as string;
  await tracking.updateAssessment("tr-a", id, { rationale: "because" });
  expect((await tracking.getTrace("tr-a")).assessments).toEqual([{ ...made, rationale: "because" }]);
  for (const content of [{ assessment_name: "none" }, { feedback: { value: 1 }, overrides: "a-none" }])
    await expect(tracking.createAssessment("tr-a", content)).rejects.toMatchObject({
      code: content.overrides ? "NOT_FOUND" : "INVALID",
    });
  await expect(tracking.updateAssessment("tr-a", id, { expectation: { value: 1 } })).rejects.toMatchObject({
    message: "Cannot update expectation value on a Feedback assessment.",
  });
  const better = { assessment_name: "good", feedback: { value: false }, overrides: id, metadata: { a: "1" } };
  const second = (await tracking.createAssessment("tr-a", better)).assessment_id as string;
  expect(await tracking.getAssessment("tr-a", id)).toMatchObject({ valid: false, rationale: "because" });
  expect(await ids("feedback.good = 'true'")).toEqual([]);
  expect(await ids("feedback.good = 'false'")).toEqual(["a"]);
  expect(await tracking.updateAssessment("tr-a", second, { metadata: { b: "2" }, source: "x" })).toMatchObject({
    ...better,
    valid: true,
    metadata: { a: "1", b: "2" },
  });
  await tracking.deleteAssessment("tr-a", second);
  expect(await tracking.getAssessment("tr-a", id)).toMatchObject({ valid: true, create_time: made.create_time });
  await tracking.deleteAssessment("tr-a", id);
  await tracking.deleteAssessment("tr-a", id);
  await expect(tracking.getAssessment("tr-a", id)).rejects.toMatchObject({ code: "NOT_FOUND" });

  const long = "\u{1f600}".repeat(8001);
  await tracking.setTraceTag("tr-a", { key: "long", value: long });
  const kept = (await tracking.getTrace("tr-a")).tags.find(({ key }) => key === "long");
  expect([...kept!.value].length).toBe(8000);
  await expect(tracking.setTraceTag("tr-a", { key: "x".repeat(251), value: "" })).rejects.toMatchObject({
    code: "INVALID",
  });
  await expect(tracking.deleteTraces("0", { upToMs: 25, most: 0 })).rejects.toMatchObject({ code: "INVALID" });

  expect(await tracking.deleteTraces("0", { upToMs: 25, most: 1 })).toBe(1);
  expect(await tracking.deleteTraces("0", { ids: ["tr-c", "tr-none"] })).toBe(1);
  expect(await ids("")).toEqual(["b"]);
  await db.close();
});

test("traces are searched by feedback and expectations", async () => {
  const { tracking, db } = await setUp();
  for (const [i, name] of ["a", "b", "c", "d"].entries()) await put(tracking, name, i + 1);
  const say = (trace: string, assessment_name: string, content: object) =>
    tracking.createAssessment(`tr-${trace}`, { assessment_name, ...content });
  await say("a", "tone", { feedback: { value: "kind" } });
  await say("b", "tone", { feedback: { value: "Rude" } });
  await say("b", "tone", { feedback: { value: "kind" }, valid: false });
  await say("c", "tone", { expectation: { value: "kind" } });
  await say("a", "my score", { feedback: { value: 0.5 } });
  await say("b", "my score", { feedback: { value: 10 } });
  await say("c", "my score", { feedback: { value: "10" } });
  await say("d", "my score", { feedback: { value: true } });
  await say("d", "words", { expectation: { serialized_value: { value: '["x", "y"]' } } });
  // What PostgreSQL cannot read in JSON: U+0000, and half a letter; the first stands for no letter here.
  await say("d", "odd", { feedback: { value: "x\\u0000\0y\ud800z" }, metadata: { "a\0": "\udc00" } });
  await say("d", "failed", { feedback: { error: { error_code: "E" } } });
  const found: [string, string[]][] = [
    ["feedback.tone = 'kind'", ["a"]],
    ["feedback.tone != 'kind'", ["b"]],
    ["expectation.tone = 'kind'", ["c"]],
    ["feedback.tone LIKE 'r%'", []],
    ["feedback.tone ILIKE 'r%'", ["b"]],
    ["feedback.tone IS NULL", ["d", "c"]],
    ["feedback.tone IS NOT NULL", ["b", "a"]],
    ["feedback.`my score` > 0.4", ["b", "a"]],
    ["feedback.`my score` <= 0.5", ["a"]],
    ["feedback.`my score` = '10'", ["c", "b"]],
    ["feedback.`my score` = '0.5'", ["a"]],
    ["feedback.`my score` = 'true'", ["d"]],
    ["expectation.words LIKE '%\"y\"%'", ["d"]],
    ["feedback.failed != 'x'", ["d"]],
    ["feedback.tone = 'kind' AND feedback.`my score` < 1 AND name = 'a'", ["a"]],
    ["feedback.tone = 'kind' AND feedback.`my score` > 1", []],
    ["feedback.odd = 'x\\u0000y\ufffdz'", ["d"]],
  ];
  for (const [filter, names] of found) {
    const page = await tracking.searchTraces({ experimentIds: ["0"], filter });
    expect([filter, page.items.map((one) => one.traceId.slice(3))]).toEqual([filter, names]);
  }
  for (const filter of ["feedback.tone > 'a'", "feedback.tone = 1", "feedback.tone IN ('a')", "feedback. = 'a'"])
    await expect(tracking.searchTraces({ experimentIds: ["0"], filter })).rejects.toMatchObject({ code: "INVALID" });
  await db.close();
});
