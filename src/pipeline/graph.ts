/**
 * Who reads whose outputs. An edge comes from a path: one that a step reads (deps, the verb's files, or a word of its
 * command) and another step writes. Besides, a `validate` step goes before every step that reads what it validates, so
 * that nothing is built from data that fails its checks; that edge is order only and no part of a cache key. Pure.
 */

import { isInside, normalPath } from "../spec/files.ts";
import { type Read, readsOf, readsOut } from "../spec/graph.ts";
import type { Pipeline, Step } from "../spec/types.ts";
import { combinationsOf, gridOf, isGrid } from "./grid.ts";

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

/** Paths that a step reads although neither it nor its verb names them. */
export type MoreReads = (step: Step) => string[];

/** The graph of a pipeline whose spec has no cycles and no two writers of one path (the parser refuses those). */
export function buildGraph(pipeline: Pipeline, more: MoreReads = () => []): Graph {
  const steps = Object.values(pipeline.steps);
  const graph: Graph = new Map(steps.map((step) => [step.name, nodeOf(step, pipeline, more(step))]));
  for (const checker of steps.filter((step) => step.kind === "validate")) {
    const checked = graph.get(checker.name)!;
    const before = withUpstream(graph, [checker.name]);
    for (const [name, node] of graph)
      if (node.step.kind !== "validate" && !before.has(name) && sharesSubject(checked, node))
        addOnce(node.after, checker.name);
  }
  return graph;
}

function nodeOf(step: Step, pipeline: Pipeline, more: string[]): StepNode {
  const node: StepNode = { step, produced: new Map(), files: [], folders: [], data: [], upstream: [], after: [] };
  if (isGrid(step)) {
    node.upstream = combinationsOf(pipeline, step.name).map((one) => one.name);
    node.after = [...node.upstream];
    return node;
  }
  const others = more.map((written): Read => ({ path: normalPath(written), at: [], written, as: "file" }));
  for (const read of [...readsOf(step, pipeline.data), ...others]) addRead(node, read, pipeline);
  node.upstream = [...new Set(node.produced.values())];
  node.after = [...node.upstream];
  return node;
}

/** A mere word of a command counts only when it is something known. */
function addRead(node: StepNode, read: Read, pipeline: Pipeline): void {
  let isProduced = false;
  for (const writer of Object.values(pipeline.steps)) {
    // What a combination's command names is its own output, although the choice will write that path.
    if (writer === node.step || writer.name === gridOf(node.step)) continue;
    for (const out of writer.outs.filter((path) => readsOut(read, path))) {
      node.produced.set(out, writer.name);
      if (!isInside(read.path, out)) addOnce(node.folders, read.path);
      isProduced = true;
    }
  }
  if (isProduced) return;
  const source = sourceOf(read, pipeline);
  if (source !== undefined) addOnce(node.data, source);
  else if (read.as === "file") addOnce(node.files, read.path);
}

/** The data source that a read means: named as such, or by the path that it has. */
function sourceOf(read: Read, pipeline: Pipeline): string | undefined {
  if (read.as === "data") return read.written;
  return Object.values(pipeline.data).find((source) => normalPath(source.uri) === read.path)?.name;
}

/** Something that a validate step checks is read by the other step too; what it reads besides (a suite) does not count. */
const sharesSubject = (checker: StepNode, reader: StepNode): boolean =>
  checker.data.some((name) => reader.data.includes(name)) ||
  [...checker.produced.keys()].some((out) => reader.produced.has(out));

function addOnce(list: string[], item: string): void {
  if (!list.includes(item)) list.push(item);
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
