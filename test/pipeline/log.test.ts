/** The captured output of a step: head and tail within a cap, secrets masked. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { keepSecret } from "../../src/base/log.ts";
import { CappedLog } from "../../src/pipeline/log.ts";
import { tempFolder } from "../temp.ts";

const root = tempFolder();
const read = (name: string) => readFileSync(join(root, name), "utf8");

test("whatever the chunks, the file holds the first and the last half of the cap, or all", () => {
  const chunk = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 60 });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 12 }), (chunks) => {
      const log = new CappedLog(join(root, "cap.log"), () => {}, 40);
      for (const text of chunks) log.write(text);
      log.close();
      const all = chunks.join("");
      const left = all.length - 40;
      const note = `\n… ${left} B of output left out …\n`;
      expect(read("cap.log")).toBe(left > 0 ? all.slice(0, 20) + note + all.slice(-20) : all);
      expect(log.outputBytes).toBe(all.length);
    }),
  );
});

test("a log keeps head and tail within its cap, whatever the chunks, and follows the head live", () => {
  const path = join(root, "x.log");
  const live: string[] = [];
  const log = new CappedLog(path, (text) => live.push(text), 100);
  for (let i = 0; i < 200; i++) log.write(`line ${i}\n`);
  const last = log.tail();
  log.close();
  const text = read("x.log")!;
  expect(text.startsWith("line 0\nline 1\n")).toBe(true);
  expect(text.endsWith("line 198\nline 199\n")).toBe(true);
  expect(text).toMatch(/\n… 1\.\d KiB of output left out …\n/);
  expect(text.length).toBeLessThan(150);
  expect(live[0]).toBe("line 0\n");
  expect(last.endsWith("line 199")).toBe(true);
  const short = new CappedLog(path, () => {}, 100);
  short.write("no newline");
  short.close();
  expect(read("x.log")).toBe("no newline");
});

test("no secret gets through where the head of a log ends and its tail begins", () => {
  keepSecret("swordfish-100");
  const path = join(root, "seam.log");
  for (let before = 5; before < 25; before++) {
    const log = new CappedLog(path, () => {}, 60);
    log.write(`${"x".repeat(before)} swordfish-100\n`);
    log.write("and more\n");
    log.close();
    expect(read("seam.log")).toBe(`${"x".repeat(before)} ***\nand more\n`);
  }
});

test("no secret gets through a log, also when chunks cut it in two", () => {
  keepSecret("swordfish-99");
  const path = join(root, "secret.log");
  const live: string[] = [];
  const log = new CappedLog(path, (text) => live.push(text));
  log.write("token sword");
  log.write("fish-99 used\nhttps://me:pw@");
  log.write("host/x\n");
  expect(log.tail()).toBe("token *** used\nhttps://***@host/x");
  log.close();
  expect(read("secret.log")).toBe("token *** used\nhttps://***@host/x\n");
  expect(live.join("")).toBe("token *** used\nhttps://***@host/x\n");
});
