import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parsePipeline } from "../../src/spec/load.ts";
import { isMapping, type Path, withValueAt } from "../../src/spec/path.ts";
import { readYaml, writeYaml } from "../../src/spec/yaml.ts";
import { complaintsOf } from "./complaints.ts";

const example = readFileSync(join(import.meta.dir, "../../src/spec/pipeline.example.yaml"), "utf8");
const env = { SLACK_WEBHOOK_URL: "https://hooks.example.com/T0" };

/** Each complaint is one line with a place and a mend; whatever else is thrown fails the property. */
function complainsWell(source: string | Uint8Array, given: Record<string, string> = env): void {
  for (const line of complaintsOf(source, { env: given }))
    expect(line).toMatch(/^error\[[A-Z_]+\] \S[^\n]*: [^\n]+\. Mend: [^\n]+\.$/);
}

const WORDS = [
  "model",
  "steps",
  "data",
  "gate",
  "deploy",
  "monitor",
  "drift",
  "params",
  "cmd",
  "outs",
  "toString",
  "constructor",
  "hasOwnProperty",
  "<<",
  "a",
];
const word = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 8 }));
const tree = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    word,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(word, tie("value"), { maxKeys: 4 }),
  ),
})).value;

test("property: arbitrary bytes are refused as one does", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => complainsWell(bytes)),
    { numRuns: 300 },
  );
});

test("property: arbitrary text is refused as one does", () => {
  const piece = fc.constantFrom(
    "a",
    ":",
    " ",
    "\n",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a",
    "*a",
    "!x",
    "|",
    ">",
    "'",
    '"',
    "#",
    "%",
    "?",
    ",",
    "\t",
    "<<",
    "~",
    ...WORDS,
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }).map((p) => p.join("")),
      (text) => complainsWell(text),
    ),
    { numRuns: 500 },
  );
});

test("property: arbitrary trees, alone and in place of any value of the example, are refused as one does", () => {
  const document = readYaml(example, "f.yaml").value;
  const places = (value: unknown, path: Path = []): Path[] =>
    Array.isArray(value)
      ? value.flatMap((v, i) => [[...path, i], ...places(v, [...path, i])])
      : isMapping(value)
        ? Object.entries(value).flatMap(([k, v]) => [[...path, k], ...places(v, [...path, k])])
        : [];
  fc.assert(
    fc.property(fc.constantFrom([], ...places(document)), tree, (path, value) =>
      complainsWell(writeYaml(withValueAt(document, path, value))),
    ),
    { numRuns: 400 },
  );
});

test("property: arbitrary overrides are refused as one does", () => {
  const name = fc.constantFrom(
    "TRIMTAB_GATE",
    "TRIMTAB_STEPS",
    "TRIMTAB_STEPS_TRAIN_PARAMS",
    "TRIMTAB_ALERTS_0",
    "TRIMTAB_ALERTS_2_SLACK",
    "TRIMTAB_MONITOR_DRIFT",
    "TRIMTAB_",
    "TRIMTAB_PARAM_DAYS",
    "TRIMTAB_DATA_FLIGHTS",
  );
  const text = fc.oneof(
    fc.string(),
    tree.map((t) => writeYaml(t)),
    tree.map((t) => JSON.stringify(t)),
  );
  fc.assert(
    fc.property(fc.dictionary(name, text, { maxKeys: 3 }), (given) => complainsWell(example, { ...env, ...given })),
    { numRuns: 300 },
  );
});

test("parsing the example gives the same every time, and also when it is written out and read again", () => {
  const plain = (text: string) => JSON.stringify(parsePipeline(text, { env }), (key, v) => (key === "line" ? 0 : v));
  expect(parsePipeline(example, { env })).toEqual(parsePipeline(example, { env }));
  expect(plain(writeYaml(readYaml(example, "f.yaml").value))).toBe(plain(example));
});
