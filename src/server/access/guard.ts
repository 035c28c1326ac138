/**
 * The roles at work in MLflow's calls. A viewer reads, an editor also writes, an admin also deletes experiments and models and
 * keeps webhooks. Who has a role in some places only sees those: lists leave the others out, and a call about one of the
 * others is refused.
 */

import { fail } from "../../base/errors.ts";
import type { Call, Route } from "../mlflow/route.ts";
import { type Access, atLeast, type Grant, type Identity, type Role, roleFor } from "./access.ts";
import { subjectsOf } from "./subjects.ts";

type Values = Readonly<Record<string, unknown>>;

const ADMIN = new Set([
  "/mlflow/experiments/delete",
  "/mlflow/experiments/restore",
  "/mlflow/registered-models/delete",
]);
/** Answered to everybody. */
const PUBLIC = new Set(["/health", "/version", "/mlflow/server-info"]);
/** Lists over everything, of which one sees what one may. */
const LISTS: Readonly<Record<string, Grant["kind"]>> = {
  "/mlflow/experiments/search": "experiment",
  "/mlflow/workspaces": "project",
  "/mlflow/registered-models/search": "model",
  "/mlflow/model-versions/search": "model",
};
/** The part's address holds a secret of the upload itself. */
const PART = "/mlflow-artifacts/mpu/part/";

const isRead = (route: Route): boolean =>
  route.methods.every((method) => method === "GET") ||
  /\/(search|search-datasets|get-latest-versions|batchGetInfos)$/.test(route.path);

export const neededRole = (route: Route): Role =>
  ADMIN.has(route.path) || route.path.startsWith("/mlflow/webhooks") ? "admin" : isRead(route) ? "viewer" : "editor";

const granted = (identity: Identity, kind: Grant["kind"]): string[] =>
  identity.grants.filter((grant) => grant.kind === kind && atLeast(grant.role, "viewer")).map((grant) => grant.subject);

function refuse(identity: Identity, needed: Role, kind: Grant["kind"], subject: string): never {
  throw fail("FORBIDDEN", {
    what: `${identity.name} is ${roleFor(identity, kind, subject)} in ${kind} ${subject}, and must be ${needed} for this`,
  });
}

function checkAll(identity: Identity, needed: Role, kind: Grant["kind"], subjects: readonly string[]): void {
  for (const subject of subjects)
    if (!atLeast(roleFor(identity, kind, subject), needed)) refuse(identity, needed, kind, subject);
}

/** The fields as far as the identity may; FORBIDDEN when it may not at all. */
async function admit(identity: Identity, route: Route, call: Call, values: Values): Promise<Values> {
  const needed = neededRole(route);
  if (atLeast(identity.role, needed)) return values;
  const list = LISTS[route.path];
  if (list !== undefined && isRead(route)) return { ...values, only: granted(identity, list) };
  if (Array.isArray(values.experiment_ids) && needed === "viewer") {
    const may = (id: unknown) => atLeast(roleFor(identity, "experiment", String(id)), needed);
    return { ...values, experiment_ids: values.experiment_ids.filter(may) };
  }
  const { experiments, models, projects, readModels } = await subjectsOf(route, call, values);
  // Registering a version reads its run, and writes to the model.
  const ofRun = route.path === "/mlflow/model-versions/create" ? "viewer" : needed;
  checkAll(identity, ofRun, "experiment", experiments);
  checkAll(identity, needed, "model", models);
  checkAll(identity, "viewer", "model", readModels);
  checkAll(identity, needed, "project", projects);
  if (experiments.length + models.length + projects.length === 0 && !route.path.startsWith(PART))
    throw fail("FORBIDDEN", { what: `${identity.name} is ${identity.role}, and must be ${needed} for this` });
  return values;
}

export interface Guard {
  /** Who asks, before anything else is read; undefined while the server is open. UNAUTHENTICATED. */
  enter(request: Request, route: Route): Promise<Identity | undefined>;
  admit(identity: Identity, route: Route, call: Call, values: Values): Promise<Values>;
}

export const createGuard = (access: Access): Guard => ({
  async enter(request, route) {
    if (PUBLIC.has(route.path) || (await access.isOpen())) return undefined;
    return access.identify(request.headers.get("authorization"));
  },
  admit,
});

/** For what is not MLflow's: the identity has that role everywhere, or for the model that is asked about. UNAUTHENTICATED, FORBIDDEN. */
export async function requireRole(
  access: Access,
  request: Request,
  needed: Role,
  model?: string,
): Promise<Identity | undefined> {
  if (await access.isOpen()) return undefined;
  const identity = await access.identify(request.headers.get("authorization"));
  requireRoleIn(identity, needed, model);
  return identity;
}

/** FORBIDDEN unless the identity has that role for the model, without one everywhere; on an open server everybody has. */
export function requireRoleIn(identity: Identity | undefined, needed: Role, model?: string): void {
  if (!identity) return;
  if (model !== undefined) checkAll(identity, needed, "model", [model]);
  else if (!atLeast(identity.role, needed))
    throw fail("FORBIDDEN", { what: `${identity.name} is ${identity.role}, and must be ${needed} for this` });
}
