import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../src/base/errors.ts";
import { injectFaults } from "../../src/base/files.ts";
import { openArtifactStore } from "../../src/store/artifacts.ts";
import { artifactStoreSuite } from "../suites/artifact-store.ts";
import { tempFolder } from "../temp.ts";

artifactStoreSuite("a folder", () => Promise.resolve({ store: openArtifactStore(join(tempFolder(), "artifacts")) }));

const bytes = (text: string) => new TextEncoder().encode(text);

test("object stores are refused until they are there", () => {
  expect(() => openArtifactStore("s3://bucket/prefix")).toThrow("s3:// stores are not available yet");
});

test("a link does not lead out of the store", async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, "artifacts"));
  writeFileSync(join(folder, "secret"), "x");
  symlinkSync("../secret", join(folder, "artifacts", "link"));
  symlinkSync("..", join(folder, "artifacts", "up"));
  const store = openArtifactStore(join(folder, "artifacts"));
  for (const path of ["link", "up/secret"]) {
    await expect(store.get(path)).rejects.toMatchObject({ code: "INVALID" });
    await expect(store.put(path, bytes("y"))).rejects.toMatchObject({ code: "INVALID" });
    await expect(store.delete(path)).rejects.toMatchObject({ code: "INVALID" });
  }
  expect(await Bun.file(join(folder, "secret")).text()).toBe("x");
});

test("a full disk leaves what was there, and no scratch", async () => {
  const root = join(tempFolder(), "artifacts");
  const store = openArtifactStore(root);
  await store.put("a", bytes("before"));
  for (const stage of ["sync", "rename"]) {
    const heal = injectFaults((at) => {
      if (at === stage) throw fail("DISK_FULL", { what: "no space left on the disk" });
    });
    await expect(store.put("a", bytes("after"))).rejects.toMatchObject({ code: "DISK_FULL" });
    heal();
    expect(await new Response(await store.get("a")).text()).toBe("before");
    expect(readdirSync(join(root, ".staging"))).toEqual([]);
  }
});

test("the scratch folder is nobody's artifact", async () => {
  const store = openArtifactStore(join(tempFolder(), "artifacts"));
  await expect(store.put(".staging/x", bytes("x"))).rejects.toMatchObject({ code: "INVALID" });
});
