/** Compares what a scenario saw on our server with what it saw on the reference server. */

import type { Steps } from "./client.ts";

export interface Difference {
  client: string;
  scenario: string;
  step: string;
  reference: unknown;
  ours: unknown;
}

/**
 * Every step that differs. Where the reference breaks down (an answer of 500 or above, which clients take for a passing
 * fault and retry for minutes), refusing the request properly counts as equal.
 */
export function differencesOf(client: string, scenario: string, reference: Steps, ours: Steps): Difference[] {
  const steps = new Set([...Object.keys(reference), ...Object.keys(ours)]);
  return [...steps]
    .filter((step) => !isEqual(reference[step], ours[step]))
    .map((step) => ({ client, scenario, step, reference: reference[step], ours: ours[step] }));
}

const isEqual = (reference: unknown, ours: unknown): boolean =>
  Bun.deepEquals(reference, ours) || (brokeDown(reference) && refusedWell(ours));

const field = (seen: unknown, name: string): unknown =>
  typeof seen === "object" && seen !== null ? (seen as Record<string, unknown>)[name] : undefined;

const BREAKDOWNS = new Set<unknown>(["INTERNAL_ERROR", "HTTPError"]);

function brokeDown(seen: unknown): boolean {
  const status = field(seen, "status");
  return BREAKDOWNS.has(field(seen, "refused")) || (typeof status === "number" && status >= 500);
}

function refusedWell(seen: unknown): boolean {
  const status = field(seen, "status");
  const code = field(seen, "refused");
  if (typeof status === "number") return status >= 400 && status < 500;
  return typeof code === "string" && code !== "INTERNAL_ERROR";
}
