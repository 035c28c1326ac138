import { expect, test } from "bun:test";
import { TrimtabErrors } from "../../src/base/errors.ts";
import { readYaml, writeYaml } from "../../src/spec/yaml.ts";

const linesOf = (source: string | Uint8Array): string[] => {
  try {
    readYaml(source, "f.yaml");
    return [];
  } catch (error) {
    if (error instanceof TrimtabErrors) return error.errors.map((e) => e.oneLine());
    throw error;
  }
};
const bytes = (...values: number[]) => Uint8Array.from(values);

test("values, lines and YAML 1.2", () => {
  const { value, lineOf } = readYaml("on: yes\nlist:\n  - 0777\n  - 1e3\n  -\n2: [a, ~, 0x10]\n", "f.yaml");
  expect(value).toEqual({ on: "yes", list: [777, 1000, null], "2": ["a", null, 16] });
  expect([lineOf(["on"]), lineOf(["list", 1]), lineOf(["list", 9]), lineOf(["2", 1]), lineOf(["nothing"])]).toEqual([
    1, 4, 2, 6, 1,
  ]);
});

test("anchors and merge keys work; own keys win and keep their lines", () => {
  const text = "base: &b { a: 1, c: 2 }\nmore: &m { a: 9, d: 3 }\nx:\n  <<: [*b, *m]\n  c: 5\ny: *b\n";
  const { value, lineOf } = readYaml(text, "f.yaml");
  expect(value).toMatchObject({ x: { a: 1, c: 5, d: 3 }, y: { a: 1, c: 2 } });
  expect([lineOf(["x", "c"]), lineOf(["x", "d"])]).toEqual([5, 2]);
});

test("what is not a text in UTF-8 is refused", () => {
  expect(linesOf("")).toEqual([
    "error[SPEC_SYNTAX] f.yaml: is empty. Mend: write at least one key, or run trimtab init for a pipeline.",
  ]);
  expect(linesOf(" \n\n")).toEqual(linesOf(""));
  expect(linesOf(bytes(0x61, 0, 0x62))).toEqual([
    "error[SPEC_SYNTAX] f.yaml: holds a NUL byte, so it is not text. Mend: save it as UTF-8 text.",
  ]);
  const binary = "error[SPEC_SYNTAX] f.yaml: is not UTF-8 text. Mend: save it as UTF-8 text; a binary file is no YAML.";
  expect(linesOf(bytes(0x61, 0xff, 0xfe))).toEqual([binary]);
  expect(linesOf(bytes(0xc3, 0x28))).toEqual([binary]);
  expect(linesOf(Buffer.from("PAR1\x15\x04\x15\x98", "latin1"))).toEqual([binary]);
});

test("what is too large, too deep or expands too far is refused", () => {
  expect(linesOf(" ".repeat((1 << 20) + 1))).toEqual([
    "error[SPEC_TOO_LARGE] f.yaml: is 1.0 MiB and the limit is 1.0 MiB. Mend: split it.",
  ]);
  const lol = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (let i = 1; i < 10; i++) {
    const [name, below] = ["abcdefghij"[i], "abcdefghij"[i - 1]];
    lol.push(`${name}: &${name} [${Array(9).fill(`*${below}`).join(",")}]`);
  }
  expect(linesOf(lol.join("\n"))[0]).toStartWith(
    "error[SPEC_TOO_LARGE] f.yaml:3: its aliases expand more than 100 times.",
  );
  const wide = `a: &a [${Array(3000).fill(1).join(",")}]\nb: [${Array(90).fill("*a").join(",")}]\n`;
  expect(linesOf(wide)[0]).toStartWith("error[SPEC_TOO_LARGE] f.yaml: holds more than 100000 values.");
  expect(linesOf("[".repeat(500_000))[0]).toStartWith("error[SPEC_TOO_LARGE] f.yaml: is nested too deep.");
  expect(linesOf("a: ".repeat(100_000)).length).toBeGreaterThan(0);
});

test("a mapping of very many keys is read in one pass", () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join("\n");
  expect(Object.keys(readYaml(text, "f.yaml").value as object).length).toBe(60_000);
});

test("duplicate keys, odd keys, tags, second documents and broken syntax are refused with their lines", () => {
  expect(linesOf("a: 1\nb: 2\na: 3\nc: { x: 1, x: 2 }\n")).toEqual([
    "error[SPEC_SYNTAX] f.yaml:3 a: the key a stands here twice; first on line 1. Mend: remove one.",
    "error[SPEC_SYNTAX] f.yaml:4 c.x: the key x stands here twice; first on line 4. Mend: remove one.",
  ]);
  expect(linesOf("__proto__: { x: 1 }\n? [a]\n: 1\n~: 2\n")).toEqual([
    "error[SPEC_SYNTAX] f.yaml:1 (top): a key is __proto__. Mend: use a plain word as the key.",
    "error[SPEC_SYNTAX] f.yaml:2 (top): a key is not a plain word. Mend: use a plain word as the key.",
    "error[SPEC_SYNTAX] f.yaml:4 (top): a key is not a plain word. Mend: use a plain word as the key.",
  ]);
  expect(linesOf("a: 1\nb: !!js/function 'x'\n")[0]).toStartWith("error[SPEC_SYNTAX] f.yaml:2: Unresolved tag");
  expect(linesOf("a: 1\n---\nb: 1\n")).toEqual([
    "error[SPEC_SYNTAX] f.yaml:2: a second document begins here. Mend: keep one document in the file.",
  ]);
  expect(linesOf("a: 1\nb: [1, 2\nc: 3\n")[0]).toStartWith("error[SPEC_SYNTAX] f.yaml:");
  expect(linesOf("a: 1\n\tb: 1\n").length).toBeGreaterThan(0);
  expect(linesOf("a: *nobody\n").length).toBe(1);
  expect(linesOf("a: &a [1, *a]\n")).toEqual([
    "error[SPEC_SYNTAX] f.yaml:1 a[1]: an alias stands inside its own anchor. Mend: write the value out.",
  ]);
  expect(linesOf("a:\n  <<: 5\n")).toEqual([
    "error[SPEC_SYNTAX] f.yaml:2 a.<<: << takes a mapping or a list of mappings. Mend: point it at an anchor.",
  ]);
});

test("what is written is read back", () => {
  const value = { b: "on", a: ["1", 1, null, "x: y", "long ".repeat(60)], c: { d: "#" } };
  expect(readYaml(writeYaml(value), "f.yaml").value).toEqual(value);
  expect(writeYaml({ b: 1, a: 2 }, { sortKeys: true })).toBe("a: 2\nb: 1\n");
});
