import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { injectFaults, publish, swapLink, type WriteStage, writeFileAtomic } from "../../src/base/files.ts";
import { freshFolder } from "../program.ts";

const folder = freshFolder("files");
let restore = () => {};
afterEach(() => restore());

/** Makes one stage fail as a full disk does. */
function fullDiskAt(stage: WriteStage): void {
  restore = injectFaults((now) => {
    if (now === stage) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  });
}

for (const stage of ["write", "sync", "rename"] as const)
  test(`a full disk at ${stage} leaves the old file as it was and nothing beside it`, async () => {
    const home = join(folder.path, stage);
    const file = join(home, "a.txt");
    await writeFileAtomic(file, "old");
    fullDiskAt(stage);
    await expect(writeFileAtomic(file, "new")).rejects.toMatchObject({ code: "DISK_FULL", place: file });
    expect(readFileSync(file, "utf8")).toBe("old");
    expect(readdirSync(home)).toEqual(["a.txt"]);
  });

test("a folder is published whole or not at all", async () => {
  const staging = join(folder.path, "staging");
  mkdirSync(join(staging, "deep"), { recursive: true });
  writeFileSync(join(staging, "deep", "x"), "1");
  fullDiskAt("rename");
  const target = join(folder.path, "published");
  await expect(publish(staging, target)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(readdirSync(folder.path)).not.toContain("published");
  restore();
  await publish(staging, target);
  expect(readFileSync(join(target, "deep", "x"), "utf8")).toBe("1");
});

test("a link is swapped in one step, and a failure leaves it as it was", async () => {
  const link = join(folder.path, "current");
  symlinkSync("one", link);
  fullDiskAt("rename");
  await expect(swapLink(link, "two")).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(readlinkSync(link)).toBe("one");
  restore();
  await swapLink(link, "two");
  expect(readlinkSync(link)).toBe("two");
});
