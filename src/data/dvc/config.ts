/** What we read of a project's `.dvc/config` (and `config.local`, which goes before it): where its cache and its remotes are. */

import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fail } from "../../base/errors.ts";
import { readGiven } from "../../base/given.ts";

/** The folder of a project's DVC cache; undefined when there is no `.dvc`. */
export function dvcCacheFolder(root: string): string | undefined {
  const folder = dvcFolder(root);
  if (folder === undefined) return undefined;
  return resolve(folder, readDvcConfig(folder).get("cache")?.get("dir") ?? "cache");
}

/** The `.dvc` of the project that `root` is in: there or in a folder above, within its Git work tree. */
function dvcFolder(root: string): string | undefined {
  for (let at = resolve(root); ; at = dirname(at)) {
    const folder = join(at, ".dvc");
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
    if (existsSync(join(at, ".git")) || at === dirname(at)) return undefined;
  }
}

/**
 * The folder of a remote: the one called `name`, or the default one. NOT_FOUND when there is none; NOT_AVAILABLE when it is not a
 * folder.
 */
export function dvcRemoteFolder(root: string, name?: string): string {
  const folder = dvcFolder(root) ?? join(root, ".dvc");
  const config = readDvcConfig(folder);
  const wanted = name ?? config.get("core")?.get("remote");
  const url = wanted === undefined ? undefined : config.get(`remote "${wanted}"`)?.get("url");
  if (url === undefined)
    throw fail("NOT_FOUND", {
      what: wanted === undefined ? "there is no default remote" : `there is no remote ${wanted}`,
      place: join(folder, "config"),
      mend: "name a folder with --remote, or add one: dvc remote add -d store <folder>",
    });
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url))
    throw fail("NOT_AVAILABLE", {
      what: `${url.split(":")[0]}:// remotes are not available yet`,
      place: join(folder, "config"),
      mend: "use dvc push and dvc pull for it: the cache is the same",
    });
  // Relative to the folder of the config file.
  return resolve(folder, url);
}

type Config = Map<string, Map<string, string>>;

function readDvcConfig(folder: string): Config {
  const config: Config = new Map();
  for (const name of ["config", "config.local"]) {
    const file = join(folder, name);
    if (existsSync(file)) readInto(config, readGiven(file).toString());
  }
  return config;
}

/** ConfigObj's INI: `[section]` or `['remote "name"']`, then `key = value`. */
function readInto(config: Config, text: string): void {
  let section = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const head = /^\s*\[\s*(['"]?)(.*?)\1\s*\]\s*(?:#.*)?$/.exec(line);
    const pair = /^\s*([^#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (head) {
      section = config.get(head[2]!) ?? new Map();
      config.set(head[2]!, section);
    } else if (pair) section.set(pair[1]!, pair[2]!.replace(/^(['"])(.*)\1$/, "$2"));
  }
}
