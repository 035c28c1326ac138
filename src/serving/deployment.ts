/**
 * Deployments on disk: `deploy/<model>/<id>/deployment.yaml`, written once and never changed, and the symlink `current`
 * that names the one to serve. Deploying and rolling back are the same act: point the link elsewhere. Serving processes
 * read nothing else, so what is here is the whole truth of what serves.
 */

import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, readlink } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type Clock, isoTime, systemClock } from "../base/clock.ts";
import { asTrimtabError, fail } from "../base/errors.ts";
import { publish, swapLink, writeFileAtomic } from "../base/files.ts";
import { log } from "../base/log.ts";
import { show } from "../spec/values.ts";
import { readYaml, writeYaml } from "../spec/yaml.ts";

export interface DeployedVersion {
  /** The registered model's name. */
  name: string;
  version: number;
  /** Absolute here; in the file relative to the folder that holds `deploy/` when it is inside it, so a workspace can move. */
  folder: string;
  /** Share of the traffic of /predict, in percent; the weights of a deployment sum to 100. */
  weight: number;
  /** "/predict", or "/predict/<variant>" for one that is only addressed by name. */
  endpoint: string;
  /** "champion", "challenger", …: unique in the deployment. */
  variant: string;
}

export interface Deployment {
  /** Sorts by time of creation. */
  id: string;
  model: string;
  /** ISO 8601, UTC. */
  created: string;
  reason: string;
  strategy: "direct" | "shadow" | "canary" | "ab";
  models: DeployedVersion[];
  /** `columns`: fields that requests may carry besides the model's inputs; captured, never shown to the model. */
  capture: { enabled: boolean; columns: string[] };
  /** Decides with a request's subject key which variant answers. The steps of one rollout share it. */
  salt: string;
  /** The deployment that was current when this one was made. */
  previous?: string;
}

export interface DeployRequest {
  /** The workspace's deploy/ folder. */
  deployDir: string;
  model: string;
  reason: string;
  strategy?: Deployment["strategy"];
  /** Weight 100 and variant "champion" when one is given without. */
  models: {
    name?: string;
    version: number;
    folder: string;
    weight?: number;
    variant?: string;
    endpoint?: string;
  }[];
  capture?: Partial<Deployment["capture"]>;
  /** Default: the new deployment's id. */
  salt?: string;
  clock?: Clock;
  /** Called after the swap; the caller's journal. */
  onEvent?: (event: DeployEvent) => Promise<void> | void;
}

export interface DeployEvent {
  type: "deployed" | "rolled_back";
  model: string;
  from: string | undefined;
  to: string;
  reason: string;
  models: DeployedVersion[];
}

/** Writes a new deployment and makes it current. Throws INVALID when its weights or variants do not add up. */
export async function deployVersion(request: DeployRequest): Promise<Deployment> {
  const previous = await currentId(request.deployDir, request.model);
  const deployment = compose(request, previous);
  const folder = folderOf(request.deployDir, request.model, deployment.id);
  const staging = `${folder}.tmp`;
  await mkdir(staging, { recursive: true });
  await writeFileAtomic(join(staging, "deployment.yaml"), format(deployment, request.deployDir));
  await publish(staging, folder);
  await point(request.deployDir, request.model, deployment.id);
  await request.onEvent?.(eventOf("deployed", deployment, previous, request.reason));
  return deployment;
}

export interface RollbackRequest {
  deployDir: string;
  model: string;
  /** A deployment's id; undefined: the last one before the current that served other versions alone. */
  to?: string;
  reason?: string;
  onEvent?: (event: DeployEvent) => Promise<void> | void;
}

/** Makes an earlier deployment current again. Throws DEPLOY_NOTHING when there is none, NOT_FOUND for an unknown id. */
export async function rollback(request: RollbackRequest): Promise<Deployment> {
  const { deployDir, model, to } = request;
  const from = await currentId(deployDir, model);
  const target =
    to === undefined ? await lastBefore(deployDir, model, from) : await readDeployment(deployDir, model, to);
  await point(deployDir, model, target.id);
  await request.onEvent?.(eventOf("rolled_back", target, from, request.reason ?? "rollback"));
  return target;
}

