import { expect, test } from "bun:test";
import { openArtifactStore } from "../../src/store/artifacts.ts";
import { withMounts } from "../../src/store/mounts.ts";
import { tempFolder } from "../temp.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("a mounted store is read below its name, and never written", async () => {
  const models = openArtifactStore(tempFolder());
  await models.put("m/1_v1/MLmodel", bytes("x: 1\n"));
  const store = withMounts(openArtifactStore(tempFolder()), { models });
  await store.put("0/run/artifacts/f", bytes("hello"));
  expect(await new Response(await store.get("models/m/1_v1/MLmodel")).text()).toBe("x: 1\n");
  expect(await new Response(await store.get("0/run/artifacts/f", { startByte: 1, endByte: 3 })).text()).toBe("el");
  expect(await store.list("models/m")).toEqual([{ path: "models/m/1_v1", isFolder: true }]);
  expect(await store.list("models")).toEqual([{ path: "models/m", isFolder: true }]);
  expect(await store.list("")).toEqual([{ path: "0", isFolder: true }]);
  expect(await store.size("models/m/1_v1/MLmodel")).toBe(5);
  expect(await store.size("models")).toBeUndefined();
  await expect(store.get("models")).rejects.toMatchObject({ code: "NOT_FOUND" });
  for (const path of ["models", "models/m/x"]) {
    await expect(store.put(path, bytes("x"))).rejects.toMatchObject({ code: "INVALID" });
    await expect(store.delete(path)).rejects.toMatchObject({ code: "INVALID" });
  }
  await expect(store.get("models/../x")).rejects.toMatchObject({ code: "INVALID" });
});
