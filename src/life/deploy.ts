/**
 * A registered version goes live: it is loaded, its features are checked against training, it answers its samples, and only
 * then `current` is swapped. Rolling back swaps to an earlier deployment; it was proven when it was made.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import type { ModelVersion } from "../registry/types.ts";
import {
  currentDeployment,
  type DeployEvent,
  type Deployment,
  deployVersion,
  rollback,
} from "../serving/deployment.ts";
import { loadProven } from "../serving/prove.ts";
import type { Pipeline } from "../spec/types.ts";
import type { Life } from "./context.ts";
import { runtimeOptions } from "./evaluate.ts";
import { underGuard } from "./loop-guard.ts";
import { readFitted } from "./references.ts";

/** Alias of the version that serves. */
export const CHAMPION = "champion";

/** Proves that a folder loads, computes the features of training and answers its samples. */
export async function proveVersion(folder: string, root: string): Promise<void> {
  await underGuard(folder, async () => (await loadProven(folder, runtimeOptions(root))).close());
}

/** Deploys one version with all of the traffic, as the pipeline says. Throws when it cannot be proven; nothing changes then. */
export async function deploy(
  life: Life,
  pipeline: Pipeline,
  options: { version: number; reason: string },
): Promise<Deployment> {
  const version = await life.registry.getVersion(pipeline.model, options.version);
  await checkWindows(pipeline, folderOf(version));
  await proveVersion(folderOf(version), life.workspace.root);
  const deployment = await deployVersion({
    deployDir: life.workspace.deploy,
    model: pipeline.model,
    reason: options.reason,
    models: [{ version: options.version, folder: folderOf(version) }],
    capture: { columns: pipeline.monitor.time ? [pipeline.monitor.time] : [] },
    clock: life.clock,
    onEvent: (event) => journal(life, event),
  });
  await life.registry.setAlias(pipeline.model, CHAMPION, options.version, {
    actor: life.actor,
    reason: options.reason,
  });
  return deployment;
}

/**
 * Windows over past rows are served from what training saved and what the process has answered since. That is exact when
 * one process answers everything and a request brings all that a window looks at; otherwise the version is refused.
 */
async function checkWindows(pipeline: Pipeline, folder: string): Promise<void> {
  const place = join(folder, "features.json");
  if (!existsSync(place)) return;
  const { observed, target } = await readFitted(place);
  if (observed.some((column) => column.name === target?.name))
    throw fail("NOT_AVAILABLE", {
      what: `a window looks at the target ${target?.name}, which requests cannot bring`,
      place,
      mend: "aggregate columns that requests have",
    });
  if (observed.length > 0 && pipeline.deploy.replicas !== 1)
    throw fail("INVALID", {
      what: "windows remember what one process has answered, and several would each know a part",
      place: `${pipeline.file} deploy.replicas`,
      mend: "set deploy.replicas: 1",
    });
}

/** Makes an earlier deployment current again; the one before the current when `to` is absent. */
export async function rollBack(
  life: Life,
  model: string,
  options: { to?: string; reason: string },
): Promise<Deployment> {
  const deployment = await rollback({
    deployDir: life.workspace.deploy,
    model,
    ...(options.to ? { to: options.to } : {}),
    reason: options.reason,
    onEvent: (event) => journal(life, event),
  });
  await life.registry.setAlias(model, CHAMPION, deployment.models[0]!.version, {
    actor: life.actor,
    reason: options.reason,
  });
  return deployment;
}

/** Moves an alias. Throws INVALID for the champion's, which moves with deployments only. */
export async function moveAlias(life: Life, to: { model: string; version: number; alias: string }): Promise<void> {
  if (to.alias === CHAMPION)
    throw fail("INVALID", {
      what: "the champion is the version that serves",
      place: "alias",
      mend: `trimtab deploy ${to.version}`,
    });
  await life.registry.setAlias(to.model, to.alias, to.version, { actor: life.actor, reason: "by hand" });
}

/** The version that takes the traffic now; undefined before the first deployment. */
export async function championOf(life: Life, model: string): Promise<ModelVersion | undefined> {
  const deployment = await currentDeployment(life.workspace.deploy, model);
  const serving = deployment?.models.reduce((a, b) => (b.weight > a.weight ? b : a));
  return serving ? life.registry.getVersion(model, serving.version) : undefined;
}

/** Folder of a version's files. Throws MODEL_INVALID when there is none here. */
export function folderOf(version: ModelVersion): string {
  if (version.folder !== undefined && existsSync(version.folder)) return version.folder;
  throw fail("MODEL_INVALID", {
    what: `the files of version ${version.version} are not here`,
    place: version.folder ?? version.source,
  });
}

/** Writes a deployment or a rollback into the journal. */
export const journal = (life: Life, event: DeployEvent): Promise<void> =>
  life.event({
    kind: event.type === "deployed" ? "deployment.made" : "deployment.rolled_back",
    subject: `model/${event.model}`,
    reason: event.reason,
    data: {
      from: event.from,
      to: event.to,
      versions: event.models.map(({ version, weight }) => ({ version, weight })),
    },
  });
