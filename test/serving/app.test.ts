import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { parseRequest } from "../../src/serving/schema.ts";
import { deploy, makeModel, makePlace, type Place, type Running, run, until } from "./helpers.ts";

let place: Place;
let app: Running;

beforeAll(async () => {
  place = makePlace();
  await deploy(place, 1, await makeModel(place, 1));
  app = await run(place, { bodyBytesMax: 100_000 });
});
afterAll(async () => {
  await app.serving.drain();
  place.remove();
});

describe("POST /predict", () => {
  test("answers one row in the order of the inputs", async () => {
    const { status, body } = await app.post("/predict", { features: [1, -3] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model: "m", version: 1, variant: "champion", predictions: [0] });
    expect(body.probabilities![0]![1]).toBeCloseTo(1 / (1 + Math.exp(2)), 12);
    expect(body.probabilities![0]![0]! + body.probabilities![0]![1]!).toBeCloseTo(1, 12);
    expect(body.id).toMatch(/^[0-9a-f]{32}$/);
  });

  test("the three forms agree", async () => {
    const rows = [
      [1, 2],
      [-4, 1],
      [0.5, 0],
    ];
    const lists = await app.post("/predict", { features: rows });
    const records = await app.post("/predict", { inputs: rows.map(([a, b]) => ({ b, a })) });
    const columns = await app.post("/predict", { columns: { b: rows.map((r) => r[1]), a: rows.map((r) => r[0]) } });
    expect(lists.body.predictions).toEqual([1, 0, 1]);
    expect(records.body.probabilities).toEqual(lists.body.probabilities!);
    expect(columns.body.probabilities).toEqual(lists.body.probabilities!);
  });

  test("variants and models are reached by name, unknown ones are named", async () => {
    expect((await app.post("/predict/champion", { features: [1, 2] })).status).toBe(200);
    expect((await app.post("/models/m/predict", { features: [1, 2] })).status).toBe(200);
    const unknown = await app.post("/predict/champoin", { features: [1, 2] });
    expect(unknown.status).toBe(404);
    expect(unknown.body.error.mend).toBe("did you mean champion?");
  });

  test("content type is not asked for, gzip is read, an unknown encoding is refused", async () => {
    const text = JSON.stringify({ features: [1, 2] });
    const send = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
      fetch(`${app.url}/predict`, { method: "POST", body, headers });
    expect((await send(text, { "content-type": "text/csv" })).status).toBe(200);
    expect((await send(gzipSync(text), { "content-encoding": "gzip" })).status).toBe(200);
    expect((await send(gzipSync(text), { "content-encoding": "GZIP" })).status).toBe(200);
    expect((await send(gzipSync("0".repeat(200_000)), { "content-encoding": "gzip" })).status).toBe(413);
    expect((await send(text, { "content-encoding": "gzip" })).status).toBe(400);
    expect((await send(text, { "content-encoding": "br" })).status).toBe(400);
  });
});

const REFUSALS: [name: string, body: unknown, place: string, message: RegExp][] = [
  ["not JSON", "{", "body", /not JSON/],
  ["bare NaN", '{"features":[NaN,1]}', "body", /not JSON/],
  ["empty", "", "body", /empty/],
  ["a list", [1], "body", /not a JSON object/],
  ["no form", {}, "body", /none of features, inputs, columns/],
  ["two forms", { features: [1, 2], inputs: [] }, "body", /2 of features/],
  ["too few features", { features: [1] }, "features", /1 values, the model takes 2/],
  [
    "too many features",
    {
      features: [
        [1, 2],
        [1, 2, 3],
      ],
    },
    "features[1]",
    /3 values, the model takes 2/,
  ],
  ["no rows", { inputs: [] }, "inputs", /no rows/],
  ["empty row", { inputs: [{}] }, "inputs[0].a", /field a is missing/],
  [
    "null",
    {
      inputs: [
        { a: 1, b: 2 },
        { a: null, b: 2 },
      ],
    },
    "inputs[1].a",
    /a is null/,
  ],
  ["text for a number", { inputs: [{ a: "1", b: 2 }] }, "inputs[0].a", /"1" is not a finite number/],
  ["overflow to infinity", '{"features":[1e999,1]}', "features[0] (a)", /Infinity is not a finite number/],
  ["true for a number", { columns: { a: [1, true], b: [1, 2] } }, "columns.a[1]", /true is not a finite number/],
  ["a renamed column", { inputs: [{ A1: 1, b: 2 }] }, "inputs[0].A1", /no field A1/],
  ["a missing column", { columns: { a: [1] } }, "columns.b", /field b is missing/],
  ["ragged columns", { columns: { a: [1, 2], b: [1] } }, "columns.b", /has 1 values and a has 2/],
  ["columns without rows", { columns: { a: [], b: [] } }, "columns", /no rows/],
  ["a column that is no list", { columns: { a: 1, b: [1] } }, "columns.a", /not a list/],
  ["__proto__", '{"inputs":[{"__proto__":{"a":1},"a":1,"b":2}]}', "inputs[0].__proto__", /no field __proto__/],
];

