import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { hashText } from "../../../src/base/hash.ts";
import { readDvcPointer, writeDvcPointer } from "../../../src/data/dvc/pointer.ts";
import {
  addTracked,
  checkoutTracked,
  collectTracked,
  findPointers,
  pullTracked,
  trackedStates,
} from "../../../src/data/dvc/tracked.ts";
import { openCache } from "../../../src/store/cache.ts";
import { openStatCache } from "../../../src/store/stat-cache.ts";
import { tempFolder } from "../../temp.ts";

const md5 = (text: string) => hashText("md5", text);
function project() {
  const root = tempFolder();
  const stats = openStatCache();
  return {
    root,
    at: (name: string) => join(root, name),
    ports: { stats, cache: openCache(join(root, ".dvc/cache"), stats) },
  };
}
const git = (cwd: string, ...args: string[]) => {
  const done = Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@t", ...args], { cwd });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return done.stdout.toString();
};

test("a pointer is written as DVC writes it", async () => {
  const { at, ports } = project();
  writeFileSync(at("a.csv"), "a,b\n1,2\n");
  chmodSync(at("a.csv"), 0o755);
  await addTracked(ports, at("a.csv"));
  expect(readFileSync(at("a.csv.dvc"), "utf8")).toBe(
    `outs:\n- md5: ${md5("a,b\n1,2\n")}\n  size: 8\n  isexec: true\n  hash: md5\n  path: a.csv\n`,
  );
  mkdirSync(at("d/e"), { recursive: true });
  writeFileSync(at("d/e/x"), "x");
  writeFileSync(at("d/y"), "yy");
  const { md5: digest } = await addTracked(ports, at("d"));
  expect(readFileSync(at("d.dvc"), "utf8")).toBe(
    `outs:\n- md5: ${digest}\n  size: 3\n  nfiles: 2\n  hash: md5\n  path: d\n`,
  );
});

test("the pointers of odd names are those that DVC 3.67 wrote", async () => {
  const { at, ports } = project();
  const golden = (await Bun.file(join(import.meta.dir, "../../golden/dvc-pointers.json")).json()) as Record<
    string,
    string
  >;
  for (const [name, expected] of Object.entries(golden).filter(([name]) => name !== "dir")) {
    writeFileSync(at(name), name);
    if (expected.includes("isexec")) chmodSync(at(name), 0o755);
    await addTracked(ports, at(name));
    expect(readFileSync(at(`${name}.dvc`), "utf8")).toBe(expected);
  }
  const files = ["empty", "sub/z", "sub/deep/é.txt", "\x7f", "t\tb", 'q"\\', "😀", "！", "a b", "dup1", "dup2"];
  mkdirSync(at("dir/sub/deep"), { recursive: true });
  for (const name of files)
    writeFileSync(at(`dir/${name}`), name.startsWith("dup") ? "same" : name === "empty" ? "" : name);
  await addTracked(ports, at("dir"));
  expect(readFileSync(at("dir.dvc"), "utf8")).toBe(golden.dir!);
});

