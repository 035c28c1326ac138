import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { startMlflow } from "./start.ts";

const server = await startMlflow();
afterAll(() => server.stop());
const ROOT = `${server.url}/api/2.0/mlflow-artifacts`;
const at = (path: string) => `${ROOT}/artifacts/${path}`;
const put = (path: string, body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>) =>
  fetch(at(path), { method: "PUT", body });
const leftovers = () => readdirSync(join(server.folder, "artifacts", ".staging"));

test("files go up and down, with a type by name and as a download", async () => {
  expect(await (await put("0/r/artifacts/MLmodel", "a: 1\n")).json()).toEqual({});
  const got = await fetch(at("0/r/artifacts/MLmodel"));
  expect(await got.text()).toBe("a: 1\n");
  expect(got.headers.get("content-type")).toStartWith("text/plain");
  expect(got.headers.get("content-disposition")).toBe("attachment; filename=MLmodel");
  expect(got.headers.get("x-content-type-options")).toBe("nosniff");
  await put("0/r/artifacts/näme b.bin", new Uint8Array(0));
  const odd = await fetch(at(encodeURIComponent("0/r/artifacts/näme b.bin")));
  expect(odd.status).toBe(200);
  expect(odd.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''n%C3%A4me%20b.bin");
  expect(await (await fetch(`${ROOT}/artifacts?path=0/r/artifacts`)).json()).toEqual({
    files: [
      { path: "MLmodel", is_dir: false, file_size: 5 },
      { path: "näme b.bin", is_dir: false },
    ],
  });
  for (const path of ["0/nothing", "0/r/artifacts/MLmodel"])
    expect(await (await fetch(`${ROOT}/artifacts?path=${path}`)).json()).toEqual({});
  expect((await fetch(at("0/r/artifacts/nothing"))).status).toBe(404);
  for (let i = 0; i < 2; i++) expect((await fetch(at("0/r"), { method: "DELETE" })).status).toBe(200);
  expect((await fetch(at("0/r/artifacts/MLmodel"))).status).toBe(404);
});

test("Range is answered with that part", async () => {
  await put("0/range", "0123456789");
  const part = async (range: string) => {
    const got = await fetch(at("0/range"), { headers: { Range: range } });
    return [got.status, await got.text(), got.headers.get("content-range")];
  };
  expect(await part("bytes=2-4")).toEqual([206, "234", "bytes 2-4/10"]);
  expect(await part("bytes=7-")).toEqual([206, "789", "bytes 7-9/10"]);
  expect(await part("bytes=-2")).toEqual([206, "89", "bytes 8-9/10"]);
  expect(await part("bytes=5-99")).toEqual([206, "56789", "bytes 5-9/10"]);
  expect(await part("bytes=10-")).toEqual([416, "", "bytes */10"]);
  expect(await part("lines=1-2")).toEqual([200, "0123456789", null]);
});

test("a large file passes through, and comes back the same", async () => {
  const chunk = new Uint8Array(1 << 20).map((_, i) => (i * 7919) & 255);
  const sent = createHash("sha256");
  let left = 200;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- === 0) return controller.close();
      sent.update(chunk);
      controller.enqueue(chunk);
    },
  });
  expect((await put("0/large", body)).status).toBe(200);
  const got = createHash("sha256");
  for await (const piece of (await fetch(at("0/large"))).body!) got.update(piece);
  expect(got.digest("hex")).toBe(sent.digest("hex"));
});

test("a client that dies in the middle of an upload leaves nothing", async () => {
  await put("0/whole", "old");
  for (const head of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const first = head.startsWith("Transfer") ? "5\r\nhello\r\n" : "hello";
    socket.write(`PUT /api/2.0/mlflow-artifacts/artifacts/0/whole HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${first}`);
    await Bun.sleep(100);
    socket.destroy();
    await Bun.sleep(200);
  }
  expect(await (await fetch(at("0/whole"))).text()).toBe("old");
  expect(leftovers()).toEqual([]);
});

test("paths that try to escape are refused", async () => {
  for (const path of ["%2e%2e%2fx", "a/%252e%252e/%252e%252e/x", "..%5cx", "%2fetc%2fpasswd", "a%23b", "a%00b"]) {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const { status } = await fetch(at(path), { method, ...(method === "PUT" ? { body: "x" } : {}) });
      expect({ path, method, status }).toEqual({ path, method, status: 400 });
    }
  }
  expect((await fetch(`${ROOT}/artifacts?path=../..`)).status).toBe(400);
  expect((await fetch(at("models/x"), { method: "PUT", body: "x" })).status).toBe(400);
});

