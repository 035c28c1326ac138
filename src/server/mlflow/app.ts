/**
 * MLflow's protocol over HTTP: what its clients 2.x and 3.x send, answered from tracking, registry and artifacts. This file
 * finds the route, reads the fields and maps errors; the routes only translate.
 */

import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import type { Tracking } from "../../tracking/tracking.ts";
import type { Who } from "../../tracking/types.ts";
import type { Guard } from "../access/guard.ts";
import { Hono } from "../hono.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";
import { requestValues } from "./body.ts";
import { errorBody, errorResponse, unknownRoute } from "./errors.ts";
import { type Fields, readFields } from "./fields.ts";
import type { Call, MlflowServices, Route } from "./route.ts";
import { ROUTE_GROUPS } from "./table.ts";
import { createUploads } from "./uploads.ts";
import { withWholeNames } from "./workspaces.ts";

export interface MlflowOptions {
  tracking: Tracking;
  registry: Registry;
  artifacts: ArtifactStore;
  webhooks: Webhooks;
  clock: Clock;
  /** Guards the champion's name; nobody does unless told. */
  checkClaim?: MlflowServices["checkClaim"];
  /** Scratch for uploads in parts, on the artifacts' file system. */
  scratch: string;
  /** Who sent a request that no guard asked for a name; "mlflow client" unless told. */
  who?(request: Request): Promise<Who>;
  /** Who may do what; everybody everything without it. */
  guard?: Guard;
}

type Requested = Pick<Call, "request" | "params">;

const SOMEBODY: Who = { actor: "mlflow client" };

/** The path of an absolute URL, cheaper than to parse it all. */
export function pathOf(url: string): string {
  const from = url.indexOf("/", 8);
  const query = url.indexOf("?", from);
  return url.slice(from, query < 0 ? undefined : query);
}

/** "//api/2.0/mlflow" and "/ajax-api/2.0/mlflow" are "/api/2.0/mlflow". */
function cleanPath(request: Request): string {
  const path = pathOf(request.url).replace(/\/{2,}/g, "/");
  return path.startsWith("/ajax-api/") ? `/api${path.slice(9)}` : path;
}

/** "/mlflow/logged-models/{model_id}/tags/{key...}" in Hono's words. */
const pattern = (path: string): string => path.replace(/\{(\w+)\.\.\.\}/g, ":$1{.+}").replace(/\{(\w+)\}/g, ":$1");

const hasFields = (fields: Fields): boolean => Object.keys(fields).length > 0;

async function answer(
  route: Route,
  services: MlflowServices,
  { guard, who }: Pick<MlflowOptions, "guard" | "who">,
  c: Requested,
): Promise<Response> {
  const identity = await guard?.enter(c.request, route);
  const somebody = identity ? { actor: identity.name } : ((await who?.(c.request)) ?? SOMEBODY);
  const allowed = async () => {
    const still = await guard?.enter(c.request, route);
    if (guard && still) await guard.admit(still, route, call, read);
  };
  const call: Call = { ...services, ...c, who: somebody, allowed };
  const sent = hasFields(route.fields) ? readFields(route.fields, await requestValues(c.request, route.fields)) : {};
  const read = withWholeNames(c.request, route, sent);
  const values = guard && identity ? await guard.admit(identity, route, call, read) : read;
  const result = await route.handle(call, values);
  return result instanceof Response ? result : Response.json(result);
}

/** The app; `fetch` answers every path, also those that are not MLflow's (with ENDPOINT_NOT_FOUND). */
export function createMlflowApp(options: MlflowOptions): Hono {
  const services: MlflowServices = {
    tracking: options.tracking,
    registry: options.registry,
    artifacts: options.artifacts,
    webhooks: options.webhooks,
    clock: options.clock,
    checkClaim: options.checkClaim ?? (async () => {}),
    uploads: createUploads(join(options.scratch, "uploads"), options.artifacts),
  };
  const app = new Hono({ getPath: cleanPath });
  const paths = new Set<string>();
  for (const group of ROUTE_GROUPS)
    for (const route of group.routes) {
      const path = (group.below === "api" ? `/api/${route.version}.0` : "") + pattern(route.path);
      paths.add(path);
      app.on([...route.methods], path, (c) =>
        answer(route, services, options, { request: c.req.raw, params: c.req.param() as Record<string, string> }),
      );
    }
  for (const path of paths)
    app.all(path, () => errorBody(405, "BAD_REQUEST", "The method is not allowed for the requested URL."));
  app.notFound((c) => unknownRoute(c.req.path));
  app.onError((error, c) => {
    // Nobody is there to read the answer, and it is not our fault.
    if (c.req.raw.signal.aborted) return new Response(null, { status: 499 });
    return errorResponse(error);
  });
  return app;
}

/** Whether a path is MLflow's, for a server that answers other things too. */
export const isMlflowPath = (path: string): boolean =>
  /^\/+(api|ajax-api)\/+[234]\.0\/+mlflow(-artifacts)?(\/|$)|^\/+(get-artifact|model-versions\/+get-artifact|version|health|v1\/+traces|graphql)$/.test(
    path,
  );
