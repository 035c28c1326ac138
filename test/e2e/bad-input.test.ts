/** Bad input through the real program: one line with code, place and mend, a non-zero exit, nothing half-written. */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder, trimtab } from "../program.ts";

const folder = freshFolder("bad-input");
afterAll(() => folder.remove());

const CSV = "a,b\n1,2\n3,4\n";
const VALIDATE =
  "model: m\ndata: { d: d.csv }\nsteps:\n  check:\n    validate: d\n    expect: [column_values_to_not_be_null: [a]]\n";
const step = (cmd: string, more = "") => `model: m\nsteps:\n  s:\n    cmd: ${cmd}\n    outs: [out.txt]\n${more}`;

let count = 0;
/** A folder with these files, in which `trimtab run` is tried. */
async function attempt(files: Record<string, string | Uint8Array>, args = ["run"]) {
  const home = join(folder.path, String(count++));
  mkdirSync(home);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content);
  return { home, ...(await trimtab(args, { cwd: home })) };
}

const errorsOf = (stderr: string) => stderr.split("\n").filter((line) => line.startsWith("error["));

const REFUSED: [name: string, files: Record<string, string | Uint8Array>, code: string, exit: number, says: RegExp][] =
  [
    ["no pipeline.yaml", {}, "SPEC_NOT_FOUND", 2, /pipeline\.yaml/],
    ["an empty one", { "pipeline.yaml": "" }, "SPEC_SYNTAX", 2, /is empty/],
    ["a binary one", { "pipeline.yaml": Uint8Array.from([0xff, 0xfe, 0, 1, 2]) }, "SPEC_SYNTAX", 2, /UTF-8/],
    ["a huge one", { "pipeline.yaml": `model: m\n# ${"x".repeat(2 << 20)}` }, "SPEC_TOO_LARGE", 2, /limit/],
    [
      "a key that does not exist",
      { "pipeline.yaml": step("echo 1 > out.txt", "retrian: {}\n") },
      "SPEC_UNKNOWN_KEY",
      2,
      /pipeline\.yaml:6.*retrain/,
    ],
    ["a data file that is not there", { "pipeline.yaml": VALIDATE }, "FILE_NOT_FOUND", 2, /d\.csv/],
    ["ragged rows", { "pipeline.yaml": VALIDATE, "d.csv": `${CSV}5,6,7\n` }, "DATA_UNREADABLE", 2, /d\.csv:4/],
    ["a failed check", { "pipeline.yaml": VALIDATE, "d.csv": `${CSV},6\n` }, "CHECK_FAILED", 1, /1 of 3/],
    [
      "a step that exits 1",
      { "pipeline.yaml": step("echo no >&2; exit 1") },
      "STEP_FAILED",
      1,
      /steps\.s|pipeline\.yaml/,
    ],
    [
      "a step that hangs",
      { "pipeline.yaml": step("sleep 60", "    resources: { timeout: 300ms }\n") },
      "STEP_TIMEOUT",
      1,
      /300 ms/,
    ],
    ["a step that writes nothing", { "pipeline.yaml": step('"true"') }, "STEP_OUTPUT_MISSING", 1, /out\.txt/],
    [
      "a step over its memory",
      {
        "pipeline.yaml": step("bun eat.ts", "    deps: [eat.ts]\n    resources: { memory: 200Mi }\n"),
        "eat.ts": "const all = []; for (;;) { all.push(Buffer.alloc(16 << 20, 1)); await Bun.sleep(5); }",
      },
      "STEP_MEMORY",
      1,
      /200/,
    ],
    [
      "a strategy that comes later",
      {
        "pipeline.yaml": `${step("echo 1 > out.txt")}  e: { evaluate: out.txt, on: out.txt, target: y, metrics: [mae] }\ndeploy: { strategy: canary }\n`,
      },
      "NOT_AVAILABLE",
      2,
      /use strategy: direct/,
    ],
  ];

for (const [name, files, code, exit, says] of REFUSED)
  test(`${name}: ${code}`, async () => {
    const ended = await attempt(files);
    const errors = errorsOf(ended.stderr);
    expect({ exit: ended.exit, errors: errors.length, first: errors[0] }).toEqual({
      exit,
      errors: 1,
      first: expect.stringMatching(says),
    });
    expect(errors[0]).toStartWith(`error[${code}]`);
    expect(errors[0]).toMatch(/ Mend: .+\.$/);
    expect(existsSync(join(ended.home, "out.txt"))).toBe(false);
  }, 60_000);

test("unknown commands, options and values are usage errors", async () => {
  for (const args of [
    ["nope"],
    ["run", "--nope"],
    ["run", "--param", "x"],
    ["up", "--port", "99999"],
    ["deploy", "x"],
  ]) {
    const ended = await attempt({ "pipeline.yaml": step("echo 1 > out.txt") }, args);
    expect({ args, exit: ended.exit, errors: errorsOf(ended.stderr).length }).toEqual({ args, exit: 2, errors: 1 });
  }
}, 60_000);

test("a port that is taken is said before anything starts", async () => {
  const holder = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const files = { "pipeline.yaml": step("echo 1 > out.txt") };
  for (const option of ["--port", "--serve-port"]) {
    const other = option === "--port" ? "--serve-port" : "--port";
    const ended = await attempt(files, ["up", option, String(holder.port), other, "0", "--processes", "1"]);
    expect({ option, exit: ended.exit }).toEqual({ option, exit: 1 });
    expect(errorsOf(ended.stderr)[0]).toStartWith("error[PORT_TAKEN]");
  }
  holder.stop(true);
}, 60_000);
