/** Which part of a cache key differs first, in the order in which a person would look. Pure. */

import type { Parts } from "./types.ts";

export interface Difference {
  /** "param.max_depth" */
  part: string;
  /** Undefined: the part was not there. */
  old: string | undefined;
  new: string | undefined;
}

/** What a person changes comes before what follows from it; unnamed parts (a kind's own) stand where `""` does. */
const ORDER = [
  "param",
  "grid",
  "best",
  "command",
  "spec",
  "",
  "outs",
  "code",
  "data",
  "file",
  "lock",
  "env",
  "interpreter",
];
const LAST = ["platform", "image", "format", "upstream", "input"];

function rank(part: string): number {
  const group = part.split(".", 1)[0]!;
  const first = ORDER.indexOf(group);
  if (first >= 0) return first;
  const last = LAST.indexOf(group);
  return last >= 0 ? ORDER.length + last : ORDER.indexOf("");
}

/** All parts that differ, first the one that explains most. */
export function differences(old: Parts, now: Parts): Difference[] {
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((name) => old[name] !== now[name]);
  names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return names.map((part) => ({ part, old: old[part], new: now[part] }));
}

export const firstDifference = (old: Parts, now: Parts): Difference | undefined => differences(old, now)[0];

const short = (value: string | undefined): string => {
  if (value === undefined) return "(none)";
  // Commands and lists of outputs have a line each; a reason is one line of a table.
  const line = value.trim().replace(/\s*\n\s*/g, "; ");
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
};

/** "param.max_depth changed: 5 → 6"; of upstream steps only the name, their keys tell nobody anything. */
export function showDifference(difference: Difference): string {
  const [group, ...rest] = difference.part.split(".");
  if (group === "upstream") return `upstream step ${rest.join(".")} changed`;
  const what = difference.old === undefined ? "is new" : difference.new === undefined ? "is gone" : "changed";
  return `${difference.part} ${what}: ${short(difference.old)} → ${short(difference.new)}`;
}
