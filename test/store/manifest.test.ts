import { expect, test } from "bun:test";
import fc from "fast-check";
import { hashText } from "../../src/base/hash.ts";
import { compareCodePoints, readManifest, writeManifest } from "../../src/store/manifest.ts";

const md5 = (text: string) => hashText("md5", text);
const golden = [
  { relpath: "empty", md5: md5("") },
  { relpath: "sub.txt", md5: md5("y") },
  { relpath: "sub/z", md5: md5("x") },
  { relpath: "sub/é.txt", md5: md5("café\r\n") },
  { relpath: "train.csv", md5: md5("a,b\n1,2\n") },
  { relpath: "！.bin", md5: md5("pua") },
  { relpath: "😀.bin", md5: md5("emoji") },
];

test("the manifest of a known tree is the one that DVC writes", () => {
  const manifest = writeManifest([...golden].reverse());
  expect(manifest.digest).toBe("0a20a59f88f42fd984c96173c45f1a86.dir");
  expect(manifest.text.length).toBe(486);
  expect(manifest.text).toEndWith(
    `"relpath": "\\uff01.bin"}, {"md5": "${md5("emoji")}", "relpath": "\\ud83d\\ude00.bin"}]`,
  );
  expect(readManifest(manifest.text, "x")).toEqual(golden.map(({ md5, relpath }) => ({ md5, relpath })));
});

test("0x7f and control characters are escaped as Python does", () => {
  const { text } = writeManifest([{ relpath: '\x7f\t\x01"\\', md5: md5("") }]);
  expect(text).toContain('"relpath": "\\u007f\\t\\u0001\\"\\\\"');
});

test("names sort by code point, as their UTF-8 does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
  );
});

test("a manifest that leads outside its folder is refused", () => {
  for (const relpath of ["../x", "/etc/x", "a/../../x", "a//b", "", "."])
    expect(() => readManifest(JSON.stringify([{ md5: md5(""), relpath }]), "x")).toThrow("not below");
  for (const text of ["", "{}", "[1]", '[{"md5": "zz", "relpath": "a"}]'])
    expect(() => readManifest(text, "x")).toThrow();
});
