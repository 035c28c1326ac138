/** What belongs to a step's cache key: each part changes it, nothing drops out, and `why` names the first that differs. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fillParams } from "../../src/pipeline/cmd.ts";
import { codeFiles } from "../../src/pipeline/code.ts";
import { differences, showDifference } from "../../src/pipeline/difference.ts";
import { interpreterNames } from "../../src/pipeline/interpreter.ts";
import type { RunOptions } from "../../src/pipeline/types.ts";
import { whyStep } from "../../src/pipeline/why.ts";
import { cmdStep, makeWorld, pipelineOf, type StepGiven, type World } from "./make.ts";

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.close());

const why = async (step: StepGiven, more: Partial<RunOptions> = {}) =>
  (await whyStep(pipelineOf(world.root, { a: step }), "a", { ...world.options, ...more })).reason;

test("why names the part that differs, with its old and its new value", async () => {
  world.write("in.txt", "1");
  world.write("train.py", "import helper\n");
  world.write("helper.py", "x = 1\n");
  world.write("requirements.txt", "numpy==1\n");
  const step: StepGiven = {
    cmd: "cat train.py in.txt > out.txt",
    deps: ["in.txt"],
    outs: ["out.txt"],
    params: { depth: 5, names: ["a", "b"] },
    env: ["TOKEN"],
  };
  const env = { ...world.options.env, TOKEN: "hush-hush-1" };
  expect(await why(step, { env })).toBe("it has never run");
  expect((await world.run({ a: step }, { env })).error).toBeUndefined();
  expect(await why(step, { env })).toBe("nothing changed");
  expect(await why({ ...step, params: { depth: 6, names: ["a", "b"] } }, { env })).toBe("param.depth changed: 5 → 6");
  expect(await why({ ...step, params: { depth: 5, names: ["a"] } }, { env })).toBe(
    'param.names changed: ["a","b"] → ["a"]',
  );
  expect(await why({ ...step, params: { ...step.params, new: 1 } }, { env })).toBe("param.new is new: (none) → 1");
  expect(await why({ ...step, cmd: "cat in.txt > out.txt" }, { env })).toMatch(/^command changed: cat train.py/);
  expect(await why({ ...step, outs: ["out.txt", "b.txt"] }, { env })).toMatch(/^outs changed/);
  const tokens = await why(step, { env: { ...env, TOKEN: "hush-hush-2" } });
  expect(tokens).toMatch(/^env.TOKEN changed: sha256:[0-9a-f]{16} → sha256:[0-9a-f]{16}$/);
  expect(await why(step)).toMatch(/^env.TOKEN changed: sha256:[0-9a-f]{16} → \(not set\)$/);
  world.write("in.txt", "2");
  expect(await why(step, { env })).toMatch(/^file.in.txt changed: c4ca4238a0b923820dcc509a6f75849b → /);
  world.write("in.txt", "1");
  world.write("helper.py", "x = 2\n");
  expect(await why(step, { env })).toMatch(/^code.helper.py changed/);
  world.write("helper.py", "x = 1\n");
  world.write("requirements.txt", "numpy==2\n");
  expect(await why(step, { env })).toMatch(/^lock.requirements.txt changed/);
});

test("credentials inside a command or a param are no part of the key, and are not kept with it", async () => {
  const step = (password: string): StepGiven => ({
    cmd: `echo https://ann:${password}@host > out.txt`,
    outs: ["out.txt"],
    params: { from: `postgres://ann:${password}@db/x` },
  });
  expect((await world.run({ a: step("horse-battery") })).error).toBeUndefined();
  expect(await why(step("staple-other"))).toBe("nothing changed");
  const { record } = (await world.run({ a: step("horse-battery") })).plan[0]!;
  expect(record!.parts).toMatchObject({
    command: "echo https://***@host > out.txt",
    "param.from": '"postgres://***@db/x"',
  });
});

test("the explanation of a step that waits says what runs first", async () => {
  const pipeline = pipelineOf(world.root, {
    a: { cmd: "echo 1 > a.txt", outs: ["a.txt"] },
    b: { cmd: "cat a.txt > b.txt", outs: ["b.txt"] },
  });
  const { text, action, differences: found } = await whyStep(pipeline, "b", world.options);
  expect(action).toBe("wait");
  expect(found).toEqual([]);
  expect(text).toBe("b must run, if what it reads changes: it has never run\n  a must run first: it has never run");
  await world.run(pipeline);
  const after = await whyStep(pipeline, "b", world.options);
  expect(after.text).toMatch(/^b is up to date: nothing changed\n {2}compared to run [0-9a-f]{8}, which ended 20/);
  expect(after.parts!["input.a.txt"]).toBe("b026324c6904b2a9cb4b88d6d61c81d1");
  expect(Object.keys(after.parts!)).toContain("upstream.a");
});

test("differences put what a person changes before what follows from it", () => {
  const old = { "param.x": "1", command: "a", "file.f": "1", "upstream.u": "1", platform: "p", checks: "1" };
  const now = { "param.x": "2", command: "b", "file.f": "2", "upstream.u": "2", platform: "q", checks: "2" };
  expect(differences(old, now).map((d) => d.part)).toEqual([
    "param.x",
    "command",
    "checks",
    "file.f",
    "platform",
    "upstream.u",
  ]);
  expect(showDifference({ part: "upstream.train", old: "x", new: "y" })).toBe("upstream step train changed");
  expect(showDifference({ part: "outs", old: "a.csv", new: "a.csv\nb.csv\n" })).toBe(
    "outs changed: a.csv → a.csv; b.csv",
  );
  expect(showDifference({ part: "lock.uv.lock", old: "x", new: undefined })).toBe("lock.uv.lock is gone: x → (none)");
});

test("an input that changes while the step runs makes the record unfit for reuse", async () => {
  world.write("in.txt", "1");
  const step: StepGiven = {
    cmd: "cat in.txt > out.txt; sleep 0.05; echo 2 > in.txt",
    deps: ["in.txt"],
    outs: ["out.txt"],
  };
  expect((await world.run({ a: step })).state).toBe("done");
  world.write("in.txt", "1");
  expect(await why(step)).toBe("an input changed while it ran last time");
});

test("an interpreter is asked for its version once for each state of its file", async () => {
  mkdirSync(join(world.root, "tools"));
  const install = (version: string) => {
    world.write("tools/python3", `#!/bin/sh\necho asked >> ${world.root}/asked\necho Python ${version}\n`);
    chmodSync(join(world.root, "tools/python3"), 0o755);
  };
  install("3.1");
  const env = { ...world.options.env, PATH: `${world.root}/tools:${process.env.PATH}` };
  const step: StepGiven = { cmd: "echo python3 > out.txt", outs: ["out.txt"] };
  await world.run({ a: step, b: { ...step, outs: ["b.txt"], cmd: "echo python3 > b.txt" } }, { env });
  await why(step, { env });
  const asked = world.read("asked").trim().split("\n").length;
  await why(step, { env });
  expect(world.read("asked").trim().split("\n").length).toBe(asked);
  install("3.2");
  utimesSync(join(world.root, "tools/python3"), new Date(), new Date(Date.now() + 5000));
  expect(await why(step, { env })).toBe("interpreter.python3 changed: Python 3.1 → Python 3.2");
  world.write("tools/python3", "#!/bin/sh\nexit 9\n");
  await expect(why(step, { env })).rejects.toMatchObject({ code: "KEY_INCOMPLETE" });
});

test("the virtual environment of the root comes first, and bun is the one that runs us", async () => {
  mkdirSync(join(world.root, ".venv/bin"), { recursive: true });
  symlinkSync("/bin/echo", join(world.root, ".venv/bin/mytool"));
  world.write("add.ts", "console.log(1 + Number(process.env.TRIMTAB_PARAM_MAX_DEPTH), Bun.version);");
  const cmd =
    "mytool here > out.txt; bun add.ts >> out.txt; echo $TRIMTAB_STEP $TRIMTAB_PIPELINE $TRIMTAB_RUN_ID >> out.txt";
  const env = { PATH: "/usr/bin:/bin", HOME: world.root };
  const result = await world.run({ a: { cmd, outs: ["out.txt"], params: { max_depth: 4 } } }, { env });
  expect(result.error).toBeUndefined();
  expect(world.read("out.txt")).toBe(`here\n5 ${Bun.version}\na demo ${result.runId}\n`);
});

test("parameters are filled in as the shell would need them", () => {
  const step = cmdStep("a", {
    cmd: "",
    params: { n: 5, text: "it's; rm -rf $HOME", train: { epochs: 3 }, list: [1, 2] },
  });
  // `<name>` stands for a reference, so that the linter does not take it for a template.
  const shell = (text: string) => text.replace(/<([^>]+)>/g, "$" + "{$1}");
  const fill = (command: string) => fillParams(shell(command), step);
  expect(fill("run --n <n> <train.epochs>")).toBe("run --n 5 3");
  expect(fill("run <text>")).toBe("run 'it'\\''s; rm -rf $HOME'");
  expect(fill("run <list>")).toBe("run '[1,2]'");
  expect(fill("echo \\<n> <HOME:-x> $n <other>")).toBe(shell("echo <n> <HOME:-x> $n <other>"));
});

test("code is what the command names and what that imports", () => {
  world.write("train.ts", 'import { a } from "./lib/a.ts"; import z from "zod"; const b = await import("./b");');
  world.write("lib/a.ts", 'export { c } from "../c.js";');
  world.write("b/index.ts", "");
  world.write("c.ts", "");
  world.write("unused.ts", "");
  expect(codeFiles(world.root, ["bun train.ts --out=x"])).toEqual(["b/index.ts", "c.ts", "lib/a.ts", "train.ts"]);
  world.write("jobs/fit.py", "import numpy as np, tools\nfrom pkg.sub import (one,\n  two)\nfrom . import near\n");
  world.write("jobs/tools.py", "");
  world.write("jobs/near.py", "");
  world.write("pkg/__init__.py", "");
  world.write("pkg/sub/__init__.py", "");
  world.write("pkg/sub/one.py", "from ..other import x\n");
  world.write("pkg/other.py", "import fit");
  expect(codeFiles(world.root, ["python jobs/fit.py"])).toEqual([
    "jobs/fit.py",
    "jobs/near.py",
    "jobs/tools.py",
    "pkg/__init__.py",
    "pkg/other.py",
    "pkg/sub/__init__.py",
    "pkg/sub/one.py",
  ]);
  expect(codeFiles(world.root, ["python -m pkg.other"])).toEqual(["pkg/__init__.py", "pkg/other.py"]);
  expect(codeFiles(world.root, ["cd jobs || exit\npython near.py"], "jobs")).toEqual(["jobs/near.py"]);
  expect(codeFiles(world.root, ["cat ../../etc/passwd.py missing.py"])).toEqual([]);
});

test("interpreters are found wherever they stand in a command", () => {
  expect(interpreterNames(["cd x && FOO=1 python3.11 a.py | node b.js", "./.venv/bin/python c.py; make"])).toEqual([
    "python3.11",
    "node",
    "./.venv/bin/python",
  ]);
});
