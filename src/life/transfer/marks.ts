/**
 * How an export knows its own again: what it makes on the other server carries a tag that says what it was here. What carries
 * the tag follows its original, also in what was taken away; what was there before is only added to.
 */

import type { Pair } from "../../tracking/types.ts";

export const EXPORTED = "trimtab.exported_from";
/** Finds all that an export made. */
export const IS_EXPORTED = `tags.\`${EXPORTED}\` LIKE '%'`;

export const markOf = (tags: readonly Pair[]): string | undefined => tags.find(({ key }) => key === EXPORTED)?.value;

/** The tags with the mark, in place of one that they brought from elsewhere. */
export const marked = (tags: readonly Pair[], value: string): Pair[] => [
  ...tags.filter(({ key }) => key !== EXPORTED),
  { key: EXPORTED, value },
];

/** Tags that a server writes itself; a note is a person's. */
const isServers = (key: string): boolean =>
  key === EXPORTED || (key.startsWith("mlflow.") && key !== "mlflow.note.content");

export interface TagChanges {
  set: Pair[];
  /** Keys that are no longer here. */
  drop: string[];
}

/** What makes the tags there those that are here. */
export function tagChanges(here: readonly Pair[], there: readonly Pair[]): TagChanges {
  const [ours, theirs] = [here, there].map((tags) => new Map(tags.map(({ key, value }) => [key, value])));
  return {
    set: here.filter(({ key, value }) => key !== EXPORTED && theirs!.get(key) !== value),
    drop: there.filter(({ key }) => !ours!.has(key) && !isServers(key)).map(({ key }) => key),
  };
}
