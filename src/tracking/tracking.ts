/**
 * Experiments, runs, metrics, params, tags, datasets: MLflow's meaning, free of its protocol. Every promise resolves when
 * the fact is committed. Errors are INVALID, NOT_FOUND, ALREADY_EXISTS and NOT_ACTIVE.
 */

import { createAssessments } from "./assessments.ts";
import { createExperiments } from "./experiments.ts";
import { createHistory } from "./history.ts";
import { createImports } from "./import.ts";
import { createLoggedModels } from "./logged-models.ts";
import { createLogging } from "./logging.ts";
import { createProjects } from "./projects.ts";
import { createPurge } from "./purge.ts";
import { createRuns } from "./runs.ts";
import { createSearch } from "./search.ts";
import { createSpans } from "./spans.ts";
import { createTraces } from "./traces.ts";
import type { TrackingOptions } from "./types.ts";

export const createTracking = (options: TrackingOptions) => ({
  ...createExperiments(options),
  ...createRuns(options),
  ...createLogging(options),
  ...createHistory(options),
  ...createLoggedModels(options),
  ...createSearch(options),
  ...createTraces(options),
  ...createAssessments(options),
  ...createSpans(options),
  ...createImports(options),
  ...createPurge(options),
  ...createProjects(options),
});

export type Tracking = ReturnType<typeof createTracking>;
