/** What the monitor knows of a version: how it answers, and the profile of what it was trained on. */

import { join } from "node:path";
import { log } from "../base/log.ts";
import type { Profile } from "../base/profile.ts";
import { flavorOf, readMlmodel, type TrimtabFlavor } from "../spec/mlmodel.ts";

/** A version that the caller knows of. */
export interface WatchedVersion {
  version: number;
  /** Its MLmodel folder. */
  folder: string;
  /** Whether it takes traffic now. Windows of others are judged, but ask for nothing. */
  serving: boolean;
}

export interface VersionFacts {
  flavor: TrimtabFlavor;
  /** Absent when the version was saved without one: then drift cannot be told. */
  reference?: Profile;
}

/** Version folders never change, so each is read once. A folder that cannot be read is undefined, and logged once. */
export function createVersionReader(): (folder: string) => Promise<VersionFacts | undefined> {
  const known = new Map<string, Promise<VersionFacts | undefined>>();
  return (folder) => {
    const before = known.get(folder);
    if (before) return before;
    const facts = readFacts(folder).catch((error: unknown) => {
      log.warn("a version cannot be watched", { folder, error: (error as Error).message });
      return undefined;
    });
    known.set(folder, facts);
    return facts;
  };
}

async function readFacts(folder: string): Promise<VersionFacts> {
  const flavor = flavorOf(await readMlmodel(folder), folder);
  if (flavor.reference === undefined) return { flavor };
  return { flavor, reference: (await Bun.file(join(folder, flavor.reference)).json()) as Profile };
}
