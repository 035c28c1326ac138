/** Functions of text. Only the ASCII letters change case: the rules for the rest differ between programs. */

import { constantSql } from "../literals.ts";
import { type FeatureFunction, textToNumber, textToText } from "./define.ts";

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = UPPER.toLowerCase();
const TEXT = { name: "text", type: "string" } as const;

const asks = (
  name: string,
  about: string,
  sqlName: string,
  f: (text: string, part: string) => boolean,
): FeatureFunction => ({
  name,
  takes: [TEXT, { name: "part", type: "string", constant: true }],
  gives: "boolean",
  about,
  sql: ([text], op) => `${sqlName}(${text}, ${constantSql(op.params!.part as string)})`,
  kernel: (op) => {
    const part = op.params!.part as string;
    return textToNumber((text) => (f(text, part) ? 1 : 0));
  },
});

function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  return count;
}

export const TEXT_FUNCTIONS: FeatureFunction[] = [
  {
    name: "lower",
    takes: [TEXT],
    gives: "string",
    about: "A to Z become a to z; other letters stay.",
    sql: ([text]) => `translate(${text}, '${UPPER}', '${LOWER}')`,
    kernel: () => textToText((text) => text.replace(/[A-Z]+/g, (run) => run.toLowerCase())),
  },
  {
    name: "upper",
    takes: [TEXT],
    gives: "string",
    about: "a to z become A to Z; other letters stay.",
    sql: ([text]) => `translate(${text}, '${LOWER}', '${UPPER}')`,
    kernel: () => textToText((text) => text.replace(/[a-z]+/g, (run) => run.toUpperCase())),
  },
  {
    name: "length",
    takes: [TEXT],
    gives: "number",
    about: "How many Unicode code points.",
    sql: ([text]) => `CAST(length(${text}) AS DOUBLE)`,
    kernel: () => textToNumber(codePoints),
  },
  {
    name: "text",
    takes: [{ name: "x", type: "number" }],
    gives: "string",
    about: "A number's whole part as text; missing beyond 2^53, where doubles skip whole numbers.",
    sql: ([x]) =>
      `CASE WHEN abs(${x}) <= ${Number.MAX_SAFE_INTEGER} THEN CAST(CAST(trunc(${x}) AS BIGINT) AS VARCHAR) END`,
    kernel: () => (args, out, rows) => {
      const numbers = args[0] as Float64Array;
      const texts = out as (string | null)[];
      for (let i = 0; i < rows; i++) {
        const x = numbers[i]!;
        // + 0 turns -0 into 0, as an integer has no sign of zero.
        texts[i] = Math.abs(x) <= Number.MAX_SAFE_INTEGER ? String(Math.trunc(x) + 0) : null;
      }
    },
  },
  {
    name: "concat",
    takes: [{ ...TEXT, rest: true }],
    gives: "string",
    about: "The texts one after the other; missing when one of them is.",
    sql: (args) => args.join(" || "),
    kernel: () => (args, out, rows) => {
      const texts = args as (string | null)[][];
      const joined = out as (string | null)[];
      for (let i = 0; i < rows; i++) {
        let text: string | null = "";
        for (const column of texts) {
          const part: string | null = column[i]!;
          text = text === null || part === null ? null : text + part;
        }
        joined[i] = text;
      }
    },
  },
  asks("starts_with", "True when the text begins with `part`.", "starts_with", (text, part) => text.startsWith(part)),
  asks("ends_with", "True when the text ends with `part`.", "suffix", (text, part) => text.endsWith(part)),
  asks("contains", "True when `part` is in the text.", "contains", (text, part) => text.includes(part)),
];
