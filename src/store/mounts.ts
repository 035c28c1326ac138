/** Other stores below names of one store, read only: published models beside the artifacts of runs, in one tree. */

import { fail } from "../base/errors.ts";
import { checkArtifactPath } from "./artifact-path.ts";
import type { ArtifactStore } from "./artifacts.ts";

/** `mounts`: first name of a path → the store that has the rest. They are not listed in the root. */
export function withMounts(base: ArtifactStore, mounts: Readonly<Record<string, ArtifactStore>>): ArtifactStore {
  const find = (path: string): { store: ArtifactStore; rest: string; name?: string } => {
    const [first = "", ...rest] = checkArtifactPath(path, { root: true }).split("/");
    const store = Object.hasOwn(mounts, first) ? mounts[first] : undefined;
    return store ? { store, rest: rest.join("/"), name: first } : { store: base, rest: path };
  };
  const writable = (path: string): ArtifactStore => {
    const { store, name } = find(path);
    if (name !== undefined) throw fail("INVALID", { what: `Invalid path ${path}: below ${name} nothing is written` });
    return store;
  };
  return {
    put: async (path, body) => writable(path).put(path, body),
    delete: async (path) => writable(path).delete(path),
    async get(path, range) {
      const { store, rest } = find(path);
      if (rest === "") throw fail("NOT_FOUND", { what: `there is no artifact ${path}` });
      return store.get(rest, range);
    },
    async list(folder) {
      const { store, rest, name } = find(folder);
      const entries = await store.list(rest);
      return name === undefined ? entries : entries.map((entry) => ({ ...entry, path: `${name}/${entry.path}` }));
    },
    async size(path) {
      const { store, rest } = find(path);
      return rest === "" ? undefined : store.size(rest);
    },
  };
}
