import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dvcCacheFolder, dvcRemoteFolder } from "../../../src/data/dvc/config.ts";
import { tempFolder } from "../../temp.ts";

test("the cache and the remotes of a DVC project", () => {
  const root = tempFolder();
  expect(dvcCacheFolder(root)).toBeUndefined();
  expect(() => dvcRemoteFolder(root)).toThrow("there is no default remote");
  mkdirSync(join(root, ".dvc"));
  expect(dvcCacheFolder(root)).toBe(join(root, ".dvc/cache"));
  writeFileSync(
    join(root, ".dvc/config"),
    `[core]\n    remote = store\n# a comment = no pair\n['remote "store"']\n    url = ../far\n[ 'remote "cloud"' ]\nurl = s3://bucket/x\n[cache]\n    dir = /shared/cache\n`,
  );
  expect(dvcCacheFolder(root)).toBe("/shared/cache");
  expect(dvcRemoteFolder(root)).toBe(join(root, "far"));
  expect(() => dvcRemoteFolder(root, "cloud")).toThrow("s3:// remotes are not available yet");
  expect(() => dvcRemoteFolder(root, "none")).toThrow("there is no remote none");
  writeFileSync(join(root, ".dvc/config.local"), `['remote "store"']\r\n    url = "near by"\r\n`);
  expect(dvcRemoteFolder(root)).toBe(join(root, ".dvc/near by"));
});
