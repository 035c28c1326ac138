/** Bad input through the real program: one line with code, place and mend, a non-zero exit, nothing half-written. */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processFacts } from "../../src/pipeline/processes.ts";
import { environment, freshFolder, REPO, trimtab } from "../program.ts";

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
      "a step that lacks a Python package",
      {
        "pipeline.yaml": step(
          JSON.stringify("python3 train.py; echo \"ModuleNotFoundError: No module named 'sklearn.svm'\" >&2; exit 1"),
        ),
        "train.py": "raise SystemExit(1)\n",
      },
      "STEP_FAILED",
      1,
      /Mend: install it: \S*python3 -m pip install scikit-learn; or if sklearn is a module of yours/,
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

test("what this release cannot do yet is refused by every command that would use it", async () => {
  const pipeline = `${VALIDATE}  s:\n    cmd: echo 1 > out.txt\n    outs: [out.txt]\n`;
  const cases: [args: string[], more: string][] = [
    [["run"], "    runner: docker\n"],
    [["run", "--dry-run"], "    runner: ray\n"],
    [["why", "s"], "    runner: kubernetes\n"],
    [["run"], "    deps: [s3://bucket/x]\n"],
  ];
  for (const [args, more] of cases) {
    const ended = await attempt({ "pipeline.yaml": pipeline + more, "d.csv": CSV }, args);
    expect({ args, exit: ended.exit }).toEqual({ args, exit: 2 });
    expect(errorsOf(ended.stderr)[0]).toStartWith("error[NOT_AVAILABLE] pipeline.yaml:");
  }
  const spark = pipeline.replace("validate: d", "validate: d\n    engine: spark");
  for (const args of [["run"], ["validate"]]) {
    const ended = await attempt({ "pipeline.yaml": spark, "d.csv": CSV }, args);
    expect({ args, exit: ended.exit }).toEqual({ args, exit: 2 });
    expect(errorsOf(ended.stderr)[0]).toContain("engine: spark is not available yet");
  }
  const canary = await attempt({ "pipeline.yaml": `${pipeline}deploy: { strategy: canary }\n`, "d.csv": CSV }, [
    "status",
  ]);
  expect(canary.stdout).toContain("! strategy: canary is not available yet");
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

test("an address that is not this machine's is said before anything starts", async () => {
  const files = { "pipeline.yaml": step("echo 1 > out.txt") };
  // Of a network that is kept for documentation (RFC 5737).
  const ended = await attempt(files, ["up", "--host", "203.0.113.1", "--port", "0", "--serve-port", "0"]);
  expect(ended.exit).toBe(1);
  expect(errorsOf(ended.stderr)).toEqual([
    "error[PORT_REFUSED] 203.0.113.1:0: this machine has no such address. Mend: choose another --host, or a port above 1023.",
  ]);
}, 60_000);

test("a host that is empty or leads nowhere is said before anything starts", async () => {
  const files = { "pipeline.yaml": step("echo 1 > out.txt") };
  for (const [host, said] of [
    ["", "error[USAGE] --host: is empty. Mend: write 127.0.0.1 for this machine alone, 0.0.0.0 for every address."],
    ["nope.invalid", "error[PORT_REFUSED] nope.invalid:0: nope.invalid is no address."],
    ["a b", "error[PORT_REFUSED] a b:0: a b is no address."],
  ] as const)
    for (const how of [
      ["up", "--tracking", "--port", "0"],
      ["serve", "--serve-port", "0"],
    ]) {
      const ended = await attempt(files, [...how, "--host", host]);
      expect({ exit: ended.exit, errors: errorsOf(ended.stderr) }).toEqual({
        exit: host === "" ? 2 : 1,
        errors: [expect.stringContaining(said)],
      });
    }
}, 60_000);

test("a pipe or a device in the place of a file is refused at once", async () => {
  const home = join(folder.path, "pipes");
  const pipeline = (steps: string) =>
    `model: m\ndata: { d: d.csv }\nsteps:\n  s:\n${steps.replaceAll(/^/gm, "    ")}\n`;
  const cases: [name: string, pipeline: string | undefined, code: string][] = [
    ["pipeline.yaml", undefined, "FILE_NOT_READABLE"],
    ["d.csv", pipeline("validate: d\nexpect: [column_values_to_not_be_null: [a]]"), "FILE_NOT_READABLE"],
    ["suite.json", pipeline("validate: d\nsuite: suite.json"), "FILE_NOT_READABLE"],
    ["features.yaml", pipeline("transform: d\nspec: features.yaml\nouts: [a.parquet]"), "FILE_NOT_READABLE"],
    ["params.yaml", pipeline("cmd: echo 1 > o\nouts: [o]\nparams: [{ params.yaml: [a] }]"), "SPEC_INVALID"],
    ["dep.txt", pipeline("cmd: echo 1 > o\nouts: [o]\ndeps: [dep.txt]"), "FILE_NOT_READABLE"],
  ];
  for (const make of [["mkfifo"], ["ln", "-s", "/dev/zero"]])
    for (const [name, text, code] of cases) {
      mkdirSync(home);
      writeFileSync(join(home, "d.csv"), CSV);
      if (text !== undefined) writeFileSync(join(home, "pipeline.yaml"), text);
      rmSync(join(home, name), { force: true });
      expect(Bun.spawnSync([...make, join(home, name)]).exitCode).toBe(0);
      const ended = await trimtab(["run"], { cwd: home });
      const [first] = errorsOf(ended.stderr);
      expect({ make, name, exit: ended.exit, code: /\[(\w+)\]/.exec(first ?? "")?.[1], says: first }).toEqual({
        make,
        name,
        exit: 2,
        code,
        says: expect.stringContaining(name),
      });
      rmSync(home, { recursive: true });
    }
}, 60_000);

test("a step that prints a gigabyte: the log keeps its head and tail, and our memory does not follow", async () => {
  const home = join(folder.path, "gigabyte");
  mkdirSync(home);
  const print = "echo first; yes 0123456789abcdef | head -c 1073741824; echo last; echo 1 > out.txt";
  writeFileSync(join(home, "pipeline.yaml"), step(print));
  const child = Bun.spawn([join(REPO, "bin/trimtab"), "run"], {
    cwd: home,
    env: environment(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  // Not the kernel's own maximum: that begins with the size of this process at the spawn.
  let peakBytes = 0;
  while (child.exitCode === null) {
    peakBytes = Math.max(peakBytes, processFacts(child.pid)?.residentBytes ?? 0);
    await Bun.sleep(20);
  }
  expect(await child.exited).toBe(0);
  expect(peakBytes).toBeLessThan(400 << 20);
  const logs = join(home, ".trimtab/logs");
  const [log] = readdirSync(logs, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".log"));
  const text = readFileSync(join(logs, log!), "utf8");
  expect(text.length).toBeLessThan(11 << 20);
  expect(text).toStartWith("first\n");
  expect(text).toContain("of output left out");
  expect(text).toEndWith("last\n");
}, 120_000);
