/**
 * A tree that looks like the root to a command and takes its outputs: every entry is a link to the root's, but for the folders
 * on the way to an output, which are folders of the tree's own. What else the command writes by a relative path goes where it
 * would go without a tree when it was there before, and is thrown away with the tree's next use when it was not.
 */

import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";

/** Not the command's affair: the state holds this very tree. */
const LEFT_OUT = new Set([".trimtab", ".git"]);

/**
 * Empties the tree and links it anew; resolves to what takes the links away again, so that only what was written stays.
 * `tree`, `outs`, which lie in it, and `wdir`, where the command goes first, are relative to the root.
 */
export async function mirror(
  root: string,
  tree: string,
  outs: readonly string[],
  wdir = ".",
): Promise<() => Promise<void>> {
  const home = resolve(root, tree);
  await rm(home, { recursive: true, force: true });
  const written = new Set(outs.map((out) => relative(tree, out)));
  const own = foldersTo([...[...written].map(dirname), wdir]);
  const links: string[] = [];
  for (const folder of own) {
    await mkdir(join(home, folder), { recursive: true });
    for (const name of await readdir(join(root, folder)).catch(() => [])) {
      const path = join(folder, name);
      if (own.has(path) || written.has(path) || (folder === "." && LEFT_OUT.has(name))) continue;
      await symlink(resolve(root, path), join(home, path));
      links.push(join(home, path));
    }
  }
  return async () => {
    for (const link of links) await rm(link, { recursive: true, force: true });
  };
}

/** The folders and all above them below the root, each before those inside it. */
function foldersTo(folders: readonly string[]): Set<string> {
  const all = new Set(["."]);
  for (const folder of folders) for (let path = join(folder); path !== "."; path = dirname(path)) all.add(path);
  return new Set([...all].sort());
}
