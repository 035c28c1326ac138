/** What every artifact store must do, whatever it keeps its files in. Call it once for each implementation. */

import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ArtifactStore } from "../../src/store/artifacts.ts";

export interface StoreUnderTest {
  store: ArtifactStore;
  close?: () => Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const read = async (stream: ReadableStream<Uint8Array>) => new Uint8Array(await new Response(stream).arrayBuffer());
const text = async (stream: ReadableStream<Uint8Array>) => new TextDecoder().decode(await read(stream));

/** `open` gives an empty store each time. */
export function artifactStoreSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    const opened: StoreUnderTest[] = [];
    const fresh = async (): Promise<ArtifactStore> => {
      const under = await open();
      opened.push(under);
      return under.store;
    };
    afterAll(async () => {
      for (const under of opened) await under.close?.();
    });

    test("what is put is got, whole or in part", async () => {
      const store = await fresh();
      expect(await store.put("a/b/model.pkl", bytes("0123456789"))).toBe(10);
      expect(await text(await store.get("a/b/model.pkl"))).toBe("0123456789");
      expect(await text(await store.get("a/b/model.pkl", { startByte: 3 }))).toBe("3456789");
      expect(await text(await store.get("a/b/model.pkl", { startByte: 3, endByte: 5 }))).toBe("34");
      expect(await text(await store.get("a/b/model.pkl", { startByte: 8, endByte: 100 }))).toBe("89");
      expect(await text(await store.get("a/b/model.pkl", { startByte: 4, endByte: 4 }))).toBe("");
      for (const range of [{ startByte: 10 }, { startByte: -1 }, { startByte: 5, endByte: 4 }])
        await expect(store.get("a/b/model.pkl", range)).rejects.toMatchObject({ code: "INVALID" });
      expect(await store.size("a/b/model.pkl")).toBe(10);
      await store.put("a/b/model.pkl", bytes("new"));
      expect(await text(await store.get("a/b/model.pkl"))).toBe("new");
    });

    test("an empty file is a file", async () => {
      const store = await fresh();
      await store.put("empty", new Uint8Array());
      expect([await store.size("empty"), await text(await store.get("empty"))]).toEqual([0, ""]);
      expect(await store.list("")).toEqual([{ path: "empty", isFolder: false, sizeBytes: 0 }]);
    });