describe("refusals name the field", () => {
  test.each(REFUSALS)("%s", async (_, body, field, message) => {
    const answer = await app.post("/predict", body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code: "REQUEST_INVALID", place: field });
    expect(answer.body.error.message).toMatch(message);
    expect(answer.body.error.mend.length).toBeGreaterThan(3);
  });

  test("a body over the limit is refused before it is read, with and without its length", async () => {
    expect((await app.post("/predict", "x".repeat(100_001))).body.error.code).toBe("REQUEST_TOO_LARGE");
    let sentBytes = 0;
    const endless = new ReadableStream({
      async pull(controller) {
        await Bun.sleep(0);
        sentBytes += 10_000;
        controller.enqueue(new Uint8Array(10_000).fill(32));
        if (sentBytes >= 100_000_000) controller.close();
      },
    });
    const response = await fetch(`${app.url}/predict`, { method: "POST", body: endless }).catch(() => undefined);
    if (response) expect(response.status).toBe(413);
    expect(sentBytes).toBeLessThan(50_000_000);
    expect((await app.post("/predict", { features: [1, 2] })).status).toBe(200);
  });

  test("more rows than the queue holds are refused", async () => {
    const many = { columns: { a: new Array(20_001).fill(1), b: new Array(20_001).fill(1) } };
    expect((await app.post("/predict", many)).body.error.code).toBe("REQUEST_TOO_LARGE");
  });
});

test("a client that hangs up in the middle of its body is no error of ours", async () => {
  const counted = async (code: string) =>
    Number(
      new RegExp(`^trimtab_requests_total\\{code="${code}"\\} (\\d+)$`, "m").exec(
        (await app.get("/metrics")).text,
      )?.[1],
    );
  await app.post("/predict", "");
  const before = await counted("400");
  const heads = ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"];
  for (const head of heads) {
    const { hostname, port } = new URL(app.url);
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } });
    socket.write(`POST /predict HTTP/1.1\r\nHost: x\r\n${head}`);
    await Bun.sleep(50);
    socket.terminate();
  }
  await until("both are counted", async () => (await counted("400")) === before + 2);
  expect(await counted("500")).toBeNaN();
});

test("other addresses and methods are 404 in the same form", async () => {
  const response = await fetch(`${app.url}/predict`);
  expect(response.status).toBe(404);
  expect(((await response.json()) as { error: { code: string } }).error.code).toBe("NOT_FOUND");
});

test("/health, /ready and /metrics tell the state", async () => {
  expect(JSON.parse((await app.get("/health")).text)).toMatchObject({
    live: true,
    ready: true,
    models: [{ model: "m" }],
  });
  expect((await app.get("/ready")).status).toBe(200);
  const { text } = await app.get("/metrics");
  expect(text).toContain('trimtab_requests_total{model="m",version="1",variant="champion",code="200"}');
  expect(text).toContain('trimtab_request_duration_seconds_bucket{model="m",version="1",variant="champion",le="+Inf"}');
});

test("a time that no calendar has is refused, as a number and as text", () => {
  const inputs = [{ name: "at", type: "timestamp" as const, required: true }];
  const at = (cell: unknown) => parseRequest({ features: [cell] }, inputs).batch.columns.at?.[0];
  expect(at("2001-03-05T17:40:00Z")).toBe(Date.UTC(2001, 2, 5, 17, 40));
  expect(at(0)).toBe(0);
  // A Date made of the third would throw in whoever shows it: the monitor did.
  for (const cell of ["2001-13-45", 1e300, 8.64e15 + 1, -8.64e15, "now", true])
    expect(() => at(cell)).toThrow("is not a time");
});

test("a handler that breaks answers with our error and nothing of the code", async () => {
  const other = makePlace();
  await deploy(other, 1, await makeModel(other, 1));
  const broken = await run(other, { allMetrics: () => Promise.reject(new Error("no numbers")) });
  const response = await fetch(`${broken.url}/metrics`);
  expect(response.status).toBe(500);
  expect(((await response.json()) as { error: { code: string } }).error.code).toBe("INTERNAL");
  await broken.serving.drain();
  other.remove();
});