/** The current deployment of a model; undefined when it has none. */
export async function currentDeployment(deployDir: string, model: string): Promise<Deployment | undefined> {
  const id = await currentId(deployDir, model);
  return id === undefined ? undefined : readDeployment(deployDir, model, id);
}

/** A damaged manifest must not hide the others. */
function unreadable(error: unknown): undefined {
  log.warn("a deployment cannot be read", { error: asTrimtabError(error).oneLine() });
}

/** Every deployment of a model that can be read, newest first. */
export async function deploymentHistory(
  deployDir: string,
  model: string,
): Promise<(Deployment & { current: boolean })[]> {
  const current = await currentId(deployDir, model);
  const names = await namesIn(folderOf(deployDir, model));
  const ids = names.filter((name) => name !== "current" && !name.endsWith(".tmp")).sort((a, b) => (a < b ? 1 : -1));
  const all = await Promise.all(ids.map((id) => readDeployment(deployDir, model, id).catch(unreadable)));
  return all.flatMap((deployment) => (deployment ? [{ ...deployment, current: deployment.id === current }] : []));
}

/** The current deployment's id of every model that has one, by the model's name. */
export async function currentIds(deployDir: string): Promise<Map<string, string>> {
  const names = (await namesIn(deployDir)).sort();
  const ids = await Promise.all(names.map((name) => currentId(deployDir, name)));
  const found = new Map<string, string>();
  names.forEach((name, index) => {
    const id = ids[index];
    if (id !== undefined) found.set(name, id);
  });
  return found;
}

/** The id that `current` names; undefined when there is no link. */
export async function currentId(deployDir: string, model: string): Promise<string | undefined> {
  try {
    return basename(await readlink(join(folderOf(deployDir, model), "current")));
  } catch {
    return undefined;
  }
}

/** True when the link is gone. One that cannot be looked at, by a process that has no files left to open, is not gone. */
export async function isUndeployed(deployDir: string, model: string): Promise<boolean> {
  const code = await lstat(join(folderOf(deployDir, model), "current")).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Reads one manifest. Throws NOT_FOUND, FILE_NOT_READABLE, or INVALID when it is not one, or one of another folder. */
export async function readDeployment(deployDir: string, model: string, id: string): Promise<Deployment> {
  const place = join(folderOf(deployDir, model, id), "deployment.yaml");
  const text = await readFile(place, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR")
      throw fail("FILE_NOT_READABLE", { what: `cannot read (${error.code})`, place, cause: error });
    throw fail("NOT_FOUND", { what: `there is no deployment ${id} of ${model}`, place, mend: ELSEWHERE, cause: error });
  });
  const raw = parseManifest(text, place, model, id);
  const home = dirname(resolve(deployDir));
  return { ...raw, models: raw.models.map((version) => ({ ...version, folder: resolve(home, version.folder) })) };
}

/** Names and ids come from requests too: NOT_FOUND for one that would lead out of its folder. */
function folderOf(deployDir: string, ...names: string[]): string {
  for (const name of names)
    if (/^\.{0,2}$|[/\0]/.test(name)) throw fail("NOT_FOUND", { what: `nothing here is called ${show(name)}` });
  return join(deployDir, ...names);
}

const ELSEWHERE = "trimtab rollback, or trimtab deploy <version>";

