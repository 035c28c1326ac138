/** Every call that this server answers, by what it is about. The server and docs/mlflow.md are made of this. */

import { ARTIFACT_ROUTES, FILE_ROUTES, PAGE_ROUTES } from "./artifacts.ts";
import { EXPERIMENT_ROUTES } from "./experiments.ts";
import { LOGGED_MODEL_ROUTES } from "./logged-models.ts";
import { METRIC_ROUTES } from "./metrics.ts";
import { MODEL_ROUTES } from "./models.ts";
import type { Route } from "./route.ts";
import { RUN_ROUTES } from "./runs.ts";
import { INFO_ROUTES, SERVER_ROUTES } from "./server-info.ts";
import { OTLP_ROUTES, SPAN_ROUTES } from "./spans.ts";
import { TRACE_ROUTES } from "./traces.ts";
import { VERSION_ROUTES } from "./versions.ts";
import { WEBHOOK_ROUTES } from "./webhooks.ts";
import { WORKSPACE_ROUTES } from "./workspaces.ts";

export interface RouteGroup {
  title: string;
  /** Whether the routes stand below /api/<version>.0 and /ajax-api/<version>.0. */
  below: "api" | "root";
  routes: readonly Route[];
}

export const ROUTE_GROUPS: readonly RouteGroup[] = [
  { title: "Experiments", below: "api", routes: EXPERIMENT_ROUTES },
  { title: "Workspaces, our projects", below: "api", routes: WORKSPACE_ROUTES },
  { title: "Runs", below: "api", routes: RUN_ROUTES },
  { title: "Metric history", below: "api", routes: METRIC_ROUTES },
  { title: "Logged models", below: "api", routes: [...LOGGED_MODEL_ROUTES] },
  { title: "Registered models", below: "api", routes: MODEL_ROUTES },
  { title: "Model versions", below: "api", routes: VERSION_ROUTES },
  { title: "Webhooks", below: "api", routes: WEBHOOK_ROUTES },
  { title: "Artifacts", below: "api", routes: [...ARTIFACT_ROUTES, ...PAGE_ROUTES] },
  { title: "Artifacts by run and version", below: "root", routes: FILE_ROUTES },
  { title: "Traces", below: "api", routes: [...SPAN_ROUTES, ...TRACE_ROUTES] },
  { title: "Spans", below: "root", routes: OTLP_ROUTES },
  { title: "The server itself", below: "root", routes: SERVER_ROUTES },
  { title: "About the server", below: "api", routes: INFO_ROUTES },
];
