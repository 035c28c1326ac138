/** What the parts of an import share. */

import { hashValue } from "../../base/hash.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import type { Tracking } from "../../tracking/tracking.ts";

export interface TransferCounts {
  experiments: number;
  runs: number;
  /** Runs, logged models and traces that an earlier import brought. */
  unchanged: number;
  metrics: number;
  loggedModels: number;
  traces: number;
  files: number;
  bytes: number;
  models: number;
  versions: number;
  /** What could not be brought over, in words. */
  left: string[];
}

export interface ImportTarget {
  tracking: Tracking;
  registry: Registry;
  artifacts: ArtifactStore;
}

export type Progress = (counts: Readonly<TransferCounts>) => void;

export const noCounts = (): TransferCounts => ({
  experiments: 0,
  runs: 0,
  unchanged: 0,
  metrics: 0,
  loggedModels: 0,
  traces: 0,
  files: 0,
  bytes: 0,
  models: 0,
  versions: 0,
  left: [],
});

/** Short, and the same for the same thing; JSON knows neither NaN nor infinities. */
export const printOf = (thing: unknown): string =>
  hashValue(JSON.parse(JSON.stringify(thing, (_, value) => (typeof value === "number" ? String(value) : value)))).slice(
    0,
    16,
  );
