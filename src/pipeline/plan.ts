/**
 * Decides which steps must run, and why. Pure: everything it looks at is in `PlanFacts`, so the same function serves a
 * run, a dry run, `status` and `why`, and a run asks it again after every step that ends.
 */

import { hashValue } from "../base/hash.ts";
import type { Pipeline } from "../spec/types.ts";
import { firstDifference, showDifference } from "./difference.ts";
import { buildGraph, type Graph, type StepNode, topological, withUpstream } from "./graph.ts";
import type { Parts, PlannedStep, StepRecord } from "./types.ts";

export interface PlanFacts {
  /** Each step's parts, without those that come from upstream steps. */
  parts: ReadonlyMap<string, Parts>;
  records: { newest(step: string): StepRecord | undefined; find(step: string, key: string): StepRecord | undefined };
  /** Content hashes of outputs in place now; absent: no such file. */
  current: ReadonlyMap<string, string>;
  /** Keys whose outputs are neither in place nor in the cache. */
  lost: ReadonlySet<string>;
  /** Steps that this run has settled, with the record they stand on now. */
  settled: ReadonlyMap<string, StepRecord>;
  /** Combinations of grids that have failed in this run. */
  failed: ReadonlySet<string>;
  /** Steps that run although their key matches. */
  forced: ReadonlySet<string>;
  /** How the last attempt ended, for steps that have no record. */
  lastState: ReadonlyMap<string, string>;
  /** Only these and what they need; undefined: all. */
  only?: readonly string[];
}

/** The parts of a step's key when its upstream steps stand on the given records. */
export function completeParts(node: StepNode, own: Parts, upstream: ReadonlyMap<string, StepRecord>): Parts {
  const parts: Parts = { ...own };
  // Of a grid's combinations some may have failed, and it chooses among the others.
  for (const name of node.upstream) parts[`upstream.${name}`] = upstream.get(name)?.key ?? "failed";
  for (const [out, writer] of node.produced) {
    parts[`input.${out}`] = upstream.get(writer)!.outputs[out]?.digest ?? "none";
  }
  return parts;
}

/** A step's cache key: SHA-256 over the canonical JSON of its parts. */
export const keyOf = (parts: Parts): string => hashValue(parts);

/** The chosen steps in an order in which each comes after those it waits for. */
export function planRun(pipeline: Pipeline, facts: PlanFacts, graph: Graph = buildGraph(pipeline)): PlannedStep[] {
  const chosen = facts.only === undefined ? undefined : withUpstream(graph, facts.only);
  const planned = new Map<string, PlannedStep>();
  for (const name of topological(graph)) {
    if (chosen !== undefined && !chosen.has(name)) continue;
    const node = graph.get(name)!;
    const level = Math.max(-1, ...node.after.map((before) => planned.get(before)!.level)) + 1;
    const decision = decide(node, facts, planned);
    const run = decision.action === "run" || decision.action === "wait";
    planned.set(name, { step: name, run, after: node.after, level, ...decision });
  }
  return [...planned.values()];
}

type Decision = Pick<PlannedStep, "action" | "reason" | "key" | "parts" | "record">;

function decide(node: StepNode, facts: PlanFacts, planned: ReadonlyMap<string, PlannedStep>): Decision {
  const settled = facts.settled.get(node.step.name);
  if (settled) return { action: "keep", reason: "done in this run", key: settled.key, record: settled };
  const pending = node.upstream.find((name) => planned.get(name)!.run && !facts.failed.has(name));
  if (pending !== undefined) return { action: "wait", reason: waitReason(node, facts, pending) };
  const upstream = new Map(
    node.upstream.filter((name) => !facts.failed.has(name)).map((name) => [name, planned.get(name)!.record!]),
  );
  const parts = completeParts(node, facts.parts.get(node.step.name)!, upstream);
  const key = keyOf(parts);
  const forced = facts.forced.has(node.step.name);
  if (forced || !node.step.cache) {
    return { action: "run", reason: forced ? "forced" : "it always runs (cache: false)", key, parts };
  }
  const record = facts.records.find(node.step.name, key);
  if (record?.reusable && !facts.lost.has(key)) return { ...reuse(record, facts), key, parts, record };
  return { action: "run", reason: runReason(node, facts, parts, record), key, parts };
}

function reuse(record: StepRecord, facts: PlanFacts): { action: "keep" | "restore"; reason: string } {
  for (const [out, { digest }] of Object.entries(record.outputs)) {
    const present = facts.current.get(out);
    if (present === undefined) return { action: "restore", reason: `${out} is missing; it is in the cache` };
    if (present !== digest)
      return { action: "restore", reason: `${out} is not what this key made; it is in the cache` };
  }
  return { action: "keep", reason: "nothing changed" };
}

/** A step that waits may have a reason of its own too, which says more than "upstream". */
function waitReason(node: StepNode, facts: PlanFacts, pending: string): string {
  const newest = facts.records.newest(node.step.name);
  const own = facts.parts.get(node.step.name)!;
  if (facts.forced.has(node.step.name)) return "forced";
  if (newest === undefined) return neverDone(node, facts);
  const before = Object.fromEntries(Object.entries(newest.parts).filter(([name]) => !/^(upstream|input)\./.test(name)));
  const difference = firstDifference(before, own);
  return difference ? showDifference(difference) : `${pending} runs first`;
}

function runReason(node: StepNode, facts: PlanFacts, parts: Parts, record: StepRecord | undefined): string {
  if (record && !record.reusable) return "an input changed while it ran last time";
  if (record) return "its outputs are neither in place nor in the cache";
  const newest = facts.records.newest(node.step.name);
  const difference = newest && firstDifference(newest.parts, parts);
  return difference ? showDifference(difference) : neverDone(node, facts);
}

function neverDone(node: StepNode, facts: PlanFacts): string {
  const state = facts.lastState.get(node.step.name);
  if (state === undefined) return "it has never run";
  if (state === "failed") return "its last attempt failed";
  // It runs now, or its process is gone and no run has cleaned up after it.
  return state === "running" ? "its last attempt has not ended" : `its last attempt was ${state}`;
}