/** Sends the path as it is: `fetch` would resolve its dots. Resolves to the status. */
function putRaw(path: string): Promise<number> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", reject).on("data", (said) => {
      socket.destroy();
      resolve(Number(String(said).split(" ")[1]));
    });
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nevil`);
  });
}

test("no spelling of a path leads out, however it is decoded", async () => {
  await put("0/kept", "x");
  const before = readdirSync(server.folder).sort();
  const dots = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "%25252e.",
    "..%00",
    "%c0%ae%c0%ae",
    "%uff0e%uff0e",
    "..;",
    "。。",
  ];
  const slashes = ["/", "%2f", "%252F", "\\", "%5c", "%255c", "//", "/./", "%c0%af"];
  for (const up of dots)
    for (const slash of slashes) {
      const status = await putRaw(`/api/2.0/mlflow-artifacts/artifacts/0/${`${up}${slash}`.repeat(4)}evil`);
      // 405: the dots led to another call's path.
      expect({ up, slash, is: [200, 400, 404, 405].includes(status) }).toMatchObject({ is: true });
    }
  for (const path of ["/etc/evil", "%2fetc%2fevil", "C:%5cevil", "file:%2f%2f%2ftmp%2fevil", "~/evil"])
    await putRaw(`/api/2.0/mlflow-artifacts/artifacts/${path}`);
  expect(readdirSync(server.folder).sort()).toEqual(before);
  for (const folder of [server.folder, join(server.folder, ".."), "/", "/tmp", "/etc"])
    expect(readdirSync(folder)).not.toContain("evil");
});

test("a file goes up in parts, in any order, and down again", async () => {
  const created = await server.call("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/r2/artifacts", {
    path: "/home/me/model.bin",
    num_parts: 3,
  });
  const { upload_id, credentials } = created.body as {
    upload_id: string;
    credentials: { url: string; part_number: number }[];
  };
  const parts = ["one ", "two ", "three"];
  const sent = await Promise.all(
    [...credentials].reverse().map(async ({ url, part_number }) => {
      const answer = await fetch(url, { method: "PUT", body: parts[part_number - 1]! });
      return { part_number, etag: answer.headers.get("etag")!, url };
    }),
  );
  const complete = (body: object) =>
    server.call("POST", "/api/2.0/mlflow-artifacts/mpu/complete/0/r2/artifacts", {
      path: "/home/me/model.bin",
      upload_id,
      ...body,
    });
  expect((await complete({ parts: sent.slice(1) })).status).toBe(400);
  expect((await complete({ parts: sent.slice(0, -1) })).status).toBe(400);
  expect((await complete({ parts: sent.map((part) => ({ ...part, etag: "other" })) })).status).toBe(400);
  expect(await complete({ parts: sent })).toEqual({ status: 200, body: {} });
  expect(await (await fetch(at("0/r2/artifacts/model.bin"))).text()).toBe("one two three");
  // A client that did not hear the answer asks again.
  expect(await complete({ parts: sent })).toEqual({ status: 200, body: {} });
  const again = await server.call("POST", "/api/2.0/mlflow-artifacts/mpu/create/0", { path: "x", num_parts: 1 });
  const id = (again.body as { upload_id: string }).upload_id;
  expect(
    (await server.call("POST", "/api/2.0/mlflow-artifacts/mpu/abort/0", { path: "x", upload_id: id })).status,
  ).toBe(200);
  expect(
    (await server.call("POST", "/api/2.0/mlflow-artifacts/mpu/abort/0", { path: "x", upload_id: id })).status,
  ).toBe(404);
  const presigned = await server.call("GET", "/api/2.0/mlflow-artifacts/presigned/0/r2/artifacts/model.bin");
  expect(presigned.body).toEqual({ url: at("0/r2/artifacts/model.bin"), headers: {}, file_size: 13 });
});

test("behind a proxy the parts' addresses are those that the client sees", async () => {
  const headers = {
    "Content-Type": "application/json",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "mlflow.example.org",
  };
  const body = JSON.stringify({ path: "x", num_parts: 1 });
  const created = await fetch(`${ROOT}/mpu/create/0`, { method: "POST", headers, body });
  const { upload_id, credentials } = (await created.json()) as { upload_id: string; credentials: { url: string }[] };
  expect(credentials[0]!.url).toBe(`https://mlflow.example.org/api/2.0/mlflow-artifacts/mpu/part/${upload_id}/1`);
});

test("files of runs, versions and logged models are listed and fetched by their owner", async () => {
  const run = await server.tracking.createRun({ experimentId: "0" });
  await put(`${run.artifactUri.slice("mlflow-artifacts:/".length)}/m/MLmodel`, "x");
  expect((await server.get(`artifacts/list?run_id=${run.runId}&path=m`)).body).toEqual({
    root_uri: run.artifactUri,
    files: [{ path: "m/MLmodel", is_dir: false, file_size: 1 }],
  });
  expect(await (await fetch(`${server.url}/get-artifact?run_id=${run.runId}&path=m/MLmodel`)).text()).toBe("x");
  await server.registry.ensureModel("m");
  await server.registry.createVersion("m", { source: `runs:/${run.runId}/m` });
  const version = await fetch(`${server.url}//model-versions/get-artifact?name=m&version=1&path=MLmodel`);
  expect(await version.text()).toBe("x");
  const model = await server.tracking.createLoggedModel({ experimentId: "0", name: "lm" });
  await put(`${model.artifactUri.slice("mlflow-artifacts:/".length)}/f`, "y");
  expect((await server.get(`logged-models/${model.modelId}/artifacts/directories`)).body).toEqual({
    root_uri: model.artifactUri,
    files: [{ path: "f", is_dir: false, file_size: 1 }],
  });
  const page = `${server.url}/ajax-api/2.0/mlflow`;
  expect(
    await (await fetch(`${page}/logged-models/${model.modelId}/artifacts/files?artifact_file_path=f`)).text(),
  ).toBe("y");
  const upload = `${page}/upload-artifact?run_uuid=${run.runId}&path=note.txt`;
  expect((await fetch(upload, { method: "POST", body: "note" })).status).toBe(200);
  expect(await (await fetch(`${server.url}/get-artifact?run_uuid=${run.runId}&path=note.txt`)).text()).toBe("note");
});
