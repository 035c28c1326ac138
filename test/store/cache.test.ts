import { expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { fail } from "../../src/base/errors.ts";
import { injectFaults, type WriteStage } from "../../src/base/files.ts";
import { hashText } from "../../src/base/hash.ts";
import { type Cache, openCache } from "../../src/store/cache.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";
import { tempFolder } from "../temp.ts";

type Tree = Record<string, string>;
const md5 = (text: string) => hashText("md5", text);

function writeTree(folder: string, tree: Tree): void {
  mkdirSync(folder, { recursive: true });
  for (const [relpath, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(folder, relpath)), { recursive: true });
    writeFileSync(join(folder, relpath), text);
  }
}
function readTree(folder: string): Tree {
  const names = readdirSync(folder, { recursive: true }) as string[];
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}
/** Every object's bytes are what its name says, and every folder's files are here. */
function expectWhole(cache: Cache, dir: string): number {
  const objects = existsSync(join(dir, "files/md5"))
    ? (readdirSync(join(dir, "files/md5"), { recursive: true }) as string[])
    : [];
  const files = objects.filter((name) => name.includes("/"));
  for (const name of files) {
    const bytes = readFileSync(join(dir, "files/md5", name));
    const digest = name.replace("/", "");
    expect(hashText("md5", bytes) + (digest.endsWith(".dir") ? ".dir" : "")).toBe(digest);
    expect(cache.has(digest)).toBe(true);
  }
  return files.length;
}

const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
  .filter(
    (text) => !/[/\0\ufffd]|\p{Surrogate}/u.test(text) && text !== "." && text !== ".." && text.normalize() === text,
  );
/** Folders end in "d", files in "f", so that no name is both. */
const tree = fc.dictionary(
  fc
    .tuple(fc.array(name, { maxLength: 3 }), name)
    .map(([folders, file]) => [...folders.map((f) => `${f}d`), `${file}f`].join("/")),
  fc.string({ unit: "binary" }),
  { minKeys: 1, maxKeys: 12, noNullPrototype: true },
);

test("what is added comes back as it was, whatever the names", async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (files) => {
      const folder = tempFolder();
      const cache = openCache(join(folder, "cache"));
      writeTree(join(folder, "in"), files);
      const stored = await cache.addTree(join(folder, "in"));
      expect(stored.nfiles).toBe(Object.keys(files).length);
      expect(stored.md5).toBe((await openStatCache().hashPath(join(folder, "in"))).digest);
      await cache.restore(stored.md5, join(folder, "out"));
      expect(readTree(join(folder, "out"))).toEqual(readTree(join(folder, "in")));
      expectWhole(cache, join(folder, "cache"));
      rmSync(folder, { recursive: true });
    }),
    { numRuns: 30 },
  );
}, 60_000);

test("objects lie where DVC puts them, read-only", async () => {
  const folder = tempFolder();
  const cache = openCache(join(folder, "cache"));
  writeFileSync(join(folder, "a"), "x");
  expect(await cache.addFile(join(folder, "a"))).toEqual({ md5: md5("x"), size: 1 });
  const object = join(folder, "cache/files/md5", md5("x").slice(0, 2), md5("x").slice(2));
  expect(statSync(object).mode & 0o777).toBe(0o444);
  writeTree(join(folder, "t"), {
    empty: "",
    "sub.txt": "y",
    "sub/z": "x",
    "sub/é.txt": "café\r\n",
    "train.csv": "a,b\n1,2\n",
    "！.bin": "pua",
    "😀.bin": "emoji",
  });
  expect(await cache.addTree(join(folder, "t"))).toEqual({
    md5: "0a20a59f88f42fd984c96173c45f1a86.dir",
    size: 25,
    nfiles: 7,
  });
  expect(statSync(join(folder, "cache/files/md5/0a/20a59f88f42fd984c96173c45f1a86.dir")).size).toBe(486);
  expect(readdirSync(join(folder, "cache/tmp"))).toEqual([]);
});

