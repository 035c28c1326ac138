/**
 * The gate: a candidate's figures against the rules and against the champion's figures on the same rows. Pure. The verdict
 * lists every rule with both figures, the limit, the margin and the reason. Without a champion only the absolute rules
 * (min, max) are judged, and the verdict says so. A figure that is missing or not a number fails its rule.
 */

import { lessIsBetter } from "../spec/metrics.ts";
import type { Allowance, GateRule } from "../spec/types.ts";

export type RuleKind = "min" | "max" | "max_drop" | "max_rise";

export interface RuleVerdict {
  metric: string;
  rule: RuleKind;
  candidate: number | null;
  champion: number | null;
  /** What the candidate's figure was held against, in the metric's own unit; null when it was not judged. */
  limit: number | null;
  /** How far inside the limit (negative: outside), in the metric's own unit; null when it was not judged. */
  margin: number | null;
  /** False for a relative rule without a champion. */
  judged: boolean;
  pass: boolean;
  reason: string;
}

export interface Verdict {
  pass: boolean;
  /** False for a model's first version: relative rules were not judged. */
  champion: boolean;
  reason: string;
  rules: RuleVerdict[];
}

type Figures = Readonly<Record<string, number>>;

/** The rules that a GateRule names, in a fixed order. */
function kindsOf(rule: GateRule): RuleKind[] {
  const kinds: RuleKind[] = [];
  if (rule.min !== undefined) kinds.push("min");
  if (rule.max !== undefined) kinds.push("max");
  if (rule.maxDrop !== undefined) kinds.push("max_drop");
  if (rule.maxRise !== undefined) kinds.push("max_rise");
  return kinds;
}

const figure = (figures: Figures | undefined, metric: string): number | null => {
  const value = figures?.[metric];
  return value === undefined || Number.isNaN(value) ? null : value;
};

/** Seven digits, enough to tell two figures apart, without the noise of floats. */
const show = (value: number): string => String(Number(value.toPrecision(7)));

const allowed = (allowance: Allowance, champion: number): number =>
  allowance.relative ? allowance.amount * Math.abs(champion) : allowance.amount;

/**
 * The limit of a rule. max_drop is how much worse than the champion the candidate may be (for metrics where less is
 * better: how far above); max_rise how far above it, for any metric.
 */
function limitOf(kind: RuleKind, rule: GateRule, champion: number): { limit: number; above: boolean } {
  if (kind === "min") return { limit: rule.min!, above: true };
  if (kind === "max") return { limit: rule.max!, above: false };
  if (kind === "max_rise") return { limit: champion + allowed(rule.maxRise!, champion), above: false };
  const amount = allowed(rule.maxDrop!, champion);
  return lessIsBetter(rule.metric)
    ? { limit: champion + amount, above: false }
    : { limit: champion - amount, above: true };
}

/** Rounding of the limit's own subtraction must not decide: 0.90 - 0.02 is not quite 0.88. */
const isInside = (margin: number, limit: number): boolean => margin >= -1e-12 * Math.max(1, Math.abs(limit));

function isBetter(metric: string, candidate: Figures, champion: Figures): boolean {
  const [ours, theirs] = [figure(candidate, metric), figure(champion, metric)];
  if (ours === null || theirs === null) return false;
  return lessIsBetter(metric) ? ours < theirs : ours > theirs;
}

function judgeOne(kind: RuleKind, rule: GateRule, candidate: Figures, champion: Figures | undefined): RuleVerdict {
  const { metric } = rule;
  const ours = figure(candidate, metric);
  const theirs = figure(champion, metric);
  const relative = kind === "max_drop" || kind === "max_rise";
  const row = { metric, rule: kind, candidate: ours, champion: theirs, limit: null, margin: null, judged: true };
  if (ours === null) return { ...row, pass: false, reason: `the candidate has no figure for ${metric}` };
  if (relative && champion === undefined)
    return { ...row, judged: false, pass: true, reason: "not judged: there is no champion to compare with" };
  if (relative && theirs === null)
    return { ...row, pass: false, reason: `the champion has no figure for ${metric} to compare with` };
  const { limit, above } = limitOf(kind, rule, theirs ?? 0);
  const margin = above ? ours - limit : limit - ours;
  const judged = { ...row, limit, margin };
  const against = relative ? `${show(limit)} (champion ${show(theirs!)})` : show(limit);
  if (isInside(margin, limit))
    return { ...judged, pass: true, reason: `${show(ours)} is ${above ? "at least" : "at most"} ${against}` };
  const outside = `${show(ours)} is ${above ? "below" : "above"} ${against} by ${show(Math.abs(margin))}`;
  if (relative && rule.unlessBetter !== undefined && isBetter(rule.unlessBetter, candidate, champion!))
    return { ...judged, pass: true, reason: `${outside}; forgiven, because ${rule.unlessBetter} is better` };
  return { ...judged, pass: false, reason: outside };
}

function summary(rules: readonly RuleVerdict[], hasChampion: boolean): string {
  const failed = rules.filter((rule) => !rule.pass);
  const first = hasChampion ? "" : "; no champion to compare with, so only absolute rules were judged";
  if (rules.length === 0) return `the gate has no rules${first}`;
  if (failed.length === 0) return `all ${rules.filter((rule) => rule.judged).length} judged rules are met${first}`;
  return `${failed.map((rule) => `${rule.metric} ${rule.rule}: ${rule.reason}`).join("; ")}${first}`;
}

/** Judges every rule; passes when each passes. Without `champion` relative rules are not judged. */
export function judge(rules: readonly GateRule[], candidate: Figures, champion?: Figures): Verdict {
  const judged = rules.flatMap((rule) => kindsOf(rule).map((kind) => judgeOne(kind, rule, candidate, champion)));
  return {
    pass: judged.every((rule) => rule.pass),
    champion: champion !== undefined,
    reason: summary(judged, champion !== undefined),
    rules: judged,
  };
}
