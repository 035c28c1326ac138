/** What the parts of an export share: both sides, and what they found or made on the other one. */

import type { Registry } from "../../registry/registry.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import type { Tracking } from "../../tracking/tracking.ts";
import type { TransferCounts } from "./import-context.ts";
import type { Rest } from "./rest.ts";

/** A run on the other server. */
export interface ThereRun {
  id: string;
  artifactUri: string;
  experimentId: string;
  isDeleted: boolean;
}

/** A logged model on the other server. */
export interface ThereModel {
  id: string;
  artifactUri: string;
}

/** A version's files are a logged model's, when they are in its folder. */
export interface OwnedModel extends ThereModel {
  /** Where its files are here. */
  from: string;
}

export interface ExportContext {
  from: { tracking: Tracking; registry: Registry; artifacts: ArtifactStore };
  rest: Rest;
  counts: TransferCounts;
  /** Called after each thing. */
  done(): void;
  /** Our run's id → the run there. */
  runs: Map<string, ThereRun>;
  /** Our logged model's id → the model there. */
  loggedModels: Map<string, OwnedModel>;
}

export function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
