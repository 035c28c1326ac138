/** Which step reads what another writes: the edges that the linter follows. The pipeline area builds its plan on the same rules. */

import { posix } from "node:path";
import { isInside, normalPath, overlaps, staticPart } from "./files.ts";
import type { Path } from "./path.ts";
import type { CmdStep, Pipeline, Step } from "./types.ts";

export interface Read {
  /** A path below the root, or the fixed part of a pattern. */
  path: string;
  /** The key that names it. */
  at: Path;
  /** As written. */
  written: string;
  /** data: a data source; file: must be written by a step or exist; word: a word of a command, which may be anything. */
  as: "data" | "file" | "word";
}

/** Words of the commands that could be paths; `--out=build/x` and quotes are taken apart. */
const wordsOf = ({ cmd, wdir = "" }: CmdStep): string[] =>
  cmd
    .flatMap((command) => command.split(/[\s'"=;|&<>(),:`]+/))
    .filter((word) => word !== "" && !word.startsWith("-"))
    .map((word) => (posix.isAbsolute(word) ? word : posix.join(wdir, word)));

/** Everything that a step reads. */
export function readsOf(step: Step, data: Pipeline["data"]): Read[] {
  const own = ["steps", step.name];
  const read = (written: string, at: Path, as: Read["as"] = "file"): Read => {
    const source = Object.hasOwn(data, written) ? data[written] : undefined;
    return source !== undefined && as !== "word"
      ? { path: staticPart(normalPath(source.uri)), at, written, as: "data" }
      : { path: normalPath(written), at, written, as };
  };
  return [
    ...verbReads(step).map(([key, path]) => read(path, [...own, key])),
    ...step.deps.map((path, i) => read(path, [...own, "deps", i])),
    ...(step.kind === "cmd" ? wordsOf(step).map((word) => read(word, [...own, "cmd"], "word")) : []),
  ];
}

function verbReads(step: Step): [key: string, path: string][] {
  switch (step.kind) {
    case "validate":
      return [
        ["validate", step.subject],
        ...(step.suite === undefined ? [] : [["suite", step.suite] as [string, string]]),
      ];
    case "transform":
      return [
        ["transform", step.subject],
        ["spec", step.spec],
      ];
    case "evaluate":
      return [
        ["evaluate", step.subject],
        ["on", step.on],
      ];
    case "cmd":
      return [];
    default: {
      const missing: never = step;
      return missing;
    }
  }
}

/** True when reading `read` means reading `out` or a part of it, or (unless it is a mere word) a folder that holds it. */
export const readsOut = (read: Read, out: string): boolean =>
  read.as === "word" ? isInside(read.path, out) : overlaps(read.path, out);

/** Step → the steps whose outputs it reads. */
export function edgesOf(pipeline: Pick<Pipeline, "steps" | "data">): Map<string, Set<string>> {
  const steps = Object.values(pipeline.steps);
  return new Map(
    steps.map((step) => {
      const reads = readsOf(step, pipeline.data);
      const writers = steps.filter(
        (w) => w !== step && w.outs.some((out) => reads.some((read) => readsOut(read, out))),
      );
      return [step.name, new Set(writers.map((w) => w.name))];
    }),
  );
}

/** The cycles of a graph, each once, beginning with its first step in the order of the map. */
export function cyclesOf(edges: Map<string, Set<string>>): string[][] {
  const cycles: string[][] = [];
  const settled = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): void => {
    const start = path.indexOf(name);
    if (start >= 0) {
      cycles.push(path.slice(start));
      return;
    }
    if (settled.has(name)) return;
    path.push(name);
    for (const next of edges.get(name) ?? []) visit(next);
    path.pop();
    settled.add(name);
  };
  for (const name of edges.keys()) visit(name);
  return cycles;
}