test("a restored file may be rewritten without harm to the object", async () => {
  const folder = tempFolder();
  const cache = openCache(join(folder, "cache"));
  const [path, big] = [join(folder, "a"), "z".repeat(3 << 20)];
  for (const text of ["x", big]) {
    writeFileSync(path, text);
    const stored = await cache.addFile(path);
    await cache.restore(stored.md5, join(folder, "b"));
    writeFileSync(join(folder, "b"), "rewritten");
    writeFileSync(path, "rewritten too");
    await cache.restore(stored.md5, join(folder, "b"));
    expect(readFileSync(join(folder, "b"), "utf8") === text).toBe(true);
  }
});

test("restoring takes the place of whatever is there, and leaves it alone when it is the same", async () => {
  const folder = tempFolder();
  const cache = openCache(join(folder, "cache"));
  writeTree(join(folder, "t"), { a: "1", "b/c": "2" });
  writeFileSync(join(folder, "f"), "file");
  const dir = await cache.addTree(join(folder, "t"));
  const file = await cache.addFile(join(folder, "f"));
  const out = join(folder, "out");
  writeTree(out, { stale: "x", "b/d": "y" });
  await cache.restore(dir.md5, out);
  expect(readTree(out)).toEqual({ a: "1", "b/c": "2" });
  const { ino } = statSync(join(out, "a"));
  await cache.restore(dir.md5, out);
  expect(statSync(join(out, "a")).ino).toBe(ino);
  await cache.restore(file.md5, out);
  expect(readFileSync(out, "utf8")).toBe("file");
  await cache.restore(dir.md5, out);
  expect(readTree(out)).toEqual({ a: "1", "b/c": "2" });
  expect(readdirSync(folder).sort()).toEqual(["cache", "f", "out", "t"]);
});

test("a corrupt object is found before it reaches the workspace", async () => {
  const folder = tempFolder();
  const stats = openStatCache();
  const cache = openCache(join(folder, "cache"), stats);
  writeTree(join(folder, "t"), { a: "good", b: "fine" });
  const stored = await cache.addTree(join(folder, "t"));
  await Bun.sleep(60);
  await cache.restore(stored.md5, join(folder, "out"));
  const object = join(folder, "cache/files/md5", md5("good").slice(0, 2), md5("good").slice(2));
  chmodSync(object, 0o644);
  writeFileSync(object, "evil");
  rmSync(join(folder, "out"), { recursive: true });
  await expect(cache.restore(stored.md5, join(folder, "out"))).rejects.toMatchObject({
    code: "OBJECT_CORRUPT",
    place: object,
  });
  expect(existsSync(join(folder, "out"))).toBe(false);
  expect(existsSync(object)).toBe(false);
  expect(cache.has(stored.md5)).toBe(false);
  await expect(cache.restore(stored.md5, join(folder, "out"))).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  await expect(cache.restore(md5("never"), join(folder, "out"))).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  expect(readdirSync(folder).sort()).toEqual(["cache", "t"]);
});

test("a damaged object or manifest makes room for the sound one", async () => {
  const folder = tempFolder();
  const cache = openCache(join(folder, "cache"));
  writeTree(join(folder, "t"), { a: "good" });
  const { md5: digest } = await cache.addTree(join(folder, "t"));
  const cut = (name: string) => {
    const object = join(folder, "cache/files/md5", name.slice(0, 2), name.slice(2));
    chmodSync(object, 0o644);
    writeFileSync(object, "[");
  };
  cut(digest);
  expect(cache.has(digest)).toBe(false);
  await cache.addTree(join(folder, "t"));
  cut(md5("good"));
  await expect(cache.restore(digest, join(folder, "out"))).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
  await cache.addTree(join(folder, "t"));
  await cache.restore(digest, join(folder, "out"));
  expect(readFileSync(join(folder, "out/a"), "utf8")).toBe("good");
});

