/** What the registry speaks of, free of any protocol. Times in milliseconds since the epoch. */

import type { Clock } from "../base/clock.ts";
import type { Db } from "../db/db.ts";
import type { Pair } from "../db/run_values.ts";

export type { Pair };

export interface RegistryOptions {
  db: Db;
  clock: Clock;
  /** The folder that holds one folder a model (workspace.models). */
  modelsDir: string;
}

/** Who did it and why, for the journal. */
export interface Who {
  actor: string;
  reason?: string;
}

/** As old clients know them; aliases have taken their place. */
export const STAGES = ["None", "Staging", "Production", "Archived"] as const;
export type Stage = (typeof STAGES)[number];

export interface Alias {
  alias: string;
  version: number;
}

export interface ModelVersion {
  name: string;
  version: number;
  /** As the registrar named it. */
  source: string;
  /** Where the bytes are; what a client downloads. */
  storageUri: string;
  /** Absolute path of the immutable folder, for versions that Trimtab published. */
  folder?: string;
  runId?: string;
  runLink?: string;
  modelId?: string;
  description?: string;
  userId?: string;
  status: string;
  statusMessage?: string;
  stage: Stage;
  createdMs: number;
  updatedMs: number;
  tags: Pair[];
  aliases: string[];
}

export interface RegisteredModel {
  name: string;
  description?: string;
  createdMs: number;
  updatedMs: number;
  tags: Pair[];
  aliases: Alias[];
  /** The newest version of each stage that has one. */
  latest: ModelVersion[];
}
