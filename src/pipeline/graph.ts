/**
 * Who reads whose outputs. An edge comes from a path: one that a step reads (deps, the verb's files, or a word of its
 * command) and another step writes. Besides, a `validate` step goes before every step that reads what it validates, so
 * that nothing is built from data that fails its checks; that edge is order only and no part of a cache key. Pure.
 */

import { posix } from "node:path";
import type { Pipeline, Step } from "../spec/types.ts";

export interface StepNode {
  step: Step;
  /** Outputs of other steps that it reads: path → the step that writes it. */
  produced: Map<string, string>;
  /** Files and folders that no step writes. */
  files: string[];
  /** Declared folders that hold outputs of other steps: hashed whole, once those steps are done. */
  folders: string[];
  /** Names in `pipeline.data`. */
  data: string[];
  /** Steps whose keys belong to this step's key. */
  upstream: string[];
  /** Steps that must be settled first: `upstream`, and the validations of what it reads. */
  after: string[];
}

export type Graph = Map<string, StepNode>;

/** "./a//b/" → "a/b". */
const normal = (path: string): string => posix.normalize(path).replace(/\/$/, "");

const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

/** The words of a shell command that could be paths; `--out=build/x` and quotes are taken apart. */
export const commandWords = (command: string): string[] =>
  command
    .split(/[\s'"=;|&<>(),:`]+/)
    .filter((word) => word !== "" && !word.startsWith("-"))
    .map(normal);

/** The files that a step's verb names, as paths or names of data sources. */
function verbReads(step: Step): string[] {
  switch (step.kind) {
    case "validate":
      return step.suite === undefined ? [step.subject] : [step.subject, step.suite];
    case "transform":
      return [step.subject, step.spec];
    case "evaluate":
      return [step.subject, step.on];
    case "cmd":
      return [];
    default: {
      const missing: never = step;
      return missing;
    }
  }
}

/** The graph of a pipeline whose spec has no cycles and no two writers of one path (the parser refuses those). */
export function buildGraph(pipeline: Pipeline): Graph {
  const writers = new Map<string, string>();
  for (const step of Object.values(pipeline.steps)) for (const out of step.outs) writers.set(normal(out), step.name);
  const graph: Graph = new Map();
  for (const step of Object.values(pipeline.steps)) graph.set(step.name, readsOf(step, pipeline, writers));
  for (const [checker, subject] of validations(pipeline)) {
    const before = withUpstream(graph, [checker]);
    for (const [name, node] of graph)
      if (node.step.kind !== "validate" && reads(node, subject) && !before.has(name)) addOnce(node.after, checker);
  }
  return graph;
}

function readsOf(step: Step, pipeline: Pipeline, writers: Map<string, string>): StepNode {
  const node: StepNode = { step, produced: new Map(), files: [], folders: [], data: [], upstream: [], after: [] };
  for (const name of [...verbReads(step), ...step.deps]) addRead(node, name, pipeline, writers, true);
  if (step.kind === "cmd")
    for (const word of step.cmd.flatMap(commandWords)) addRead(node, word, pipeline, writers, false);
  node.upstream = [...new Set(node.produced.values())];
  node.after = [...node.upstream];
  return node;
}

/** `declared` is false for a mere word of a command, which counts only when it is something known. */
function addRead(node: StepNode, name: string, pipeline: Pipeline, writers: Map<string, string>, declared: boolean) {
  const source = pipeline.data[name] ?? Object.values(pipeline.data).find((d) => normal(d.uri) === normal(name));
  const path = normal(source?.uri ?? name);
  let isProduced = false;
  for (const [out, writer] of writers) {
    const holdsOut = declared && isBelow(out, path);
    if (writer === node.step.name || !(path === out || isBelow(path, out) || holdsOut)) continue;
    node.produced.set(out, writer);
    if (holdsOut) addOnce(node.folders, path);
    isProduced = true;
  }
  if (isProduced) return;
  if (source !== undefined) addOnce(node.data, source.name);
  else if (declared) addOnce(node.files, path);
}

function addOnce(list: string[], item: string): void {
  if (!list.includes(item)) list.push(item);
}

const reads = (node: StepNode, subject: string): boolean => node.data.includes(subject) || node.produced.has(subject);

/** [validate step, what it validates as it appears in other nodes]. */
function validations(pipeline: Pipeline): [string, string][] {
  return Object.values(pipeline.steps)
    .filter((step) => step.kind === "validate")
    .map((step) => {
      const source = pipeline.data[step.subject];
      const path = normal(source?.uri ?? step.subject);
      const isProduced = Object.values(pipeline.steps).some((s) => s.outs.some((out) => normal(out) === path));
      return [step.name, source !== undefined && !isProduced ? source.name : path];
    });
}

/** Step names so that each comes after those it waits for; ties in the file's order. */
export function topological(graph: Graph): string[] {
  const order: string[] = [];
  const done = new Set<string>();
  const visit = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    for (const before of graph.get(name)?.after ?? []) visit(before);
    order.push(name);
  };
  for (const name of graph.keys()) visit(name);
  return order;
}

/** The named steps and everything they wait for, directly or not. */
export function withUpstream(graph: Graph, names: readonly string[]): Set<string> {
  const chosen = new Set<string>();
  const visit = (name: string): void => {
    if (chosen.has(name)) return;
    chosen.add(name);
    for (const before of graph.get(name)?.after ?? []) visit(before);
  };
  for (const name of names) visit(name);
  return chosen;
}