/** People edit and copy these files. One that names another folder would be loaded again at every look. */
function parseManifest(text: string, place: string, model: string, id: string): Deployment {
  const refuse = (what: string, cause?: unknown) => fail("INVALID", { what, place, mend: ELSEWHERE, cause });
  let raw: unknown;
  try {
    raw = readYaml(text, place).value;
  } catch (error) {
    throw refuse(`the deployment's manifest ${asTrimtabError(error).message}`, error);
  }
  if (!isManifest(raw)) throw refuse("the file is not a deployment");
  if (raw.id !== id || raw.model !== model)
    throw refuse(`the manifest is that of ${show(raw.id)} of ${show(raw.model)}`);
  const wrong = complaintOf(raw.models);
  if (wrong !== undefined) throw refuse(wrong);
  return raw;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const isManifest = (raw: unknown): raw is Deployment =>
  isObject(raw) &&
  "id" in raw &&
  "model" in raw &&
  "capture" in raw &&
  isObject(raw.capture) &&
  "models" in raw &&
  Array.isArray(raw.models) &&
  raw.models.length > 0 &&
  raw.models.every(isDeployedVersion);

const isDeployedVersion = (raw: Partial<DeployedVersion> | null): boolean =>
  typeof raw?.name === "string" &&
  typeof raw.version === "number" &&
  typeof raw.folder === "string" &&
  typeof raw.weight === "number" &&
  typeof raw.variant === "string";

const namesIn = async (folder: string): Promise<string[]> => await readdir(folder).catch(() => []);

const point = (deployDir: string, model: string, id: string): Promise<void> =>
  swapLink(join(folderOf(deployDir, model), "current"), id);

function eventOf(type: DeployEvent["type"], to: Deployment, from: string | undefined, reason: string): DeployEvent {
  return { type, model: to.model, from, to: to.id, reason, models: to.models };
}

function compose(request: DeployRequest, previous: string | undefined): Deployment {
  const models = request.models.map((given): DeployedVersion => {
    const variant = given.variant ?? "champion";
    return {
      name: given.name ?? request.model,
      version: given.version,
      folder: resolve(given.folder),
      weight: given.weight ?? 100,
      endpoint: given.endpoint ?? "/predict",
      variant,
    };
  });
  const wrong = complaintOf(models);
  if (wrong !== undefined) throw fail("INVALID", { what: wrong, place: "models" });
  const now = isoTime((request.clock ?? systemClock).nowMs());
  const second = now.slice(0, 19).replace(/[-:]/g, "").replace("T", "_");
  const id = `${second}_${now.slice(20, 23)}_${randomBytes(2).toString("hex")}`;
  return {
    id,
    model: request.model,
    created: now,
    reason: request.reason,
    strategy: request.strategy ?? "direct",
    models,
    capture: { enabled: true, columns: [], ...request.capture },
    salt: request.salt ?? id,
    ...(previous !== undefined && { previous }),
  };
}

/** Why weights or variants do not add up. */
function complaintOf(models: readonly DeployedVersion[]): string | undefined {
  const sum = models.reduce((total, version) => total + version.weight, 0);
  if (models.some((version) => !(version.weight >= 0)) || Math.abs(sum - 100) > 1e-9)
    return `the weights sum to ${sum}, not to 100`;
  if (new Set(models.map((version) => version.variant)).size < models.length)
    return "two versions share a variant's name";
  return undefined;
}

function format(deployment: Deployment, deployDir: string): string {
  const home = dirname(resolve(deployDir));
  const portable = (folder: string): string => {
    const path = relative(home, folder);
    return path.startsWith("..") || isAbsolute(path) ? folder : path;
  };
  const models = deployment.models.map((version) => ({ ...version, folder: portable(version.folder) }));
  return writeYaml({ ...deployment, models });
}

/** The nearest ancestor that served one set of versions to everyone, other than what serves now. */
async function lastBefore(deployDir: string, model: string, from: string | undefined): Promise<Deployment> {
  const nothing = (what: string) => fail("DEPLOY_NOTHING", { what, place: model });
  if (from === undefined) throw nothing("nothing is deployed");
  const versions = (d: Deployment) => d.models.filter((v) => v.weight > 0).map((v) => `${v.name}/${v.version}`);
  const now = await readDeployment(deployDir, model, from).catch(unreadable);
  if (now === undefined) {
    const before = (await deploymentHistory(deployDir, model)).find((d) => d.id < from && versions(d).length === 1);
    if (before) return before;
    throw nothing("no earlier deployment can be read");
  }
  const served = versions(now).join();
  for (let id = now.previous; id !== undefined; ) {
    const earlier = await readDeployment(deployDir, model, id);
    if (versions(earlier).length === 1 && versions(earlier).join() !== served) return earlier;
    id = earlier.previous;
  }
  throw nothing("there is no earlier deployment to go back to");
}