test("what is written is read back, whatever the name and the digits", async () => {
  const { at } = project();
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter((text) => !/[/\0]|\p{Surrogate}/u.test(text) && !/^\.\.?$/.test(text));
  const odd = fc.constantFrom(
    "1e5",
    "0x1f",
    "true",
    "null",
    "~",
    "a: b",
    "- x",
    "#x",
    "a #b",
    "[x]*.txt",
    "'",
    '"',
    "2001-01-01",
    ".inf",
    "1.5",
    "x ",
    " x",
    "a\tb",
    "%",
    "@a",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "{",
    "?",
  );
  const digest = fc.oneof(
    fc.constantFrom("1".repeat(32), `12345e${"6".repeat(26)}`, "0".repeat(32)),
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(name, odd), digest, async (base, hash) => {
      const pointer = { md5: hash, path: at(base), sizeBytes: 5, executable: false };
      await writeDvcPointer(at("p.dvc"), pointer);
      expect(readDvcPointer(at("p.dvc"))).toEqual({ ...pointer, legacy: false });
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("Git ignores what is added, once, and data that Git has is refused", async () => {
  const { root, at, ports } = project();
  git(root, "init", "-q");
  for (const name of ["plain.csv", "a#b.txt", "[x]*.txt", "!bang"]) {
    writeFileSync(at(name), name);
    await addTracked(ports, at(name));
    await addTracked(ports, at(name));
    expect(git(root, "check-ignore", "-v", "--", name)).toContain(".gitignore");
  }
  expect(readFileSync(at(".gitignore"), "utf8")).toBe("/plain.csv\n/a\\#b.txt\n/\\[x\\]\\*.txt\n/\\!bang\n");
  writeFileSync(at("code.py"), "x");
  git(root, "add", "code.py");
  await expect(addTracked(ports, at("code.py"))).rejects.toMatchObject({ code: "DATA_TRACKED" });
  expect(readdirSync(root)).not.toContain("code.py.dvc");
});

test("status, checkout and the changes that they must not lose", async () => {
  const { at, ports } = project();
  writeFileSync(at("a"), "one");
  chmodSync(at("a"), 0o755);
  await addTracked(ports, at("a"));
  const state = async () => (await trackedStates(ports, [at("a.dvc")]))[0]!;
  expect(await state()).toEqual({
    pointer: at("a.dvc"),
    path: at("a"),
    md5: md5("one"),
    state: "unchanged",
    cached: true,
  });
  expect(await checkoutTracked(ports, at("a.dvc"))).toBe(false);
  rmSync(at("a"));
  expect((await state()).state).toBe("deleted");
  expect(await checkoutTracked(ports, at("a.dvc"))).toBe(true);
  expect([readFileSync(at("a"), "utf8"), statSync(at("a")).mode & 0o777]).toEqual(["one", 0o755]);
  writeFileSync(at("a"), "precious");
  expect((await state()).state).toBe("modified");
  await expect(checkoutTracked(ports, at("a.dvc"))).rejects.toMatchObject({ code: "DATA_DIFFERS", place: at("a") });
  expect(readFileSync(at("a"), "utf8")).toBe("precious");
  await ports.cache.addFile(at("a"));
  expect(await checkoutTracked(ports, at("a.dvc"))).toBe(true);
  writeFileSync(at("a"), "again");
  expect(await checkoutTracked(ports, at("a.dvc"), true)).toBe(true);
  expect(readFileSync(at("a"), "utf8")).toBe("one");
});

test("push and pull through a folder; what is missing or corrupt there is named", async () => {
  const [here, there] = [project(), project()];
  const remote = join(tempFolder(), "remote");
  mkdirSync(here.at("d"));
  for (const name of ["x", "y", "z"]) writeFileSync(here.at(`d/${name}`), name);
  writeFileSync(here.at("f"), "file");
  const pointers = [await addTracked(here.ports, here.at("d")), await addTracked(here.ports, here.at("f"))];
  const digests = pointers.map((pointer) => pointer.md5);
  expect((await openCache(remote).receive(here.at(".dvc/cache"), digests)).objects).toBe(5);
  expect(await openCache(remote).receive(here.at(".dvc/cache"), digests)).toEqual({ objects: 0, sizeBytes: 0 });
  for (const name of ["d.dvc", "f.dvc"]) writeFileSync(there.at(name), readFileSync(here.at(name)));
  const all = findPointers(there.root);
  await expect(checkoutTracked(there.ports, all[0]!)).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  expect((await pullTracked(there.ports, all, remote)).objects).toBe(5);
  expect([readFileSync(there.at("d/y"), "utf8"), readFileSync(there.at("f"), "utf8")]).toEqual(["y", "file"]);
  expect((await trackedStates(there.ports, all)).map((s) => [s.state, s.cached])).toEqual([
    ["unchanged", true],
    ["unchanged", true],
  ]);

  const object = join(remote, "files/md5", md5("y").slice(0, 2), md5("y").slice(2));
  chmodSync(object, 0o644);
  writeFileSync(object, "evil");
  const third = project();
  writeFileSync(third.at("d.dvc"), readFileSync(here.at("d.dvc")));
  await expect(pullTracked(third.ports, [third.at("d.dvc")], remote)).rejects.toMatchObject({
    code: "OBJECT_CORRUPT",
    place: object,
  });
  expect(third.ports.cache.has(digests[0]!)).toBe(false);
  rmSync(object);
  await expect(pullTracked(third.ports, [third.at("d.dvc")], remote)).rejects.toMatchObject({
    code: "OBJECT_MISSING",
    place: object,
  });
});

test("gc keeps what pointers name", async () => {
  const { root, at, ports } = project();
  writeFileSync(at("a"), "kept");
  await addTracked(ports, at("a"));
  writeFileSync(at("b"), "dropped");
  await ports.cache.addFile(at("b"));
  writeFileSync(at("c"), "also");
  const also = await ports.cache.addFile(at("c"));
  expect(await collectTracked(ports.cache, root, { alsoKeep: [also.md5], dryRun: true })).toEqual({
    removed: 1,
    sizeBytes: 7,
    kept: 2,
  });
  await collectTracked(ports.cache, root, { alsoKeep: [also.md5] });
  expect([md5("kept"), md5("dropped"), md5("also")].map((digest) => ports.cache.has(digest))).toEqual([
    true,
    false,
    true,
  ]);
});

test("patterns in .dvcignore are refused rather than guessed at", async () => {
  const { at, ports } = project();
  mkdirSync(at("d"));
  writeFileSync(at("d/x"), "x");
  writeFileSync(at(".dvcignore"), "# nothing\n\n");
  await addTracked(ports, at("d"));
  writeFileSync(at(".dvcignore"), "*.tmp\n");
  await expect(addTracked(ports, at("d"))).rejects.toMatchObject({ code: "NOT_AVAILABLE", place: at(".dvcignore") });
});
