import { expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hashText } from "../../src/base/hash.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";
import { walk } from "../../src/store/walk.ts";
import { tempFolder } from "../temp.ts";

const md5 = (text: string | Uint8Array) => hashText("md5", text);
/** Longer than the racy-clock rule waits. */
const settle = () => Bun.sleep(60);

test("a hash is remembered once the file has settled, also by the next process", async () => {
  const folder = tempFolder();
  const memory = join(folder, "memory", "stat-cache.db");
  const path = join(folder, "a");
  writeFileSync(path, "one");
  await settle();
  const first = openStatCache(memory);
  expect(await first.hashPath(path)).toEqual({ digest: md5("one"), sizeBytes: 3 });
  expect(first.recall(walk(path).files[0]!)).toBe(md5("one"));
  first.close();
  const second = openStatCache(memory);
  expect(second.recall(walk(path).files[0]!)).toBe(md5("one"));
  second.close();
});

test("an edit in the same tick, of the same size, with the time put back, is seen", async () => {
  const folder = tempFolder();
  const stats = openStatCache();
  for (let i = 0; i < 300; i++) {
    const path = join(folder, `f${i % 7}`);
    const past = new Date(1_600_000_000_000);
    writeFileSync(path, `a${i % 10}`);
    utimesSync(path, past, past);
    await stats.hashPath(path);
    writeFileSync(path, `b${i % 10}`);
    utimesSync(path, past, past);
    expect((await stats.hashPath(path)).digest).toBe(md5(`b${i % 10}`));
  }
  stats.close();
});

test("a hash is not kept when its reading began within a tick of the last change", () => {
  const path = join(tempFolder(), "a");
  writeFileSync(path, "one");
  const stats = openStatCache();
  const file = walk(path).files[0]!;
  const done = { ok: true, md5: md5("one"), id: file.id, stamp: file.stamp, stable: true, staged: false } as const;
  stats.remember(file, done, file.changedMs + 5);
  expect(stats.recall(file)).toBeUndefined();
  stats.remember({ ...file, coarse: true }, done, file.changedMs + 1_500);
  expect(stats.recall(file)).toBeUndefined();
  stats.remember(file, { ...done, stable: false }, file.changedMs + 100);
  stats.remember(file, { ...done, stamp: "other" }, file.changedMs + 100);
  expect(stats.recall(file)).toBeUndefined();
  stats.remember(file, done, file.changedMs + 100);
  expect(stats.recall(file)).toBe(md5("one"));
  stats.close();
});

test("an edit of a settled file is seen, and so is another file moved into its place", async () => {
  const folder = tempFolder();
  const [path, other] = [join(folder, "a"), join(folder, "b")];
  const past = new Date(1_600_000_000_000);
  for (const [name, text] of [
    [path, "one"],
    [other, "two"],
  ] as const) {
    writeFileSync(name, text);
    utimesSync(name, past, past);
  }
  await settle();
  const stats = openStatCache();
  expect((await stats.hashPath(path)).digest).toBe(md5("one"));
  renameSync(other, path);
  expect((await stats.hashPath(path)).digest).toBe(md5("two"));
  await settle();
  expect((await stats.hashPath(path)).digest).toBe(md5("two"));
  writeFileSync(path, "six");
  utimesSync(path, past, past);
  expect((await stats.hashPath(path)).digest).toBe(md5("six"));
  stats.close();
});

test("many files and large ones hash the same on threads as here", async () => {
  const folder = tempFolder();
  const expected = new Map<string, string>();
  for (let i = 0; i < 2_500; i++) {
    mkdirSync(join(folder, `d${i % 13}`), { recursive: true });
    const bytes = new Uint8Array(i % 97).fill(i);
    expected.set(`d${i % 13}/${i}`, md5(bytes));
    writeFileSync(join(folder, `d${i % 13}`, String(i)), bytes);
  }
  const large = new Uint8Array((1 << 20) * 17 + 5).map((_, i) => i % 251);
  writeFileSync(join(folder, "large"), large);
  expected.set("large", md5(large));
  const stats = openStatCache();
  const hashed = await stats.hashFiles(walk(folder).files);
  expect(new Map(hashed.map((file) => [file.relpath, file.md5]))).toEqual(expected);
  expect((await stats.hashPath(folder)).files).toBe(2_501);
  stats.close();
});

test("what cannot be hashed is named", async () => {
  const folder = tempFolder();
  const stats = openStatCache();
  await expect(stats.hashPath(join(folder, "none"))).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
    place: join(folder, "none"),
  });
  mkdirSync(join(folder, "loop"));
  symlinkSync("..", join(folder, "loop", "back"));
  await expect(stats.hashPath(folder)).rejects.toMatchObject({ code: "FILE_NOT_READABLE" });
  const sealed = join(tempFolder(), "sealed");
  writeFileSync(sealed, "x");
  chmodSync(sealed, 0);
  if (process.getuid?.() !== 0)
    await expect(stats.hashPath(sealed)).rejects.toMatchObject({ code: "FILE_NOT_READABLE", place: sealed });
  stats.close();
});

test("links are followed, and folders of version control are left out", async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, ".git"));
  writeFileSync(join(folder, ".git", "HEAD"), "x");
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a", "b"), "x");
  symlinkSync("b", join(folder, "a", "c"));
  expect(
    walk(folder)
      .files.map((file) => file.relpath)
      .sort(),
  ).toEqual(["a/b", "a/c"]);
});

test("a damaged memory is begun anew", async () => {
  const folder = tempFolder();
  const memory = join(folder, "stat-cache.db");
  writeFileSync(memory, "this is not a database, and long enough to be looked at as one".repeat(100));
  const path = join(folder, "a");
  writeFileSync(path, "one");
  await settle();
  const stats = openStatCache(memory);
  expect((await stats.hashPath(path)).digest).toBe(md5("one"));
  stats.close();
  expect(statSync(memory).size).toBeGreaterThan(0);
  // Damage while it is in use costs time, not truth.
  const again = openStatCache(memory);
  appendFileSync(path, "two");
  expect((await again.hashPath(path)).digest).toBe(md5("onetwo"));
  again.close();
});
