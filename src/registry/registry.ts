/**
 * Models, immutable versions, aliases, stages, lineage and verdicts: MLflow's meaning, free of its protocol. Every promise
 * resolves when the fact is durable. Errors are INVALID, NOT_FOUND, ALREADY_EXISTS and MODEL_INVALID.
 */

import { createImports } from "./import.ts";
import { createLineage } from "./lineage.ts";
import { createModels } from "./models.ts";
import { createPublishing } from "./publish.ts";
import { createSearch } from "./search.ts";
import type { RegistryOptions } from "./types.ts";
import { createVersions } from "./versions.ts";

export const createRegistry = (options: RegistryOptions) => ({
  ...createModels(options),
  ...createVersions(options),
  ...createPublishing(options),
  ...createLineage(options),
  ...createSearch(options),
  ...createImports(options),
});

export type Registry = ReturnType<typeof createRegistry>;
