/** What clients ask about the server itself. */

import { type Route, route } from "./route.ts";

/**
 * The version that clients see. A 3.x client sends spans as OTLP to servers that say 3.4 or more, one by one as they end, and
 * as an artifact to older ones; nothing else depends on it.
 */
const SPOKEN_VERSION = "3.4.0";

export const SERVER_ROUTES: readonly Route[] = [
  route("GET /health", {
    says: "OK.",
    handle: async () => new Response("OK"),
  }),
  route("GET /version", {
    says: "The version of MLflow's protocol that is spoken here.",
    differs: `Always ${SPOKEN_VERSION}: clients then send the spans of traces as OTLP.`,
    handle: async () => new Response(SPOKEN_VERSION),
  }),
];

/** Below /api/3.0: which kind of store it is. */
export const INFO_ROUTES: readonly Route[] = [
  route("GET /mlflow/server-info", {
    version: 3,
    says: "That there are workspaces: they are our projects.",
    handle: async () => ({ store_type: "SqlStore", workspaces_enabled: true }),
  }),
];
