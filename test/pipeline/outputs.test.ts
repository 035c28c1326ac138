/** Outputs put back after an interruption at any moment, also of the putting back itself. */

import { beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { OutputSwap } from "../../src/pipeline/outputs.ts";
import { tempFolder } from "../temp.ts";

const OUTS = ["build/a.txt", "build/folder", "b.txt"];
let root: string;
let folder: string;

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const read = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined);
const seen = () => [read("build/a.txt"), read("build/folder/x"), read("b.txt")];
const swap = () => new OutputSwap(root, folder, OUTS);

beforeEach(() => {
  root = tempFolder();
  folder = join(root, ".trimtab/tmp/run/step");
  write("build/a.txt", "former a");
  write("build/folder/x", "former x");
});
const FORMER = ["former a", "former x", undefined];

function tear(): void {
  write("build/a.txt", "torn");
  write("build/folder/y", "torn");
  write("b.txt", "torn");
}

test("the former outputs come back, and what was new is taken away", async () => {
  await swap().setAside();
  expect(seen()).toEqual([undefined, undefined, undefined]);
  tear();
  await swap().putBack();
  expect(seen()).toEqual(FORMER);
  expect(read("build/folder/y")).toBeUndefined();
  expect(existsSync(folder)).toBe(false);
  await swap().putBack();
  expect(seen()).toEqual(FORMER);
});

test("an interruption while outputs are moved aside loses none of them", async () => {
  mkdirSync(join(folder, "aside.part"), { recursive: true });
  renameSync(join(root, "build/a.txt"), join(folder, "aside.part/0"));
  await swap().putBack();
  expect(seen()).toEqual(FORMER);
});

test("an interruption while they are put back is finished by the next one", async () => {
  for (const moved of [0, 1, 2]) {
    await swap().setAside();
    tear();
    for (const out of OUTS) rmSync(join(root, out), { recursive: true, force: true });
    renameSync(join(folder, "aside"), join(folder, "aside.part"));
    for (let i = 0; i < moved; i++) renameSync(join(folder, "aside.part", String(i)), join(root, OUTS[i]!));
    await swap().putBack();
    expect(seen()).toEqual(FORMER);
  }
});

test("outputs on another file system are copied there and back", async () => {
  const elsewhere = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "trimtab-out-"));
  rmSync(join(root, "build"), { recursive: true });
  symlinkSync(elsewhere, join(root, "build"));
  try {
    write("build/a.txt", "former a");
    write("build/folder/x", "former x");
    await swap().setAside();
    expect(seen()).toEqual([undefined, undefined, undefined]);
    tear();
    await swap().putBack();
    expect(seen()).toEqual(FORMER);
    await swap().makeStaging();
    for (const out of OUTS) writeFileSync(swap().staged(out), "new");
    await swap().setAside();
    await swap().publishStaged();
    expect([read("build/a.txt"), read("build/folder"), read("b.txt")]).toEqual(["new", "new", "new"]);
    expect(readdirSync(elsewhere).sort()).toEqual(["a.txt", "folder"]);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test("a link that points nowhere is an output like any other", async () => {
  symlinkSync("nowhere", join(root, "b.txt"));
  await swap().setAside();
  tear();
  await swap().putBack();
  expect(readlinkSync(join(root, "b.txt"))).toBe("nowhere");
});

test("forgetting keeps what is in place", async () => {
  await swap().setAside();
  tear();
  await swap().forget();
  expect([read("build/a.txt"), read("b.txt")]).toEqual(["torn", "torn"]);
  expect(existsSync(folder)).toBe(false);
});