test("a disk that fills at any moment leaves the cache whole, and the next add completes it", async () => {
  const files = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i % 3}/${i}`, `text ${i}`]));
  const stages: WriteStage[] = ["sync", "rename"];
  for (const stage of stages)
    for (const nth of [1, 2, 50, 100, 101]) {
      const folder = tempFolder();
      const cache = openCache(join(folder, "cache"));
      writeTree(join(folder, "t"), files);
      let seen = 0;
      const heal = injectFaults((at) => {
        if (at === stage && ++seen === nth) throw fail("DISK_FULL", { what: "no space left on the disk" });
      });
      const reached = stage === "rename" || nth <= 2;
      const add = cache.addTree(join(folder, "t"));
      if (reached) await expect(add).rejects.toMatchObject({ code: "DISK_FULL" });
      else await add;
      heal();
      expectWhole(cache, join(folder, "cache"));
      expect(readdirSync(join(folder, "cache/tmp"))).toEqual([]);
      const stored = await cache.addTree(join(folder, "t"));
      expect(expectWhole(cache, join(folder, "cache"))).toBe(101);
      await cache.restore(stored.md5, join(folder, "out"));
      expect(readTree(join(folder, "out"))).toEqual(files);
    }
}, 60_000);

test("a restore that cannot finish leaves what was there", async () => {
  const folder = tempFolder();
  const cache = openCache(join(folder, "cache"));
  writeTree(join(folder, "t"), { a: "new" });
  const stored = await cache.addTree(join(folder, "t"));
  writeTree(join(folder, "out"), { a: "old" });
  const heal = injectFaults((stage) => {
    if (stage === "rename") throw fail("DISK_FULL", { what: "no space left on the disk" });
  });
  await expect(cache.restore(stored.md5, join(folder, "out"))).rejects.toMatchObject({ code: "DISK_FULL" });
  heal();
  expect(readTree(join(folder, "out"))).toEqual({ a: "old" });
  expect(readdirSync(folder).sort()).toEqual(["cache", "out", "t"]);
});

test("a process killed in the middle of an add leaves whole objects only", async () => {
  const folder = tempFolder();
  writeTree(
    join(folder, "t"),
    Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`d${i % 20}/${i}`, `text ${i}`])),
  );
  const script = `const { openCache } = await import(${JSON.stringify(join(import.meta.dir, "../../src/store/cache.ts"))});
    console.log("go"); await openCache(${JSON.stringify(join(folder, "cache"))}).addTree(${JSON.stringify(join(folder, "t"))});`;
  const cache = openCache(join(folder, "cache"));
  for (const waitMs of [20, 60, 120, 200]) {
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    await child.stdout.getReader().read();
    await Bun.sleep(waitMs);
    child.kill("SIGKILL");
    await child.exited;
    expectWhole(cache, join(folder, "cache"));
  }
  const stored = await cache.addTree(join(folder, "t"));
  expect(expectWhole(cache, join(folder, "cache"))).toBe(4_001);
  await cache.gc(new Set([stored.md5]));
  expect(readdirSync(join(folder, "cache/tmp"))).toEqual([]);
  expect(cache.has(stored.md5)).toBe(true);
}, 60_000);

test("gc keeps what is named and what it holds, and nothing else", async () => {
  const folder = tempFolder();
  const cache = openCache(join(folder, "cache"));
  writeTree(join(folder, "t"), { a: "shared", b: "kept" });
  const kept = await cache.addTree(join(folder, "t"));
  writeTree(join(folder, "u"), { a: "shared", b: "gone!" });
  const gone = await cache.addTree(join(folder, "u"));
  const expected = {
    removed: 2,
    sizeBytes: 5 + statSync(join(folder, "cache/files/md5", gone.md5.slice(0, 2), gone.md5.slice(2))).size,
    kept: 3,
  };
  expect(await cache.gc(new Set([kept.md5]), { dryRun: true })).toEqual(expected);
  expect(cache.has(gone.md5)).toBe(true);
  expect(await cache.gc(new Set([kept.md5]))).toEqual(expected);
  expect([cache.has(kept.md5), cache.has(gone.md5)]).toEqual([true, false]);
  expectWhole(cache, join(folder, "cache"));
});

test("a cache that was copied elsewhere works there", async () => {
  const folder = tempFolder();
  writeTree(join(folder, "t"), { a: "1" });
  const stored = await openCache(join(folder, "cache")).addTree(join(folder, "t"));
  cpSync(join(folder, "cache"), join(folder, "copy"), { recursive: true });
  await openCache(join(folder, "copy")).restore(stored.md5, join(folder, "out"));
  expect(readTree(join(folder, "out"))).toEqual({ a: "1" });
});