    test("streams larger than any buffer pass through", async () => {
      const store = await fresh();
      const chunk = new Uint8Array(1 << 20).map((_, i) => i % 253);
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent++ < 20) controller.enqueue(chunk);
          else controller.close();
        },
      });
      expect(await store.put("large", body)).toBe(20 << 20);
      const back = await read(await store.get("large"));
      expect(back.length).toBe(20 << 20);
      for (let i = 0; i < 20; i++) expect(Buffer.compare(back.subarray(i << 20, (i + 1) << 20), chunk)).toBe(0);
    });

    test("a body that breaks off leaves what was there", async () => {
      const store = await fresh();
      const broken = () =>
        new ReadableStream<Uint8Array>({
          pull(controller) {
            controller.enqueue(bytes("half"));
            controller.error(new Error("the client went away"));
          },
        });
      await expect(store.put("a/b", broken())).rejects.toThrow("went away");
      expect(await store.size("a/b")).toBeUndefined();
      expect(await store.list("")).toEqual([]);
      await store.put("a/b", bytes("before"));
      await expect(store.put("a/b", broken())).rejects.toThrow("went away");
      expect(await text(await store.get("a/b"))).toBe("before");
    });

    test("a folder lists what is directly in it, by name", async () => {
      const store = await fresh();
      for (const path of ["m/MLmodel", "m/model.pkl", "m/code/a.py", "m/code/deep/b.py", "z", "m2"])
        await store.put(path, bytes(path));
      expect(await store.list("m")).toEqual([
        { path: "m/MLmodel", isFolder: false, sizeBytes: 9 },
        { path: "m/code", isFolder: true },
        { path: "m/model.pkl", isFolder: false, sizeBytes: 11 },
      ]);
      expect(await store.list("m/")).toEqual(await store.list("m"));
      expect((await store.list("")).map((entry) => entry.path)).toEqual(["m", "m2", "z"]);
      expect(await store.list("none")).toEqual([]);
      expect(await store.list("z")).toEqual([]);
      expect(await store.list("z/below")).toEqual([]);
    });

    test("deleting takes a file, or a folder with all below it, and is content when there is nothing", async () => {
      const store = await fresh();
      for (const path of ["a/b/c", "a/b/d", "a/e", "ab"]) await store.put(path, bytes(path));
      await store.delete("a/b/c");
      expect((await store.list("a/b")).map((entry) => entry.path)).toEqual(["a/b/d"]);
      await store.delete("a/b");
      await store.delete("a/b");
      expect((await store.list("a")).map((entry) => entry.path)).toEqual(["a/e"]);
      await store.delete("a/e");
      expect((await store.list("")).map((entry) => entry.path)).toEqual(["ab"]);
      await expect(store.get("a/e")).rejects.toMatchObject({ code: "NOT_FOUND" });
      await store.put("a/b/c", bytes("again"));
      expect(await text(await store.get("a/b/c"))).toBe("again");
    });

    test("a folder and a file do not share a name", async () => {
      const store = await fresh();
      await store.put("a/b", bytes("x"));
      await expect(store.put("a", bytes("y"))).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
      await expect(store.put("a/b/c", bytes("y"))).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
      await expect(store.get("a")).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await store.size("a")).toBeUndefined();
    });

    test("no path leads out, however it is encoded", async () => {
      const store = await fresh();
      const twice = (path: string) => encodeURIComponent(encodeURIComponent(path));
      const paths = [
        "../x",
        "a/../../x",
        "a/..",
        "..",
        ".",
        "./a",
        "/etc/passwd",
        "a//b",
        "\\\\host\\x",
        "a\\..\\x",
        "c:/x",
        "C:x",
        "a#b",
        "a\0b",
        "a\nb",
        "%2e%2e/x",
        "%252e%252e%252fx",
        twice("../x"),
        twice(twice("/etc")),
        "%5c..%5cx",
        "a/%2e%2e/%2e%2e/x",
        "100%/%2e%2e/x",
        "a#b",
        "%00",
        "a".repeat(256),
        "a/".repeat(600),
        "",
      ];
      for (const path of paths)
        for (const call of [
          () => store.put(path, bytes("x")),
          () => store.get(path),
          () => store.delete(path),
          () => store.size(path),
        ])
          await expect(call()).rejects.toMatchObject({ code: "INVALID" });
      for (const path of paths.filter((p) => p !== ""))
        await expect(store.list(path)).rejects.toMatchObject({ code: "INVALID" });
      expect(await store.list("")).toEqual([]);
    });

    test("names that only look odd are names", async () => {
      const store = await fresh();
      const names = [
        "100%.txt",
        "a b/ü😀.txt",
        "%41",
        "%23",
        "im%step%23%timestamp%1795769393709%1f.png",
        "..a/b..",
        "a+b&c=d?e",
        "[x]*.csv",
        "'q\"",
        "~",
        "-rf",
        "model:v1",
        "a.b/.hidden",
      ];
      for (const name of names) await store.put(name, bytes(name));
      for (const name of names) expect(await text(await store.get(name))).toBe(name);
    });

    test("many puts and deletes at once leave whole files", async () => {
      const store = await fresh();
      const work = Array.from({ length: 200 }, async (_, i) => {
        if (i % 4 === 3) await store.delete(`f${i % 3}`);
        else await store.put(`f${i % 3}/${i % 5}`, bytes(`whole ${i % 3}/${i % 5}`));
      });
      await Promise.all(work);
      for (const folder of await store.list(""))
        for (const entry of await store.list(folder.path))
          expect(await text(await store.get(entry.path))).toBe(`whole ${entry.path.slice(1)}`);
    });

    test("it is a map from paths to bytes", async () => {
      const segment = fc.constantFrom("a", "b", "c.txt");
      const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
      const step = fc.oneof(
        fc.record({ kind: fc.constant("put" as const), path, data: fc.uint8Array({ maxLength: 50 }) }),
        fc.record({ kind: fc.constant("delete" as const), path }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
          const store = await fresh();
          const model = new Map<string, Uint8Array>();
          for (const one of steps) {
            const below = [...model.keys()].filter((key) => key.startsWith(`${one.path}/`));
            const above = [...model.keys()].some((key) => one.path.startsWith(`${key}/`));
            if (one.kind === "delete") {
              await store.delete(one.path);
              for (const key of [...below, one.path]) model.delete(key);
            } else if (below.length > 0 || above) {
              await expect(store.put(one.path, one.data)).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
            } else {
              await store.put(one.path, one.data);
              model.set(one.path, one.data);
            }
          }
          const found = new Map<string, Uint8Array>();
          const visit = async (folder: string): Promise<void> => {
            for (const entry of await store.list(folder))
              if (entry.isFolder) await visit(entry.path);
              else found.set(entry.path, await read(await store.get(entry.path)));
          };
          await visit("");
          const sorted = (map: Map<string, Uint8Array>) => [...map].map(([k, v]) => [k, [...v]]).sort();
          expect(sorted(found)).toEqual(sorted(model));
        }),
        { numRuns: 30 },
      );
    }, 60_000);
  });
}
